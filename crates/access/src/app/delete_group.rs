//! Deleting a group.

use authz::Within;
use authz::snapshot::Touched;
use contracts::access::Judge;
use db::UnitOfWork;
use kernel::Id as _;

use super::update_group::reach_group;
use super::{Refusal, changes};
use crate::domain::{Group, GroupId};
use crate::manifest::GroupDelete;
use crate::store::groups;

/// Deletes a group: its members lose what it granted.
///
/// # Errors
/// [`Refusal`]: not found, out of reach, stale, or the one by which somebody administers the organization.
pub(crate) async fn delete_group(
    within: &Within<GroupDelete>,
    uow: &UnitOfWork,
    judge: &dyn Judge,
    id: GroupId,
    is_current: impl FnOnce(&Group) -> bool,
) -> Result<(), Refusal> {
    let mut group = reach_group(within, uow, id).await?;
    if !is_current(&group) {
        return Err(Refusal::Stale);
    }
    group.delete();
    groups::remove(uow, &mut group).await?;
    judge
        .keeps_an_administrator(uow, &[Touched::Group(id.as_uuid())])
        .await?;
    changes::group(uow, within.organization(), id);
    Ok(())
}
