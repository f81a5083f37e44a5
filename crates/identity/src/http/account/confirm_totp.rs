//! `POST /auth/me/mfa/totp/confirm`

use std::sync::Arc;

use contracts::identity::UserId;
use http::{Answer, ApiError, Authenticated, Body, Doc, ErrorCode};
use kernel::secret::ExposeSecret as _;
use kernel::{ActorKind, Id as _};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::verify_mfa::CodeText;
use crate::app::confirm_factor;
use crate::service::service;

http::input! {
    /// A code of the authenticator that was set up.
    pub(crate) struct ConfirmTotp {
        /// The six digits that it shows.
        code: CodeText,
    }
}

/// Codes for when the authenticator is lost. They are never printed: these are secrets.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RecoveryCodeList, rename_all = "camelCase")]
pub(crate) struct RecoveryCodesView {
    /// Each replaces a code of the authenticator once.
    recovery_codes: Vec<String>,
}

pub(super) fn doc() -> Doc {
    Doc::new("confirmTotp", "Confirm an authenticator")
        .describe(
            "From now on every login asks for a code. Where the challenge of a login was the bearer token, that login goes on with \
             `POST /auth/mfa/verify`, with the next code or a recovery code: the code of this confirmation works once.",
        )
        .takes::<ConfirmTotp>(json!({ "code": "287082" }))
        .answers::<RecoveryCodesView>(
            "The recovery codes, shown once",
            json!({ "recoveryCodes": ["4fkq-0zbr-8m2t-x9ya", "…"] }),
        )
        .refuses([ErrorCode::NotFound, ErrorCode::ConflictState])
}

pub(super) async fn handle(caller: Authenticated, Body(input): Body<ConfirmTotp>) -> Result<Answer, ApiError> {
    if caller.actor().kind != ActorKind::User {
        return Err(ApiError::not_found());
    }
    let (service, organization) = (service(caller.app())?, caller.organization());
    let user = UserId::from_uuid(caller.actor().id);
    caller
        .write(move |uow| {
            let (service, code) = (Arc::clone(&service), input.code.clone());
            async move {
                let codes = confirm_factor(&service, &uow, organization, user, code.expose()).await?;
                let shown = |code: &crate::domain::RecoveryCode| code.to_text().expose_secret().to_owned();
                let view = RecoveryCodesView {
                    recovery_codes: codes.iter().map(shown).collect(),
                };
                let without = RecoveryCodesView {
                    recovery_codes: Vec::new(),
                };
                Answer::ok(&view)?.with_secret(&without)
            }
        })
        .await
}
