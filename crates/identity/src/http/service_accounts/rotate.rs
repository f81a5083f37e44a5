//! `POST /service-accounts/{id}/rotate-secret`

use std::sync::Arc;

use contracts::identity::{ServiceAccountId, ServiceAccountView};
use http::{Answer, ApiError, Doc, ErrorCode, OptionalBody, PathId, RequiresWithin};
use serde_json::json;

use super::{ServiceAccountWithSecret, with_secret};
use crate::app::rotate_secret;
use crate::crypto::{OpaqueSecret, SecretKind};
use crate::http::inputs::Overlap;
use crate::manifest::ServiceAccountUpdate;

http::input! {
    /// How to rotate a secret.
    pub(crate) struct RotateClientSecret {
        /// For how long the secret before, and the tokens asked for with it, still work: `10s`, `15m`, `1h`, `7d`, at most `30d`.
        overlap: Overlap = Overlap::default(),
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("rotateClientSecret", "Give a service account another secret")
        .describe(
            "The new secret is in `clientSecret`, this once. The one before ends at once, with the tokens that were asked for with \
             it, or after `overlap`. It takes every permission on the account's list.",
        )
        .may_take::<RotateClientSecret>(json!({ "overlap": "1h" }))
        .answers::<ServiceAccountWithSecret<'_>>("The service account, with its new secret", with_secret())
        .refuses([ErrorCode::RbacEscalation, ErrorCode::ConflictState])
}

pub(super) async fn handle(
    caller: RequiresWithin<ServiceAccountUpdate>,
    path: PathId<ServiceAccountId>,
    OptionalBody(input): OptionalBody<RotateClientSecret>,
) -> Result<Answer, ApiError> {
    let (id, within, overlap) = (path.found()?, caller.within().clone(), input.overlap.get());
    let random = &*caller.app().generators().random;
    let secret = OpaqueSecret::generate(SecretKind::ClientSecret, caller.organization(), random);
    let secret = Arc::new(secret);
    caller
        .write_judged(move |uow, judge| {
            let (within, secret) = (within.clone(), Arc::clone(&secret));
            async move {
                let account = rotate_secret(&within, &uow, &*judge, id, &secret, overlap).await?;
                let account = ServiceAccountView::from(&account);
                Answer::ok(&ServiceAccountWithSecret::new(&account, &secret))?.with_secret(&account)
            }
        })
        .await
}
