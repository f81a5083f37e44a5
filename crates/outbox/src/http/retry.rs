//! `POST /webhooks/deliveries/{id}/retry`

use http::{Answer, ApiError, Doc, ErrorCode, NoBody, PathId, Requires};

use super::views::DeliveryView;
use crate::app::retry_delivery;
use crate::domain::DeliveryId;
use crate::manifest::DeliveryRetry;
use crate::service::Service;

pub(super) fn doc() -> Doc {
    Doc::new("retryDelivery", "Deliver again")
        .describe("Tries now, and as often as a new delivery if that fails. What was delivered already is not delivered again.")
        .accepts::<DeliveryView>("The delivery, which is on its way", super::example::delivery())
        .refuses([ErrorCode::ConflictState])
}

pub(super) async fn handle(
    caller: Requires<DeliveryRetry>,
    path: PathId<DeliveryId>,
    _: NoBody,
) -> Result<Answer, ApiError> {
    let (id, granted) = (path.found()?, caller.granted().clone());
    let service = Service::of(caller.app())?;
    let answer = caller
        .write_in(caller.unit().unaudited("deliveries are not audited"), move |uow| {
            let granted = granted.clone();
            async move {
                let revived = retry_delivery(&granted, &uow, id).await?;
                let scope = uow.scope(granted.organization()).reads();
                Answer::accepted(&DeliveryView::one(scope, revived).await?)
            }
        })
        .await?;
    service.wake();
    Ok(answer)
}
