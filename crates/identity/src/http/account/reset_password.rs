//! `POST /auth/password/reset`

use axum::extract::State;
use contracts::identity::UserView;
use http::{Answer, ApiError, App, Body, Doc, ErrorCode, Public, SecretText};
use kernel::secret::ExposeSecret as _;
use serde_json::json;

use super::Following;
use crate::app::{follow, reset_password};
use crate::http::example;
use crate::http::inputs::ChosenPassword;
use crate::http::limited::Limited;
use crate::mail::post;
use crate::store::one_time_tokens::Purpose;

http::input! {
    /// The token of a link, and the password to be.
    pub(crate) struct ResetPassword {
        /// The token of the link.
        token: SecretText,
        /// The password from now on: as long as the organization asks for, with letters and digits, not one of the commonest, and
        /// not containing what stands before the `@` of one's address.
        password: ChosenPassword,
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("resetPassword", "Set a new password")
        .describe(
            "Spends the token of a mailed link. All sessions end, and no new one begins: who has a second factor is asked for it at \
             the next login as before. A token that was spent, has expired or never was one is a problem of `token`.",
        )
        .takes::<ResetPassword>(json!({ "token": example::RESET_TOKEN, "password": "cinco corvos 5" }))
        .answers::<UserView>("The user, whose sessions have ended", example::user())
        .refuses([ErrorCode::RateLimitExceeded, ErrorCode::InternalUnavailable])
}

pub(super) async fn handle(
    caller: Public<Following>,
    Limited(service): Limited,
    State(app): State<App>,
    Body(input): Body<ResetPassword>,
) -> Result<Answer, ApiError> {
    let post = post(&app)?;
    let purposes = [Purpose::Reset, Purpose::Setup];
    let followed = follow(&service, input.token.0.expose_secret(), &purposes).await?;
    let state = followed.user.state();
    let policy = service.password_policy(state.organization).await?;
    let password = input.password.check("password", policy, &state.email)?;
    let hash = service.hash(password).await?;
    let user = reset_password(&service, &post, followed, hash, caller.request()).await?;
    Answer::ok(&UserView::from(&user))
}
