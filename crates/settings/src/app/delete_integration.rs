//! Deleting a connection to another system.

use authz::Granted;
use db::UnitOfWork;
use vault::Sealer;

use super::Refusal;
use crate::domain::{Integration, IntegrationId};
use crate::manifest::IntegrationDelete;
use crate::store::integrations;

/// Deletes a connection, and with it its secrets.
///
/// # Errors
/// [`Refusal`]: not found, stale.
pub(crate) async fn delete_integration(
    granted: &Granted<IntegrationDelete>,
    uow: &UnitOfWork,
    sealer: &Sealer,
    id: IntegrationId,
    is_current: impl FnOnce(&Integration) -> bool,
) -> Result<(), Refusal> {
    let mut found = integrations::lock(uow, sealer, granted.organization(), id)
        .await?
        .ok_or(Refusal::NotFound)?;
    if !is_current(&found) {
        return Err(Refusal::Stale);
    }
    found.delete();
    integrations::remove(uow, &mut found).await?;
    Ok(())
}
