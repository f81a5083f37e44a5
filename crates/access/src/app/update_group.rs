//! Changing a group's name and description.

use authz::{Permission, Within};
use db::UnitOfWork;

use super::Refusal;
use crate::domain::{Changes, Group, GroupId};
use crate::manifest::GroupUpdate;
use crate::store::groups;

/// Changes a group, if it still is as the client knows it.
///
/// # Errors
/// [`Refusal`]: not found, out of reach before or after the change, stale.
pub(crate) async fn update_group(
    within: &Within<GroupUpdate>,
    uow: &UnitOfWork,
    id: GroupId,
    is_current: impl FnOnce(&Group) -> bool,
    changes: Changes,
) -> Result<Group, Refusal> {
    let mut group = reach_group(within, uow, id).await?;
    if !is_current(&group) {
        return Err(Refusal::Stale);
    }
    group.change(changes, uow.now());
    groups::save(uow, within, &mut group).await?;
    Ok(group)
}

/// The group for a change, within the actor's grant, held until the unit ends.
///
/// # Errors
/// [`Refusal`]: not found, out of reach.
pub(super) async fn reach_group<P: Permission>(
    within: &Within<P>,
    uow: &UnitOfWork,
    id: GroupId,
) -> Result<Group, Refusal> {
    let found = groups::lock(uow, within, within.organization(), id).await?;
    found.ok_or(Refusal::NotFound)
}
