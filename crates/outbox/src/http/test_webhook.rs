//! `POST /webhooks/{id}/test`

use http::{Answer, ApiError, Doc, NoBody, PathId, Requires};

use super::views::DeliveryView;
use crate::app::test_endpoint;
use crate::domain::EndpointId;
use crate::manifest::EndpointUpdate;
use crate::service::Service;

pub(super) fn doc() -> Doc {
    Doc::new("testWebhook", "Send a test event")
        .describe("Sends a `webhook.test` with the endpoint itself as its data, whatever the endpoint subscribes to.")
        .accepts::<DeliveryView>("The delivery, which is on its way", super::example::delivery())
}

pub(super) async fn handle(
    caller: Requires<EndpointUpdate>,
    path: PathId<EndpointId>,
    _: NoBody,
) -> Result<Answer, ApiError> {
    let (id, granted) = (path.found()?, caller.granted().clone());
    let service = Service::of(caller.app())?;
    let answer = caller
        .write_in(caller.unit().unaudited("deliveries are not audited"), move |uow| {
            let granted = granted.clone();
            async move {
                let added = test_endpoint(&granted, &uow, id).await?;
                let scope = uow.scope(granted.organization()).reads();
                Answer::accepted(&DeliveryView::one(scope, added).await?)
            }
        })
        .await?;
    service.wake();
    Ok(answer)
}
