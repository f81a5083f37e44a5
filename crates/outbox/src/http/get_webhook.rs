//! `GET /webhooks/{id}`

use http::{Answer, ApiError, Doc, PathId, Requires};

use crate::domain::EndpointId;
use crate::manifest::EndpointRead;
use crate::store::endpoints;
use crate::view::WebhookView;

pub(super) fn doc() -> Doc {
    Doc::new("getWebhook", "Get a webhook endpoint").answers::<WebhookView>("The endpoint", super::example::webhook())
}

pub(super) async fn handle(caller: Requires<EndpointRead>, path: PathId<EndpointId>) -> Result<Answer, ApiError> {
    let scope = caller.app().db().scope(caller.granted().organization());
    let found = endpoints::lookup(scope, path.found()?).await?;
    Answer::ok(&found.ok_or_else(ApiError::not_found)?)
}
