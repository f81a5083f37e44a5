//! Changing a role's name and description.

use authz::Granted;
use contracts::access::RoleId;
use db::UnitOfWork;

use super::Refusal;
use crate::domain::{Changes, Role};
use crate::manifest::RoleUpdate;
use crate::store::{roles, system_roles};

/// Changes a role, if it still is as the client knows it.
///
/// # Errors
/// [`Refusal`]: not found, a system role, stale.
pub(crate) async fn update_role(
    granted: &Granted<RoleUpdate>,
    uow: &UnitOfWork,
    id: RoleId,
    is_current: impl FnOnce(&Role) -> bool,
    changes: Changes,
) -> Result<Role, Refusal> {
    let Some(mut role) = roles::lock(uow, granted.organization(), id).await? else {
        return Err(system_roles::missing(uow, id).await?);
    };
    if !is_current(&role) {
        return Err(Refusal::Stale);
    }
    role.change(changes, uow.now());
    roles::save(uow, &mut role).await?;
    Ok(role)
}
