//! Changing an endpoint.

use authz::Granted;
use db::UnitOfWork;

use super::Refusal;
use crate::domain::{Changes, Endpoint, EndpointId};
use crate::manifest::EndpointUpdate;
use crate::store::endpoints;

/// Changes an endpoint, if it still is as the client knows it. One that is switched on goes on with what waited for it.
///
/// # Errors
/// [`Refusal`]: not found, stale.
pub(crate) async fn update_endpoint(
    granted: &Granted<EndpointUpdate>,
    uow: &UnitOfWork,
    id: EndpointId,
    is_current: impl FnOnce(&Endpoint) -> bool,
    changes: Changes,
) -> Result<Endpoint, Refusal> {
    let Some(mut endpoint) = endpoints::lock(uow, granted.organization(), id).await? else {
        return Err(Refusal::NotFound);
    };
    if !is_current(&endpoint) {
        return Err(Refusal::Stale);
    }
    endpoint.change(changes, granted.actor(), uow.now());
    endpoints::save(uow, &mut endpoint).await?;
    Ok(endpoint)
}
