//! Delivering once more.

use authz::Granted;
use db::UnitOfWork;

use super::Refusal;
use crate::domain::DeliveryId;
use crate::manifest::DeliveryRetry;
use crate::store::deliveries::Delivery;
use crate::store::{deliveries, endpoints};

/// Has a delivery tried now, dead or not, and again as often as a new one if it fails.
///
/// # Errors
/// [`Refusal`]: not found, delivered already, its endpoint gone.
pub(crate) async fn retry_delivery(
    granted: &Granted<DeliveryRetry>,
    uow: &UnitOfWork,
    id: DeliveryId,
) -> Result<Delivery, Refusal> {
    let organization = granted.organization();
    let Some(delivery) = deliveries::find(uow.scope(organization).reads(), id).await? else {
        return Err(Refusal::NotFound);
    };
    // Always the endpoint before its deliveries, as whoever delivers does: so nobody waits in a circle.
    if endpoints::lock(uow, organization, delivery.endpoint).await?.is_none() {
        return Err(Refusal::EndpointGone);
    }
    let Some(delivery) = deliveries::lock(uow, organization, id).await? else {
        return Err(Refusal::NotFound);
    };
    if delivery.status == "delivered" {
        return Err(Refusal::Delivered);
    }
    deliveries::revive(uow, organization, id, uow.now()).await?;
    deliveries::arrange(uow, organization, delivery.endpoint, delivery.order_key).await?;
    endpoints::wake(uow, organization, [delivery.endpoint], uow.now()).await?;
    let revived = deliveries::find(uow.scope(organization).reads(), id).await?;
    revived.ok_or(Refusal::NotFound)
}
