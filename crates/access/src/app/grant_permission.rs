//! Granting permissions to roles.

use std::sync::Arc;

use authz::Within;
use authz::conditions::Condition;
use authz::snapshot::Offer;
use contracts::Manifests;
use contracts::access::{Judge, RoleId};
use contracts::catalog::PermissionId;
use db::UnitOfWork;
use kernel::Id as _;

use super::update_role::reach_role;
use super::{Refusal, changes};
use crate::manifest::RoleUpdate;
use crate::store::role_permissions::Held;
use crate::store::{permissions, role_permissions, roles};
use crate::view::RolePermissionView;

/// A permission for a role.
#[derive(Debug, Clone)]
pub(crate) struct Granting {
    pub(crate) role: RoleId,
    pub(crate) permission: PermissionId,
    pub(crate) condition: Option<Arc<Condition>>,
}

/// Grants a permission to a role; of one that it holds already the condition is replaced. Whether it is new.
///
/// # Errors
/// [`Refusal`]: an unknown role or permission, a system role, out of reach, a condition that makes no sense for the permission's
/// objects, more than the actor holds.
pub(crate) async fn grant_permission(
    within: &Within<RoleUpdate>,
    uow: &UnitOfWork,
    judge: &dyn Judge,
    manifests: &Manifests,
    granting: Granting,
) -> Result<(RolePermissionView, bool), Refusal> {
    let organization = within.organization();
    let Granting {
        role: id,
        permission,
        condition,
    } = granting;
    let mut role = reach_role(within, uow, id).await?;
    let found = permissions::lookup(uow.global().reads(), permission).await?;
    let (view, _) = found.ok_or(Refusal::NotFound)?;
    // A permission made a moment ago is in the next snapshot.
    let index = judge.snapshot().catalogue().find_by_id(permission.as_uuid());
    let offer = Offer {
        permission: index.ok_or(contracts::access::JudgeError::Outdated)?,
        condition: condition.clone(),
        expires_at: None,
    };
    if let Some(misfit) = misfit(manifests, &view.code, condition.as_deref()) {
        return Err(Refusal::Invalid(misfit));
    }
    judge.may_offer(within.actor(), &[offer], uow.now())?;
    let before = role_permissions::find(uow, organization, id, permission).await?;
    let source = condition.as_deref().map(Condition::source);
    let is_same = before.as_ref().is_some_and(|held| held.condition.as_deref() == source);
    if !is_same {
        role_permissions::put(uow, organization, id, permission, source).await?;
        let was = before.as_ref().map(|held| told(&view.code, held.condition.as_deref()));
        role.regrant("permissions", was.as_deref(), Some(&told(&view.code, source)));
        roles::tell(uow, &mut role)?;
        changes::role(uow, organization, id);
    }
    let granted = RolePermissionView {
        permission_id: permission,
        permission_code: view.code.clone(),
        permission: view,
        conditions: condition.as_deref().map(contracts::access::condition_json),
        created_at: before.as_ref().map_or_else(|| uow.now(), |held: &Held| held.created_at),
    };
    Ok((granted, before.is_none()))
}

/// Takes a permission from a role.
///
/// # Errors
/// [`Refusal`]: an unknown role, a permission that it does not hold, a system role, out of reach.
pub(crate) async fn withdraw_permission(
    within: &Within<RoleUpdate>,
    uow: &UnitOfWork,
    id: RoleId,
    permission: PermissionId,
) -> Result<(), Refusal> {
    let organization = within.organization();
    let mut role = reach_role(within, uow, id).await?;
    let found = permissions::lookup(uow.global().reads(), permission).await?;
    let (view, _) = found.ok_or(Refusal::NotFound)?;
    if !role_permissions::remove(uow, organization, id, permission).await? {
        return Err(Refusal::NotFound);
    }
    role.regrant("permissions", Some(&view.code), None);
    roles::tell(uow, &mut role)?;
    changes::role(uow, organization, id);
    Ok(())
}

/// A grant as the audit trail shows it.
fn told(code: &str, condition: Option<&str>) -> String {
    condition.map_or_else(|| code.to_owned(), |condition| format!("{code} {condition}"))
}

/// What in the condition makes no sense for the permission's objects, where a context of this program declares them. What other
/// permissions are about is known where they are asked for.
fn misfit(manifests: &Manifests, permission: &str, condition: Option<&Condition>) -> Option<kernel::RuleViolation> {
    let columns = manifests.condition_fields(permission)?;
    condition?.misfits("conditions", columns).into_iter().next()
}
