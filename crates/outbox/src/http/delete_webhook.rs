//! `DELETE /webhooks/{id}`

use http::{Answer, ApiError, Doc, PathId, Requires};

use crate::app::delete_endpoint;
use crate::domain::EndpointId;
use crate::manifest::EndpointDelete;
use crate::view::WebhookView;

pub(super) fn doc() -> Doc {
    Doc::new("deleteWebhook", "Remove a webhook endpoint")
        .describe("What was not delivered to it is not delivered any more.")
        .answers_nothing("It is removed")
}

pub(super) async fn handle(caller: Requires<EndpointDelete>, path: PathId<EndpointId>) -> Result<Answer, ApiError> {
    let id = path.found()?;
    let (granted, precondition) = (caller.granted().clone(), caller.precondition());
    caller
        .write(move |uow| {
            let (granted, precondition) = (granted.clone(), precondition.clone());
            async move {
                let is_current = |current: &_| precondition.check(&WebhookView::from(current)).is_ok();
                delete_endpoint(&granted, &uow, id, is_current).await?;
                Ok(Answer::no_content())
            }
        })
        .await
}
