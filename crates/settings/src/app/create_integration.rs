//! Making a connection to another system.

use authz::Granted;
use db::UnitOfWork;
use kernel::RuleViolation;
use vault::Sealer;

use super::Refusal;
use crate::domain::{Connection, Integration, NewIntegration};
use crate::manifest::IntegrationCreate;
use crate::store::integrations;

/// Makes a connection of the organization acted in, to where `admit` lets it connect.
///
/// # Errors
/// [`Refusal`]: an address that nothing connects to.
pub(crate) async fn create_integration(
    granted: &Granted<IntegrationCreate>,
    uow: &UnitOfWork,
    sealer: &Sealer,
    admit: impl FnOnce(&Connection) -> Vec<RuleViolation>,
    new: NewIntegration,
) -> Result<Integration, Refusal> {
    let id = uow.generators().id();
    let mut integration = Integration::create(granted.organization(), id, new, uow.now());
    let refused = admit(integration.state());
    if !refused.is_empty() {
        return Err(Refusal::Violations(refused));
    }
    integrations::add(uow, sealer, &mut integration).await?;
    Ok(integration)
}
