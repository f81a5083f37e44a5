//! HTTP: routes that cannot be open by accident, bodies that cannot be half checked, and answers that all look alike.
//!
//! A context's `http` folder has one file an endpoint. The file is read from top to bottom: what the endpoint takes, what its
//! documentation says, and a handler of a few lines. This is `POST /invoices`, whole:
//!
//! ```
//! # mod context {
//! # use kernel::{checked_text, RuleViolation};
//! # authz::permission!(
//! #     /// Create invoices.
//! #     pub struct InvoiceCreate = "FINANCE" "INVOICE" "CREATE", Tenant, "Create invoices"
//! # );
//! # kernel::id!(
//! #     /// Names an invoice.
//! #     pub struct InvoiceId = "invoice"
//! # );
//! # #[derive(Clone, Debug)]
//! # pub struct Title(String);
//! # impl Title { fn new(raw: &str) -> Result<Self, RuleViolation> { checked_text("title", raw, 2, 120).map(Self) } }
//! # http::text_value! { Title, Title::new, http::TextSchema { example: "Flour, May", ..Default::default() } }
//! # #[derive(serde::Serialize, utoipa::ToSchema)]
//! # pub struct InvoiceView { id: String, title: String }
//! # async fn create_invoice(
//! #     granted: &authz::Granted<InvoiceCreate>, _: &db::UnitOfWork, title: Title,
//! # ) -> Result<InvoiceView, ApiError> {
//! #     let _ = granted.organization();
//! #     Ok(InvoiceView { id: String::new(), title: title.0 })
//! # }
//! use http::{Answer, ApiError, App, Body, Doc, ErrorCode, Requires, Routes};
//! use serde_json::json;
//!
//! http::input! {
//!     /// What an invoice is made of.
//!     pub(crate) struct CreateInvoice {
//!         /// What it is for.
//!         title: Title,
//!         /// In how many instalments it is paid.
//!         instalments: http::Int<1, 48> = http::Int::of::<1>(),
//!     }
//! }
//!
//! pub(super) fn doc() -> Doc {
//!     Doc::new("createInvoice", "Create an invoice")
//!         .takes::<CreateInvoice>(json!({ "title": "Flour, May" }))
//!         .creates::<InvoiceView>("The invoice", json!({ "id": "…", "title": "Flour, May" }))
//!         .refuses([ErrorCode::ConflictDuplicate])
//! }
//!
//! pub(super) async fn handle(
//!     caller: Requires<InvoiceCreate>,
//!     Body(input): Body<CreateInvoice>,
//! ) -> Result<Answer, ApiError> {
//!     let granted = caller.granted().clone();
//!     caller
//!         .write(move |uow| {
//!             let (granted, input) = (granted.clone(), input.clone());
//!             async move {
//!                 let made = create_invoice(&granted, &uow, input.title).await?;
//!                 Answer::created(&format!("/invoices/{}", made.id), &made)
//!             }
//!         })
//!         .await
//! }
//!
//! // In `http/mod.rs`, one line for each endpoint: the context's whole surface on one page.
//! pub(crate) fn routes() -> Routes<App> {
//!     Routes::new("Invoices", "What customers owe.").post("/invoices", handle, doc())
//! }
//! # }
//! # assert_eq!(context::routes().lines()[0].access().as_str(), "FINANCE_INVOICE_CREATE");
//! ```
//!
//! # What follows from the types
//!
//! | the handler's argument | what it means |
//! |---|---|
//! | first: [`Requires<P>`], [`Authenticated`] or [`Public<R>`] | who may call. Without one of them in the first place the route does not compile; the documentation and the access matrix read the same type |
//! | [`PathId<I>`], [`PathIds<A, B>`], [`PathText`] | what the path names; `found()?` answers 404 for what is no id, after the body was checked |
//! | [`ListQuery<F, K>`], [`StreamQuery<F>`], [`Query<F>`] | declared filters and orders; every other parameter is refused |
//! | last: [`Body<T>`], [`OptionalBody<T>`], [`NoBody`] or [`RawBody`] | the body, read only once the permission is decided; all its problems at once |
//!
//! A handler answers `Result<Answer, ApiError>`. [`Answer`]'s constructors are the end of a handler: [`Answer::ok`],
//! [`Answer::created`], [`Answer::accepted`], [`Answer::no_content`], [`ListQuery::answer`]. A use case's error becomes an
//! [`ApiError`] by `From`; [`ErrorCode`] is the whole catalogue.
//!
//! # Changes
//!
//! [`Caller::write`] is the way to the database for a change: it makes the unit of work with the caller, the request's origin and
//! the `Idempotency-Key`, and a repeated request gets the stored answer. `If-Match` is checked inside, by
//! [`Precondition::check`] against the object as the transaction sees it; a handler that forgets cannot commit.
//!
//! # What nobody has to think of
//!
//! The [`Edge`] gives every request its id, its place in the log and the metrics, its time limit and a net under panics, and every
//! answer its envelope, language, security headers, 304 and compression. [`serve_routes`] adds health, metrics and the
//! documentation to the contexts' routes; [`serve`] puts it all on a socket.

mod answer;
mod app;
mod body;
mod client_ip;
mod connections;
mod cors;
mod doc;
mod docs;
mod edge;
mod error;
mod guard;
mod health;
mod input;
mod json;
mod judged;
mod metrics;
mod module;
pub mod openapi;
mod path;
mod problems;
pub mod query;
mod quota;
mod rate;
mod request;
mod routes;
mod scrape;
mod sealed;
mod server;
mod standing;
mod streamed;
mod trace;
mod write;

pub use answer::{Answer, Precondition};
pub use app::{App, AppParts, Environment, Freshness, HttpConfig, SpanMaker};
pub use body::{Body, NoBody, OptionalBody, RawBody};
pub use client_ip::Peer;
pub use doc::Doc;
pub use edge::Edge;
pub use error::{ApiError, Details, ErrorCode, Message};
pub use guard::{
    Access, Authenticated, Authenticator, Caller, Credential, Guard, Guarded, Identity, Public, PublicReason,
    RateLimiter, RateState, RateVerdict, Requires, RequiresWithin, TenantState, Tenants, Unlimited,
};
pub use health::{HealthChecks, HealthReport};
pub use input::{IdText, Input, Int, Keep, Patch, SecretText, TextSchema, TimeText};
pub use metrics::{Counter, Metrics};
pub use module::{Foundation, Job, Jobs, Module, StartFailed, Worker};
pub use path::{PathId, PathIds, PathText};
pub use problems::Problems;
pub use query::{
    Filters, KeyKind, ListQuery, Place, PlaceKey, Query, QueryParameters, QueryValue, RawQuery, Search, SortKey,
    StreamQuery,
};
pub use rate::{Allowance, Buckets};
pub use request::RequestContext;
pub use routes::{RouteInfo, Routes, serve_admin, serve_routes};
pub use sealed::{Resealed, SealedColumn, reseal, why_closed};
pub use server::serve;
pub use standing::{LastEventId, Standing};
pub use streamed::{EVENT_STREAM, Streamed};
pub use trace::TraceContext;

/// What the macros of this crate expand to; not for use by hand.
#[doc(hidden)]
pub mod __private {
    pub use deserr;
    pub use kernel::{Rule, RuleViolation, Sort};
    pub use serde;
    pub use utoipa;
    pub use utoipa::openapi::path::Parameter;
    pub use utoipa::openapi::{RefOr, Schema};

    pub use crate::input::{ChoiceSchema, read_text};
    pub use crate::query::{parameter, required};
}
