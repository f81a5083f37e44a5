//! `POST /auth/email/verify`

use axum::extract::State;
use contracts::identity::UserView;
use http::{Answer, ApiError, App, Body, Doc, ErrorCode, Public, SecretText};
use kernel::secret::ExposeSecret as _;
use serde_json::json;

use super::Following;
use crate::app::{follow, verify_email};
use crate::http::example;
use crate::http::limited::Limited;
use crate::mail::post;
use crate::store::one_time_tokens::Purpose;

http::input! {
    /// The token of a link.
    pub(crate) struct VerifyEmail {
        /// The token of the link.
        token: SecretText,
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("verifyEmail", "Confirm an address")
        .describe(
            "Spends the token of a mailed link. Who registered with an organization that asks for it may log in from then on; a \
             changed address counts from then on, and the address before is told.",
        )
        .takes::<VerifyEmail>(json!({ "token": example::EMAIL_TOKEN }))
        .answers::<UserView>("The user, whose address is confirmed", example::user())
        .refuses([
            ErrorCode::ConflictDuplicate,
            ErrorCode::RateLimitExceeded,
            ErrorCode::RateLimitQuotaExceeded,
        ])
}

pub(super) async fn handle(
    caller: Public<Following>,
    Limited(service): Limited,
    State(app): State<App>,
    Body(input): Body<VerifyEmail>,
) -> Result<Answer, ApiError> {
    let post = post(&app)?;
    let purposes = [Purpose::Verify, Purpose::EmailChange];
    let followed = follow(&service, input.token.0.expose_secret(), &purposes).await?;
    let user = verify_email(&service, &post, followed, caller.request()).await?;
    Answer::ok(&UserView::from(&user))
}
