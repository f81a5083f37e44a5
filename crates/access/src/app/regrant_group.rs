//! Changing who is in a group, and what it holds.

use authz::Within;
use authz::snapshot::{Offer, SystemRole, Touched};
use contracts::access::{Judge, JudgeError, RoleId};
use contracts::catalog::PermissionId;
use contracts::identity::UserId;
use db::UnitOfWork;
use kernel::{Id as _, Rule, RuleViolation};

use super::update_group::reach_group;
use super::{Refusal, changes};
use crate::decisions::offers_of_role;
use crate::domain::{Group, GroupId};
use crate::manifest::GroupUpdate;
use crate::store::{groups, memberships, permissions, roles};

/// What is put into a group, or taken out of it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    /// A user of the organization. That it exists is for the caller to have seen in this unit.
    Member(UserId),
    /// A role.
    Role(RoleId),
    /// A permission.
    Permission(PermissionId),
}

/// Puts something into a group; what is in it stays.
///
/// # Errors
/// [`Refusal`]: an unknown group, role or permission, `MODULE_MANAGER`, out of reach, more than the actor holds.
pub(crate) async fn put_part(
    within: &Within<GroupUpdate>,
    uow: &UnitOfWork,
    judge: &dyn Judge,
    id: GroupId,
    part: Part,
) -> Result<Group, Refusal> {
    let organization = within.organization();
    let mut group = reach_group(within, uow, id).await?;
    let snapshot = judge.snapshot();
    match part {
        Part::Member(user) => {
            // A group that the snapshot does not know is new, and nothing was put into it yet.
            let offers = snapshot.offers_of_group(id.as_uuid()).unwrap_or_default();
            judge.may_offer(within.actor(), &offers, uow.now())?;
            if memberships::add_member(uow, organization, id, user).await? {
                group.regrant("members", None, Some(&user.to_string()));
                changes::user(uow, organization, user);
            }
        }
        Part::Role(role) => {
            let found = roles::lookup_in(uow, organization, role).await?;
            let role = found.ok_or(Refusal::NotFound)?;
            if SystemRole::find(&role.code) == Some(SystemRole::ModuleManager) {
                return Err(Refusal::Invalid(RuleViolation::new("roleId", Rule::Invalid)));
            }
            let offers = offers_of_role(snapshot, role.id, None, None)?;
            judge.may_offer(within.actor(), &offers, uow.now())?;
            if memberships::add_role(uow, organization, id, role.id, role.is_system).await? {
                group.regrant("roles", None, Some(&role.code));
                changes::group(uow, organization, id);
            }
        }
        Part::Permission(permission) => {
            let found = permissions::lookup(uow.global().reads(), permission).await?;
            let (view, _) = found.ok_or(Refusal::NotFound)?;
            let index = snapshot.catalogue().find_by_id(permission.as_uuid());
            let offer = Offer {
                permission: index.ok_or(JudgeError::Outdated)?,
                condition: None,
                expires_at: None,
            };
            judge.may_offer(within.actor(), &[offer], uow.now())?;
            if memberships::add_permission(uow, organization, id, permission).await? {
                group.regrant("permissions", None, Some(&view.code));
                changes::group(uow, organization, id);
            }
        }
    }
    groups::tell(uow, &mut group)?;
    Ok(group)
}

/// Takes something out of a group.
///
/// # Errors
/// [`Refusal`]: an unknown group, what is not in it, out of reach, or the one by which somebody administers the organization.
pub(crate) async fn remove_part(
    within: &Within<GroupUpdate>,
    uow: &UnitOfWork,
    judge: &dyn Judge,
    id: GroupId,
    part: Part,
) -> Result<(), Refusal> {
    let organization = within.organization();
    let mut group = reach_group(within, uow, id).await?;
    let (was_there, touched) = match part {
        Part::Member(user) => {
            let was_there = memberships::remove_member(uow, organization, id, user).await?;
            group.regrant("members", Some(&user.to_string()), None);
            changes::user(uow, organization, user);
            (was_there, Touched::User(user.as_uuid()))
        }
        Part::Role(role) => {
            let found = roles::lookup_in(uow, organization, role).await?;
            let role = found.ok_or(Refusal::NotFound)?;
            let was_there = memberships::remove_role(uow, organization, id, role.id).await?;
            group.regrant("roles", Some(&role.code), None);
            changes::group(uow, organization, id);
            (was_there, Touched::Group(id.as_uuid()))
        }
        Part::Permission(permission) => {
            let found = permissions::lookup(uow.global().reads(), permission).await?;
            let (view, _) = found.ok_or(Refusal::NotFound)?;
            let was_there = memberships::remove_permission(uow, organization, id, permission).await?;
            group.regrant("permissions", Some(&view.code), None);
            changes::group(uow, organization, id);
            (was_there, Touched::Group(id.as_uuid()))
        }
    };
    if !was_there {
        return Err(Refusal::NotFound);
    }
    judge.keeps_an_administrator(uow, &[touched]).await?;
    groups::tell(uow, &mut group)?;
    Ok(())
}
