//! `DELETE /groups/{id}`

use http::{Answer, ApiError, Doc, ErrorCode, PathId, RequiresWithin};

use crate::app::delete_group;
use crate::domain::GroupId;
use crate::manifest::GroupDelete;
use crate::view::GroupView;

pub(super) fn doc() -> Doc {
    Doc::new("deleteGroup", "Delete a group")
        .describe("Its members lose what it granted.")
        .answers_nothing("It is deleted")
        .refuses([ErrorCode::ConflictState])
}

pub(super) async fn handle(caller: RequiresWithin<GroupDelete>, path: PathId<GroupId>) -> Result<Answer, ApiError> {
    let id = path.found()?;
    let (within, precondition) = (caller.within().clone(), caller.precondition());
    caller
        .write_judged(move |uow, judge| {
            let (within, precondition) = (within.clone(), precondition.clone());
            async move {
                let is_current = |current: &_| precondition.check(&GroupView::from(current)).is_ok();
                delete_group(&within, &uow, &*judge, id, is_current).await?;
                Ok(Answer::no_content())
            }
        })
        .await
}
