//! `POST /auth/password/forgot`

use axum::extract::State;
use http::{Answer, ApiError, App, Body, Doc, ErrorCode, IdText, Public};
use kernel::OrganizationId;
use serde_json::json;

use super::{AcceptedView, Asking};
use crate::app::ask_for_reset;
use crate::domain::Email;
use crate::http::auth::{SlugText, named};
use crate::http::limited::Limited;
use crate::mail::post;

http::input! {
    /// Who forgot the password. The organization is named by one of its two names.
    pub(crate) struct ForgotPassword {
        /// The organization's id.
        #[schema(value_type = Option<String>, format = "uuid")]
        organization_id: Option<IdText<OrganizationId>>,
        /// The organization's slug.
        organization_slug: Option<SlugText>,
        /// The address that the link is mailed to.
        email: Email,
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("forgotPassword", "Ask for a new password")
        .describe(
            "Mails a link to the address, if it is that of an active user; the answer is the same for every other. The link works \
             once, within an hour. At most five such mails go to one address in an hour.",
        )
        .takes::<ForgotPassword>(json!({
            "organizationSlug": "padaria-central",
            "email": "ana@padaria.example.com"
        }))
        .with_one_of(&["organizationId", "organizationSlug"])
        .accepts::<AcceptedView>("If there is such a user, a mail is on its way", json!({}))
        .changes_nothing()
        .refuses([ErrorCode::RateLimitExceeded, ErrorCode::InternalUnavailable])
}

pub(super) async fn handle(
    caller: Public<Asking>,
    Limited(service): Limited,
    State(app): State<App>,
    Body(input): Body<ForgotPassword>,
) -> Result<Answer, ApiError> {
    let post = post(&app)?;
    let organization = named(input.organization_id, input.organization_slug)?;
    post.require()?;
    ask_for_reset(&service, &post, &organization, &input.email, caller.request()).await?;
    Answer::accepted(&AcceptedView {})
}
