//! `DELETE /roles/{id}/parents/{parentRoleId}`

use contracts::access::RoleId;
use http::{Answer, ApiError, Doc, ErrorCode, PathIds, RequiresWithin};

use crate::app::disinherit;
use crate::manifest::RoleUpdate;

pub(super) fn doc() -> Doc {
    Doc::new("removeRoleParent", "Let a role inherit from another no more")
        .answers_nothing("It does not inherit any more")
        .refuses([ErrorCode::RbacSystemRoleImmutable, ErrorCode::ConflictState])
}

pub(super) async fn handle(
    caller: RequiresWithin<RoleUpdate>,
    path: PathIds<RoleId, RoleId>,
) -> Result<Answer, ApiError> {
    let (role, parent) = path.found()?;
    let (within, precondition) = (caller.within().clone(), caller.precondition());
    caller
        .write_judged(move |uow, judge| {
            let (within, precondition) = (within.clone(), precondition.clone());
            async move {
                precondition.check_unversioned()?;
                disinherit(&within, &uow, &*judge, role, parent).await?;
                Ok(Answer::no_content())
            }
        })
        .await
}
