//! Changing a role's name and description.

use authz::Within;
use contracts::access::RoleId;
use db::UnitOfWork;

use super::Refusal;
use crate::domain::{Changes, Role};
use crate::manifest::RoleUpdate;
use crate::store::{roles, system_roles};

/// Changes a role, if it still is as the client knows it.
///
/// # Errors
/// [`Refusal`]: not found, a system role, out of reach before or after the change, stale.
pub(crate) async fn update_role(
    within: &Within<RoleUpdate>,
    uow: &UnitOfWork,
    id: RoleId,
    is_current: impl FnOnce(&Role) -> bool,
    changes: Changes,
) -> Result<Role, Refusal> {
    let mut role = reach_role(within, uow, id).await?;
    if !is_current(&role) {
        return Err(Refusal::Stale);
    }
    role.change(changes, uow.now());
    roles::save(uow, within, &mut role).await?;
    Ok(role)
}

/// The role for a change, within the actor's grant, held until the unit ends.
///
/// # Errors
/// [`Refusal`]: not found, a system role, out of reach.
pub(super) async fn reach_role<P: authz::Permission>(
    within: &Within<P>,
    uow: &UnitOfWork,
    id: RoleId,
) -> Result<Role, Refusal> {
    match roles::lock(uow, within, within.organization(), id).await? {
        Some(role) => Ok(role),
        None => Err(system_roles::missing(uow, id).await?),
    }
}
