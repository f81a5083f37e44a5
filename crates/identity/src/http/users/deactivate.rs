//! `DELETE /users/{id}`

use std::sync::Arc;

use contracts::identity::{UserId, UserView};
use http::{Answer, ApiError, Doc, ErrorCode, PathId, RequiresWithin};

use crate::app::deactivate_user;
use crate::manifest::UserDelete;
use crate::service::service;

pub(super) fn doc() -> Doc {
    Doc::new("deactivateUser", "Deactivate a user")
        .describe(
            "All its sessions end at once, and the keys that it made are worth nothing. It keeps what it was granted, for the time \
             after. Deactivating it again changes nothing. The last administrator of an organization stays.",
        )
        .answers_nothing("It is deactivated")
        .refuses([ErrorCode::RbacEscalation, ErrorCode::ConflictState])
}

pub(super) async fn handle(caller: RequiresWithin<UserDelete>, path: PathId<UserId>) -> Result<Answer, ApiError> {
    let (id, service) = (path.found()?, service(caller.app())?);
    let (within, precondition) = (caller.within().clone(), caller.precondition());
    caller
        .write_judged(move |uow, judge| {
            let (within, precondition, service) = (within.clone(), precondition.clone(), Arc::clone(&service));
            async move {
                let is_current = |current: &_| precondition.check(&UserView::from(current)).is_ok();
                deactivate_user(&within, &uow, &service, &*judge, id, is_current).await?;
                Ok(Answer::no_content())
            }
        })
        .await
}
