//! `POST /roles/{id}/permissions`

use std::sync::Arc;

use authz::conditions::Condition;
use contracts::Manifests;
use contracts::access::RoleId;
use contracts::catalog::PermissionId;
use http::{Answer, ApiError, Body, Doc, ErrorCode, IdText, PathId, RequiresWithin};
use kernel::{Rule, RuleViolation};
use serde_json::json;

use super::inputs::{AnyObject, PermissionIdText};
use crate::app::{Granting, grant_permission};
use crate::manifest::RoleUpdate;
use crate::store::permissions;
use crate::view::RolePermissionView;

http::input! {
    /// A permission for a role, by its id or its code.
    pub(crate) struct GrantPermission {
        /// The permission's id.
        permission_id: Option<PermissionIdText>,
        /// The permission's code.
        permission_code: Option<String>,
        /// What must hold of the object; without it the permission is granted for all.
        conditions: Option<AnyObject>,
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("grantPermission", "Grant a permission to a role")
        .describe("Granted again, its conditions are replaced. Nobody grants more than they hold.")
        .takes::<GrantPermission>(json!({
            "permissionCode": "FINANCE_INVOICE_APPROVE",
            "conditions": { "amount": { "$lte": 100_000 }, "ownerId": "${user.id}" }
        }))
        .with_one_of(&["permissionId", "permissionCode"])
        .answers::<RolePermissionView>("It was granted before", super::example::role_permission())
        .creates::<RolePermissionView>("It is granted", super::example::role_permission())
        .refuses([
            ErrorCode::NotFound,
            ErrorCode::RbacSystemRoleImmutable,
            ErrorCode::RbacEscalation,
        ])
}

pub(super) async fn handle(
    caller: RequiresWithin<RoleUpdate>,
    path: PathId<RoleId>,
    Body(input): Body<GrantPermission>,
) -> Result<Answer, ApiError> {
    let condition = condition(input.conditions)?;
    let permission = permission(&caller, input.permission_id, input.permission_code).await?;
    let granting = Granting {
        role: path.found()?,
        permission,
        condition,
    };
    let (within, manifests) = (caller.within().clone(), caller.app().port::<Manifests>()?);
    caller
        .write_judged(move |uow, judge| {
            let (within, granting, manifests) = (within.clone(), granting.clone(), Arc::clone(&manifests));
            async move {
                let role = granting.role;
                let (granted, is_new) = grant_permission(&within, &uow, &*judge, &manifests, granting).await?;
                if is_new {
                    let location = format!("/roles/{role}/permissions/{}", granted.permission_id);
                    Answer::created(&location, &granted)
                } else {
                    Answer::ok(&granted)
                }
            }
        })
        .await
}

/// The condition, compiled; an empty one holds of everything and is none.
fn condition(sent: Option<AnyObject>) -> Result<Option<Arc<Condition>>, ApiError> {
    let Some(AnyObject(value)) = sent else { return Ok(None) };
    let condition = Condition::from_value("conditions", &value)?;
    Ok((!condition.is_always()).then(|| Arc::new(condition)))
}

/// The id of the permission, which is named in one of two ways: an unknown id is missing, an unknown code a problem of its field.
async fn permission(
    caller: &RequiresWithin<RoleUpdate>,
    id: Option<PermissionIdText>,
    code: Option<String>,
) -> Result<PermissionId, ApiError> {
    match (id, code) {
        (Some(IdText(id)), None) => Ok(id),
        (None, Some(code)) => permissions::find_by_code(caller.app().db().global(), &code)
            .await?
            .ok_or_else(|| ApiError::violation("permissionCode", Rule::UnknownCode)),
        (None, None) => Err(ApiError::violation("permissionId", Rule::Required)),
        (Some(_), Some(_)) => Err(RuleViolation::new("permissionCode", Rule::Invalid).into()),
    }
}
