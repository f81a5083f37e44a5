//! Removing an endpoint.

use authz::Granted;
use db::UnitOfWork;

use super::Refusal;
use crate::domain::{Endpoint, EndpointId};
use crate::manifest::EndpointDelete;
use crate::store::endpoints;

/// Removes an endpoint. What was not delivered to it is not delivered any more, and goes with the old deliveries.
///
/// # Errors
/// [`Refusal`]: not found, stale.
pub(crate) async fn delete_endpoint(
    granted: &Granted<EndpointDelete>,
    uow: &UnitOfWork,
    id: EndpointId,
    is_current: impl FnOnce(&Endpoint) -> bool,
) -> Result<(), Refusal> {
    let Some(mut endpoint) = endpoints::lock(uow, granted.organization(), id).await? else {
        return Err(Refusal::NotFound);
    };
    if !is_current(&endpoint) {
        return Err(Refusal::Stale);
    }
    endpoint.delete();
    endpoints::remove(uow, &mut endpoint).await?;
    Ok(())
}
