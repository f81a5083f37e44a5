//! `DELETE /roles/{id}`

use contracts::access::{RoleId, RoleView};
use http::{Answer, ApiError, Doc, ErrorCode, PathId, RequiresWithin};

use crate::app::delete_role;
use crate::manifest::RoleDelete;

pub(super) fn doc() -> Doc {
    Doc::new("deleteRole", "Delete a role")
        .describe("Everybody loses what it granted.")
        .answers_nothing("It is deleted")
        .refuses([ErrorCode::RbacSystemRoleImmutable, ErrorCode::ConflictState])
}

pub(super) async fn handle(caller: RequiresWithin<RoleDelete>, path: PathId<RoleId>) -> Result<Answer, ApiError> {
    let id = path.found()?;
    let (within, precondition) = (caller.within().clone(), caller.precondition());
    caller
        .write_judged(move |uow, judge| {
            let (within, precondition) = (within.clone(), precondition.clone());
            async move {
                let is_current = |current: &_| precondition.check(&RoleView::from(current)).is_ok();
                delete_role(&within, &uow, &*judge, id, is_current).await?;
                Ok(Answer::no_content())
            }
        })
        .await
}
