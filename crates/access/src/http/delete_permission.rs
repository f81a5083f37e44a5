//! `DELETE /permissions/{id}`

use contracts::catalog::PermissionId;
use http::{Answer, ApiError, Doc, ErrorCode, PathId, Requires};

use crate::app::delete_permission;
use crate::manifest::PermissionDelete;

pub(super) fn doc() -> Doc {
    Doc::new("deletePermission", "Delete a permission")
        .describe("Everybody loses it, in every organization. One that the program declares cannot be deleted.")
        .answers_nothing("It is deleted")
        .refuses([ErrorCode::ConflictState])
}

pub(super) async fn handle(caller: Requires<PermissionDelete>, path: PathId<PermissionId>) -> Result<Answer, ApiError> {
    let id = path.found()?;
    let (granted, precondition) = (caller.granted().clone(), caller.precondition());
    caller
        .write(move |uow| {
            let (granted, precondition) = (granted.clone(), precondition.clone());
            async move {
                let is_current = |current: &_| precondition.check(current).is_ok();
                delete_permission(&granted, &uow, id, is_current).await?;
                Ok(Answer::no_content())
            }
        })
        .await
}
