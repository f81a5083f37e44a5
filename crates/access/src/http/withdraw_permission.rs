//! `DELETE /roles/{id}/permissions/{permissionId}`

use contracts::access::RoleId;
use contracts::catalog::PermissionId;
use http::{Answer, ApiError, Doc, ErrorCode, PathIds, RequiresWithin};

use crate::app::withdraw_permission;
use crate::manifest::RoleUpdate;

pub(super) fn doc() -> Doc {
    Doc::new("withdrawPermission", "Take a permission from a role")
        .answers_nothing("The role does not hold it any more")
        .refuses([ErrorCode::RbacSystemRoleImmutable])
}

pub(super) async fn handle(
    caller: RequiresWithin<RoleUpdate>,
    path: PathIds<RoleId, PermissionId>,
) -> Result<Answer, ApiError> {
    let (role, permission) = path.found()?;
    let (within, precondition) = (caller.within().clone(), caller.precondition());
    caller
        .write_judged(move |uow, _| {
            let (within, precondition) = (within.clone(), precondition.clone());
            async move {
                precondition.check_unversioned()?;
                withdraw_permission(&within, &uow, role, permission).await?;
                Ok(Answer::no_content())
            }
        })
        .await
}
