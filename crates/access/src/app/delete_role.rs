//! Deleting a role.

use authz::Granted;
use contracts::access::RoleId;
use db::{AccessChange, ChangeKind, UnitOfWork};

use super::Refusal;
use crate::domain::Role;
use crate::manifest::RoleDelete;
use crate::store::{roles, system_roles};

/// Deletes a role, and with it every grant of it.
///
/// # Errors
/// [`Refusal`]: not found, a system role, stale.
pub(crate) async fn delete_role(
    granted: &Granted<RoleDelete>,
    uow: &UnitOfWork,
    id: RoleId,
    is_current: impl FnOnce(&Role) -> bool,
) -> Result<(), Refusal> {
    let Some(mut role) = roles::lock(uow, granted.organization(), id).await? else {
        return Err(system_roles::missing(uow, id).await?);
    };
    if !is_current(&role) {
        return Err(Refusal::Stale);
    }
    role.delete();
    roles::remove(uow, &mut role).await?;
    uow.access_changed(AccessChange {
        organization_id: Some(granted.organization()),
        kind: ChangeKind::Role,
        subject: None,
        until: None,
    });
    Ok(())
}
