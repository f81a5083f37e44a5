//! `GET /api-keys/{id}`

use contracts::identity::{ApiKeyId, ApiKeyView};
use http::{Answer, ApiError, Doc, PathId, RequiresWithin};

use crate::manifest::ApiKeyRead;
use crate::store::api_keys::{self, view};

pub(super) fn doc() -> Doc {
    Doc::new("getApiKey", "Get an API key")
        .describe("Never with its secret.")
        .answers::<ApiKeyView>("The key", crate::http::example::api_key())
}

pub(super) async fn handle(caller: RequiresWithin<ApiKeyRead>, path: PathId<ApiKeyId>) -> Result<Answer, ApiError> {
    let scope = caller.app().db().scope(caller.organization());
    let found = api_keys::lookup(scope, caller.within(), path.found()?).await;
    let found = found.map_err(|error| caller.not_admitted(error))?;
    let key = found.ok_or_else(ApiError::not_found)?;
    Answer::ok(&view(&key, caller.app().generators().now()))
}
