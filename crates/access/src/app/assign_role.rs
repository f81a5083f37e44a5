//! Granting roles to users.

use authz::Within;
use authz::snapshot::Touched;
use contracts::Admits;
use contracts::access::{Judge, RoleId};
use contracts::identity::UserId;
use db::UnitOfWork;
use kernel::{DomainEvent, FieldValue, Id as _, OrganizationId, Rule, RuleViolation, Timestamp};

use super::{Refusal, changes};
use crate::decisions::offers_of_role;
use crate::manifest::{GRANTED, REVOKED, UserRoleAssign, UserRoleRevoke};
use crate::store::{permissions, roles, user_roles};
use crate::view::{RoleGrantView, ScopeView, UserRoleView};

/// A role for a user.
#[derive(Debug, Clone)]
pub(crate) struct Assignment {
    pub(crate) user: UserId,
    pub(crate) role: RoleId,
    pub(crate) module: Option<String>,
    pub(crate) expires_at: Option<Timestamp>,
}

/// Grants a role to a user of the organization. That the user exists is for the caller to have seen in this unit.
///
/// # Errors
/// [`Refusal`]: an unknown role or module, out of reach, a scope that does not fit the role, an end that is past, a role that the
/// user has, more than the actor holds.
pub(crate) async fn assign_role(
    within: &Within<UserRoleAssign>,
    uow: &UnitOfWork,
    judge: &dyn Judge,
    new: &Assignment,
) -> Result<UserRoleView, Refusal> {
    let organization = within.organization();
    if new.expires_at.is_some_and(|end| end <= uow.now()) {
        return Err(Refusal::Invalid(RuleViolation::new("expiresAt", Rule::InPast)));
    }
    let found = roles::lookup_in(uow, organization, new.role).await?;
    let role = found.ok_or(Refusal::NotFound)?;
    if let Some(module) = &new.module {
        let known = permissions::module_by_code(uow.global().reads(), module).await?;
        if known.is_none() {
            return Err(Refusal::Invalid(RuleViolation::new("scope.module", Rule::UnknownCode)));
        }
    }
    let module = new.module.as_deref();
    let made = UserRoleView {
        role,
        assigned_by: within.actor().as_ref().into(),
        scope: new.module.clone().map(|module| ScopeView { module }),
        expires_at: new.expires_at,
        created_at: uow.now(),
    };
    let offers = offers_of_role(judge.snapshot(), made.role.id, module, new.expires_at)?;
    judge.may_offer(within.actor(), &offers, uow.now())?;
    if !give(uow, within, organization, new.user, &made).await? {
        return Err(Refusal::Duplicate("roleId"));
    }
    Ok(made)
}

/// Takes a role from a user.
///
/// # Errors
/// [`Refusal`]: a role that the user does not hold, out of reach, or the one by which somebody administers the organization.
pub(crate) async fn revoke_role(
    within: &Within<UserRoleRevoke>,
    uow: &UnitOfWork,
    judge: &dyn Judge,
    user: UserId,
    role: RoleId,
    module: Option<&str>,
) -> Result<(), Refusal> {
    let organization = within.organization();
    let found = roles::lookup_in(uow, organization, role).await?;
    let role = found.ok_or(Refusal::NotFound)?;
    let removed = user_roles::remove(uow, within, organization, user, &role, module).await?;
    let removed = removed.ok_or(Refusal::NotFound)?;
    judge
        .keeps_an_administrator(uow, &[Touched::User(user.as_uuid())])
        .await?;
    let event = DomainEvent::new(REVOKED, user).changed("roles", role.code.as_str(), FieldValue::Null);
    uow.record_all(organization, [event], &grant_view(user, &removed))?;
    changes::user(uow, organization, user);
    Ok(())
}

/// Stores a grant that was judged, and tells it; false when the user has it already.
pub(crate) async fn give<A: Admits>(
    uow: &UnitOfWork,
    by: &A,
    organization: OrganizationId,
    user: UserId,
    granted: &UserRoleView,
) -> Result<bool, A::Error> {
    if !user_roles::add(uow, by, organization, user, granted).await? {
        return Ok(false);
    }
    let event = DomainEvent::new(GRANTED, user)
        .changed("roles", FieldValue::Null, granted.role.code.as_str())
        .changed("expiresAt", FieldValue::Null, granted.expires_at)
        .changed("module", FieldValue::Null, granted.module());
    uow.record_all(organization, [event], &grant_view(user, granted))?;
    changes::user(uow, organization, user);
    Ok(true)
}

fn grant_view(user: UserId, granted: &UserRoleView) -> RoleGrantView {
    RoleGrantView {
        id: granted.role.id,
        user_id: user,
        role_code: granted.role.code.clone(),
        scope: granted.scope.clone(),
        expires_at: granted.expires_at,
    }
}
