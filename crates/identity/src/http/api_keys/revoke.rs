//! `DELETE /api-keys/{id}`

use contracts::identity::ApiKeyId;
use http::{Answer, ApiError, Doc, PathId, RequiresWithin};

use crate::app::revoke_api_key;
use crate::manifest::ApiKeyDelete;
use crate::store::api_keys::view;

pub(super) fn doc() -> Doc {
    Doc::new("revokeApiKey", "Revoke an API key")
        .describe("For good, and at once. It stays in the list, inactive. Revoking it again changes nothing.")
        .answers_nothing("It is revoked")
}

pub(super) async fn handle(caller: RequiresWithin<ApiKeyDelete>, path: PathId<ApiKeyId>) -> Result<Answer, ApiError> {
    let id = path.found()?;
    let (within, precondition) = (caller.within().clone(), caller.precondition());
    caller
        .write(move |uow| {
            let (within, precondition) = (within.clone(), precondition.clone());
            async move {
                let now = uow.now();
                let is_current = |current: &_| precondition.check(&view(current, now)).is_ok();
                revoke_api_key(&within, &uow, id, is_current).await?;
                Ok(Answer::no_content())
            }
        })
        .await
}
