//! Changing a connection to another system.

use authz::Granted;
use db::UnitOfWork;
use kernel::RuleViolation;
use vault::Sealer;

use super::Refusal;
use crate::domain::{Connection, Integration, IntegrationChanges, IntegrationId};
use crate::manifest::IntegrationUpdate;
use crate::store::integrations;

/// Changes a connection, if it still is as the client knows it, to one that `admit` lets it connect to.
///
/// # Errors
/// [`Refusal`]: not found, stale, wrong values, an address that nothing connects to.
pub(crate) async fn update_integration(
    granted: &Granted<IntegrationUpdate>,
    uow: &UnitOfWork,
    sealer: &Sealer,
    id: IntegrationId,
    is_current: impl FnOnce(&Integration) -> bool,
    admit: impl FnOnce(&Connection) -> Vec<RuleViolation>,
    changes: IntegrationChanges,
) -> Result<Integration, Refusal> {
    let mut found = integrations::lock(uow, sealer, granted.organization(), id)
        .await?
        .ok_or(Refusal::NotFound)?;
    if !is_current(&found) {
        return Err(Refusal::Stale);
    }
    found.change(changes, uow.now()).map_err(Refusal::Violations)?;
    let refused = admit(found.state());
    if !refused.is_empty() {
        return Err(Refusal::Violations(refused));
    }
    integrations::save(uow, sealer, &mut found).await?;
    Ok(found)
}
