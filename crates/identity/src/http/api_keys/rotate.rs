//! `POST /api-keys/{id}/rotate`

use std::sync::Arc;

use contracts::identity::ApiKeyId;
use http::{Answer, ApiError, Doc, ErrorCode, OptionalBody, PathId, RequiresWithin};
use serde_json::json;

use super::{ApiKeyWithSecret, with_secret};
use crate::app::rotate_api_key;
use crate::crypto::{OpaqueSecret, SecretKind};
use crate::http::inputs::Overlap;
use crate::manifest::ApiKeyUpdate;
use crate::store::api_keys::view;

http::input! {
    /// How to rotate a key.
    pub(crate) struct RotateApiKey {
        /// For how long the secret before still works: `10s`, `15m`, `1h`, `7d`, at most `30d`.
        overlap: Overlap = Overlap::default(),
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("rotateApiKey", "Give an API key another secret")
        .describe(
            "The new secret is in `key`, this once. The one before ends at once, or after `overlap`. It takes every permission on \
             the key's list.",
        )
        .may_take::<RotateApiKey>(json!({ "overlap": "1h" }))
        .answers::<ApiKeyWithSecret<'_>>("The key, with its new secret", with_secret())
        .refuses([ErrorCode::RbacEscalation, ErrorCode::ConflictState])
}

pub(super) async fn handle(
    caller: RequiresWithin<ApiKeyUpdate>,
    path: PathId<ApiKeyId>,
    OptionalBody(input): OptionalBody<RotateApiKey>,
) -> Result<Answer, ApiError> {
    let (id, within, overlap) = (path.found()?, caller.within().clone(), input.overlap.get());
    let random = &*caller.app().generators().random;
    let secret = Arc::new(OpaqueSecret::generate(
        SecretKind::ApiKey,
        caller.organization(),
        random,
    ));
    caller
        .write_judged(move |uow, judge| {
            let (within, secret) = (within.clone(), Arc::clone(&secret));
            async move {
                let key = rotate_api_key(&within, &uow, &*judge, id, &secret, overlap).await?;
                let key = view(&key, uow.now());
                Answer::ok(&ApiKeyWithSecret::new(&key, &secret))?.with_secret(&key)
            }
        })
        .await
}
