//! Giving an endpoint another secret.

use authz::Granted;
use db::UnitOfWork;

use super::Refusal;
use crate::domain::{Endpoint, EndpointId, Overlap};
use crate::manifest::EndpointUpdate;
use crate::store::endpoints;

/// Gives an endpoint another secret, made and sealed before the unit.
///
/// # Errors
/// [`Refusal::NotFound`].
pub(crate) async fn rotate_secret(
    granted: &Granted<EndpointUpdate>,
    uow: &UnitOfWork,
    id: EndpointId,
    secret: Vec<u8>,
    overlap: Overlap,
) -> Result<Endpoint, Refusal> {
    let Some(mut endpoint) = endpoints::lock(uow, granted.organization(), id).await? else {
        return Err(Refusal::NotFound);
    };
    endpoint.rotate(secret, overlap, uow.now());
    endpoints::save(uow, &mut endpoint).await?;
    Ok(endpoint)
}
