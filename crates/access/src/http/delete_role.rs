//! `DELETE /roles/{id}`

use contracts::access::{RoleId, RoleView};
use http::{Answer, ApiError, Doc, ErrorCode, PathId, Requires};

use crate::app::delete_role;
use crate::manifest::RoleDelete;

pub(super) fn doc() -> Doc {
    Doc::new("deleteRole", "Delete a role")
        .describe("Everybody loses what it granted.")
        .answers_nothing("It is deleted")
        .refuses([ErrorCode::RbacSystemRoleImmutable])
}

pub(super) async fn handle(caller: Requires<RoleDelete>, path: PathId<RoleId>) -> Result<Answer, ApiError> {
    let id = path.found()?;
    let (granted, precondition) = (caller.granted().clone(), caller.precondition());
    caller
        .write(move |uow| {
            let (granted, precondition) = (granted.clone(), precondition.clone());
            async move {
                let is_current = |current: &_| precondition.check(&RoleView::from(current)).is_ok();
                delete_role(&granted, &uow, id, is_current).await?;
                Ok(Answer::no_content())
            }
        })
        .await
}
