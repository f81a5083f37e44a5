//! HTTP.

mod answer;
mod app;
mod body;
mod client_ip;
mod cors;
mod doc;
mod docs;
mod edge;
mod error;
mod guard;
mod health;
mod input;
mod json;
mod metrics;
pub mod openapi;
mod path;
mod problems;
pub mod query;
mod request;
mod routes;
mod scrape;
mod server;
mod trace;
mod write;

pub use answer::{Answer, Precondition};
pub use app::{App, AppParts, Environment, Freshness, HttpConfig, SpanMaker};
pub use body::{Body, NoBody, RawBody};
pub use client_ip::Peer;
pub use doc::Doc;
pub use edge::Edge;
pub use error::{ApiError, Details, ErrorCode, Message};
pub use guard::{
    Access, Authenticated, Authenticator, Caller, Credential, Guard, Guarded, Identity, Public, PublicReason,
    RateLimiter, RateState, RateVerdict, Requires, TenantState, Tenants, Unlimited,
};
pub use health::{HealthChecks, HealthReport};
pub use input::{IdText, Input, Int, Keep, Patch, TextSchema};
pub use metrics::Metrics;
pub use path::{PathId, PathIds, PathText};
pub use problems::Problems;
pub use query::{
    Filters, KeyKind, ListQuery, Place, PlaceKey, Query, QueryParameters, QueryValue, RawQuery, Search, SortKey,
    StreamQuery,
};
pub use request::RequestContext;
pub use routes::{RouteInfo, Routes, serve_admin, serve_routes};
pub use server::serve;
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
    pub use crate::query::parameter;
}
