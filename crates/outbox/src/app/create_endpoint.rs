//! Registering an endpoint.

use authz::Granted;
use db::UnitOfWork;

use super::Refusal;
use crate::domain::{Endpoint, EndpointId, NewEndpoint};
use crate::manifest::EndpointCreate;
use crate::store::endpoints;

/// Registers an endpoint under a new id and with a new secret, both made before the unit. Whoever asks is its maker: it gets what
/// they may read.
///
/// # Errors
/// [`Refusal::Storage`].
pub(crate) async fn create_endpoint(
    granted: &Granted<EndpointCreate>,
    uow: &UnitOfWork,
    id: EndpointId,
    new: NewEndpoint,
    secret: Vec<u8>,
) -> Result<Endpoint, Refusal> {
    let maker = granted.actor().as_ref().clone();
    let mut endpoint = Endpoint::create(granted.organization(), id, new, maker, secret, uow.now());
    endpoints::add(uow, &mut endpoint).await?;
    Ok(endpoint)
}
