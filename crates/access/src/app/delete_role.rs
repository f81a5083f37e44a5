//! Deleting a role.

use authz::Within;
use authz::snapshot::Touched;
use contracts::access::{Judge, RoleId};
use db::UnitOfWork;
use kernel::Id as _;

use super::update_role::reach_role;
use super::{Refusal, changes};
use crate::domain::Role;
use crate::manifest::RoleDelete;
use crate::store::roles;

/// Deletes a role, and with it every grant of it.
///
/// # Errors
/// [`Refusal`]: not found, a system role, out of reach, stale, or the one by which somebody administers the organization.
pub(crate) async fn delete_role(
    within: &Within<RoleDelete>,
    uow: &UnitOfWork,
    judge: &dyn Judge,
    id: RoleId,
    is_current: impl FnOnce(&Role) -> bool,
) -> Result<(), Refusal> {
    let mut role = reach_role(within, uow, id).await?;
    if !is_current(&role) {
        return Err(Refusal::Stale);
    }
    role.delete();
    roles::remove(uow, &mut role).await?;
    judge
        .keeps_an_administrator(uow, &[Touched::Role(id.as_uuid())])
        .await?;
    changes::role(uow, within.organization(), id);
    Ok(())
}
