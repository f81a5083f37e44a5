//! Inheritance among roles.

use authz::Within;
use authz::snapshot::{SystemRole, Touched, closing_path};
use contracts::access::{Judge, RoleId, RoleView};
use db::{DbError, UnitOfWork};
use kernel::{Id as _, OrganizationId, Rule, RuleViolation};
use uuid::Uuid;

use super::update_role::reach_role;
use super::{Refusal, changes};
use crate::decisions::offers_of_role;
use crate::manifest::RoleUpdate;
use crate::store::{role_parents, roles};

/// Lets a role inherit from another.
///
/// The unit holds the organization's structural lock, so nobody adds another edge between the question and the insertion.
///
/// # Errors
/// [`Refusal`]: unknown roles, a system role that would inherit, `MODULE_MANAGER` as a parent, out of reach, a cycle, a parent that it
/// has, more than the actor holds.
pub(crate) async fn inherit(
    within: &Within<RoleUpdate>,
    uow: &UnitOfWork,
    judge: &dyn Judge,
    child: RoleId,
    parent: RoleId,
) -> Result<RoleView, Refusal> {
    let organization = within.organization();
    let mut role = reach_role(within, uow, child).await?;
    let found = roles::lookup_in(uow, organization, parent).await?;
    let parent = found.ok_or(Refusal::NotFound)?;
    if SystemRole::find(&parent.code) == Some(SystemRole::ModuleManager) {
        return Err(Refusal::Invalid(RuleViolation::new("parentRoleId", Rule::Invalid)));
    }
    let edges = role_parents::edges(uow, organization).await?;
    if let Some(path) = closing_path(edges, child.as_uuid(), parent.id.as_uuid()) {
        return Err(Refusal::Cycle(codes(uow, organization, &path).await?));
    }
    let offers = offers_of_role(judge.snapshot(), parent.id, None, None)?;
    judge.may_offer(within.actor(), &offers, uow.now())?;
    if !role_parents::add(uow, organization, child, &parent).await? {
        return Err(Refusal::Duplicate("parentRoleId"));
    }
    role.regrant("parents", None, Some(&parent.code));
    roles::tell(uow, &mut role)?;
    changes::role(uow, organization, child);
    Ok(parent)
}

/// Lets a role inherit from another no more.
///
/// # Errors
/// [`Refusal`]: unknown roles, a parent that it does not have, out of reach, or the one by which somebody administers the
/// organization.
pub(crate) async fn disinherit(
    within: &Within<RoleUpdate>,
    uow: &UnitOfWork,
    judge: &dyn Judge,
    child: RoleId,
    parent: RoleId,
) -> Result<(), Refusal> {
    let organization = within.organization();
    let mut role = reach_role(within, uow, child).await?;
    let found = roles::lookup_in(uow, organization, parent).await?;
    let parent = found.ok_or(Refusal::NotFound)?;
    if !role_parents::remove(uow, organization, child, parent.id).await? {
        return Err(Refusal::NotFound);
    }
    judge
        .keeps_an_administrator(uow, &[Touched::Role(child.as_uuid())])
        .await?;
    role.regrant("parents", Some(&parent.code), None);
    roles::tell(uow, &mut role)?;
    changes::role(uow, organization, child);
    Ok(())
}

/// The codes of the roles on the way.
async fn codes(uow: &UnitOfWork, organization: OrganizationId, path: &[Uuid]) -> Result<Vec<String>, DbError> {
    let mut codes = Vec::with_capacity(path.len());
    for &id in path {
        let role = roles::lookup_in(uow, organization, RoleId::from_uuid(id)).await?;
        codes.extend(role.map(|role| role.code));
    }
    Ok(codes)
}
