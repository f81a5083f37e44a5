//! Activating an organization.

use authz::Granted;
use db::UnitOfWork;
use kernel::OrganizationId;

use super::{Refusal, tell_nodes};
use crate::domain::Organization;
use crate::manifest::OrganizationUpdate;
use crate::store::organizations;

/// Lets a deactivated organization act again, and gives its move up if one was begun.
///
/// # Errors
/// [`Refusal`]: not found, or moved to another database.
pub(crate) async fn activate_organization(
    _: &Granted<OrganizationUpdate>,
    uow: &UnitOfWork,
    id: OrganizationId,
) -> Result<Organization, Refusal> {
    let mut organization = organizations::lock(uow, id).await?.ok_or(Refusal::NotFound)?;
    organization.activate(uow.now()).map_err(|_| Refusal::Moved)?;
    if organizations::save(uow, &mut organization).await? {
        tell_nodes(uow, id);
    }
    Ok(organization)
}
