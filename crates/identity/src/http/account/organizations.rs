//! `POST /auth/organizations`

use axum::extract::State;
use http::{Answer, ApiError, App, Body, Doc, ErrorCode, Public};
use serde_json::json;

use super::{AcceptedView, Asking};
use crate::app::ask_for_organizations;
use crate::domain::Email;
use crate::http::limited::Limited;
use crate::mail::post;

http::input! {
    /// Who looks for their organizations.
    pub(crate) struct FindOrganizations {
        /// The address that the links are mailed to.
        email: Email,
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("findOrganizations", "Ask for one's organizations")
        .describe("Mails the links of every organization in which the address is an active user's; the answer is always the same.")
        .takes::<FindOrganizations>(json!({ "email": "ana@padaria.example.com" }))
        .accepts::<AcceptedView>("If there are any, a mail is on its way", json!({}))
        .changes_nothing()
        .refuses([ErrorCode::RateLimitExceeded, ErrorCode::InternalUnavailable])
}

pub(super) async fn handle(
    caller: Public<Asking>,
    Limited(service): Limited,
    State(app): State<App>,
    Body(input): Body<FindOrganizations>,
) -> Result<Answer, ApiError> {
    let post = post(&app)?;
    post.require()?;
    ask_for_organizations(&service, &post, &input.email, caller.request()).await?;
    Answer::accepted(&AcceptedView {})
}
