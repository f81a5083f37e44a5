//! `POST /auth/me/mfa/totp`

use contracts::identity::UserId;
use http::{Answer, ApiError, Authenticated, Doc, ErrorCode, NoBody};
use kernel::secret::ExposeSecret as _;
use kernel::{ActorKind, Id as _};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::app::Proposal;
use crate::service::service;

/// What an authenticator is set up with. It is never printed: this is a secret.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TotpSecret, rename_all = "camelCase")]
pub(crate) struct TotpView {
    /// As a person types it: base32.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required, value_type = String)]
    secret: Option<String>,
    /// As a QR code holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required, value_type = String)]
    otpauth_uri: Option<String>,
}

pub(super) fn doc() -> Doc {
    Doc::new("enrolTotp", "Set up an authenticator")
        .describe(
            "Makes a secret for an authenticator (TOTP, RFC 6238: SHA-1, six digits, 30 seconds). It protects nothing before it is \
             confirmed with a code of it; asking again makes another one. Where a login answered `mfaEnrollmentRequired`, its \
             challenge is the bearer token for this and for the confirmation, and for nothing else.",
        )
        .answers::<TotpView>(
            "The secret, shown once",
            json!({
                "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
                "otpauthUri": "otpauth://totp/Padaria:ana%40padaria.example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Padaria&algorithm=SHA1&digits=6&period=30"
            }),
        )
        .refuses([ErrorCode::NotFound, ErrorCode::ConflictState])
}

pub(super) async fn handle(caller: Authenticated, _: NoBody) -> Result<Answer, ApiError> {
    if caller.actor().kind != ActorKind::User {
        // A key or a service account does not log in.
        return Err(ApiError::not_found());
    }
    let (service, organization) = (service(caller.app())?, caller.organization());
    let user = UserId::from_uuid(caller.actor().id);
    let proposal = Proposal::new(&service, organization, user).await?;
    let context = caller
        .unit()
        .unaudited("a second factor that is not confirmed protects nothing");
    caller
        .write_in(context, move |uow| {
            let proposal = proposal.clone();
            async move {
                proposal.store(&uow, organization, user).await?;
                let view = TotpView {
                    secret: Some(proposal.secret.expose_secret().to_owned()),
                    otpauth_uri: Some(proposal.uri.expose_secret().to_owned()),
                };
                let shown = TotpView {
                    secret: None,
                    otpauth_uri: None,
                };
                Answer::ok(&view)?.with_secret(&shown)
            }
        })
        .await
}
