//! Deactivating an organization.

use authz::Granted;
use db::UnitOfWork;
use kernel::OrganizationId;

use super::{Refusal, tell_nodes};
use crate::domain::Organization;
use crate::manifest::OrganizationDelete;
use crate::store::organizations;

/// Ends an organization's access: on this node with the commit, on the others when they read the change feed. Its data stays.
///
/// # Errors
/// [`Refusal`]: not found, stale, or the platform organization.
pub(crate) async fn deactivate_organization(
    _: &Granted<OrganizationDelete>,
    uow: &UnitOfWork,
    id: OrganizationId,
    is_current: impl FnOnce(&Organization) -> bool,
) -> Result<(), Refusal> {
    let mut organization = organizations::lock(uow, id).await?.ok_or(Refusal::NotFound)?;
    if !is_current(&organization) {
        return Err(Refusal::Stale);
    }
    organization.deactivate(uow.now())?;
    if organizations::save(uow, &mut organization).await? {
        tell_nodes(uow, id);
    }
    Ok(())
}
