//! Sending something to an endpoint to see whether it arrives.

use authz::Granted;
use db::UnitOfWork;

use super::Refusal;
use crate::domain::EndpointId;
use crate::manifest::{EndpointUpdate, TEST};
use crate::store::deliveries::{Delivery, NewDelivery};
use crate::store::{deliveries, endpoints};
use crate::view::WebhookView;

/// Adds a delivery of the endpoint's own description, also where it is switched off: then it waits until that is switched on.
///
/// # Errors
/// [`Refusal::NotFound`].
pub(crate) async fn test_endpoint(
    granted: &Granted<EndpointUpdate>,
    uow: &UnitOfWork,
    id: EndpointId,
) -> Result<Delivery, Refusal> {
    let organization = granted.organization();
    let Some(endpoint) = endpoints::lock(uow, organization, id).await? else {
        return Err(Refusal::NotFound);
    };
    let data = serde_json::to_string(&WebhookView::from(&endpoint))
        .map_err(|error| db::DbError::Internal(format!("a webhook endpoint cannot be rendered: {error}")))?;
    let new = NewDelivery {
        id: uow.generators().id(),
        endpoint: id,
        event: uow.generators().id(),
        kind: TEST.to_owned(),
        order: None,
    };
    deliveries::add_test(uow, organization, &new, &data).await?;
    endpoints::wake(uow, organization, [id], uow.now()).await?;
    let added = deliveries::find(uow.scope(organization).reads(), new.id).await?;
    added.ok_or(Refusal::NotFound)
}
