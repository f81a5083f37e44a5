//! `DELETE /auth/sessions/{id}`

use contracts::identity::SessionId;
use http::{Answer, ApiError, Authenticated, Doc, PathId};
use kernel::Id as _;

use crate::app::{OwnSession, end_own_session};
use crate::domain::UserId;

pub(super) fn doc() -> Doc {
    Doc::new("endSession", "End one of one's sessions").answers_nothing("It has ended")
}

pub(super) async fn handle(caller: Authenticated, path: PathId<SessionId>) -> Result<Answer, ApiError> {
    let id = path.found()?;
    let organization = caller.organization();
    let user = UserId::from_uuid(caller.actor().id);
    let precondition = caller.precondition();
    caller
        .write(move |uow| {
            let precondition = precondition.clone();
            async move {
                precondition.check_unversioned()?;
                if end_own_session(&uow, organization, user, id).await? == OwnSession::Ended {
                    Ok(Answer::no_content())
                } else {
                    Err(ApiError::not_found())
                }
            }
        })
        .await
}
