//! `POST /auth/refresh`

use axum::extract::State;
use http::{Answer, ApiError, App, Body, Doc, ErrorCode, Public, SecretText};
use kernel::secret::ExposeSecret as _;
use serde_json::json;

use super::Continuing;
use super::views::{TokensView, secrets};
use crate::app::refresh;
use crate::http::example;
use crate::service::service;

http::input! {
    /// What continues a session.
    pub(crate) struct Refresh {
        /// The newest refresh token of the session.
        refresh_token: SecretText,
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("refresh", "Get the next tokens of a session")
        .describe(
            "A refresh token is used once. Whoever repeats the last use within a few seconds gets the very same successor, so that \
             parallel tabs and lost answers log nobody out. Any other used token ends the session: somebody has a copy.",
        )
        .takes::<Refresh>(json!({ "refreshToken": example::REFRESH_TOKEN }))
        .answers::<TokensView>("The next tokens", example::tokens())
        .changes_nothing()
        .refuses([
            ErrorCode::AuthInvalidToken,
            ErrorCode::AuthSessionRevoked,
            ErrorCode::AuthRefreshReused,
            ErrorCode::TenantInactive,
            ErrorCode::InternalUnavailable,
        ])
}

pub(super) async fn handle(
    caller: Public<Continuing>,
    State(app): State<App>,
    Body(input): Body<Refresh>,
) -> Result<Answer, ApiError> {
    let service = service(&app)?;
    let tokens = refresh(&service, input.refresh_token.0.expose_secret(), caller.request()).await?;
    secrets(&TokensView::from(&tokens))
}
