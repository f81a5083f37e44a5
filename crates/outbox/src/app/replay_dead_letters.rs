//! Delivering dead letters after all.

use authz::Granted;
use db::UnitOfWork;
use kernel::Timestamp;

use super::Refusal;
use crate::domain::EndpointId;
use crate::manifest::DeliveryRetry;
use crate::store::replays::Replay;
use crate::store::{endpoints, replays};

/// Notes which dead letters are wanted. However many there are, a worker takes them up a few at a time.
///
/// # Errors
/// [`Refusal::NotFound`] for an endpoint that is not there.
pub(crate) async fn replay_dead_letters(
    granted: &Granted<DeliveryRetry>,
    uow: &UnitOfWork,
    webhook_id: Option<EndpointId>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
) -> Result<Replay, Refusal> {
    let organization = granted.organization();
    if let Some(id) = webhook_id
        && endpoints::lookup(uow.scope(organization).reads(), id).await?.is_none()
    {
        return Err(Refusal::NotFound);
    }
    let replay = Replay {
        organization_id: organization,
        id: uow.generators().id(),
        webhook_id,
        from,
        to,
        requested_at: uow.now(),
    };
    replays::add(uow, &replay).await?;
    Ok(replay)
}
