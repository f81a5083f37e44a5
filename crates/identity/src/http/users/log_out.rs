//! `POST /users/{id}/logout-all`

use contracts::identity::UserId;
use http::{Answer, ApiError, Doc, ErrorCode, NoBody, PathId, Requires};

use crate::app::log_out_user;
use crate::manifest::SessionRevoke;

pub(super) fn doc() -> Doc {
    Doc::new("logOutUser", "End all sessions of a user")
        .describe("It takes all that the user holds. The user may log in again.")
        .answers_nothing("They are ended")
        .refuses([ErrorCode::RbacEscalation])
}

pub(super) async fn handle(
    caller: Requires<SessionRevoke>,
    path: PathId<UserId>,
    _: NoBody,
) -> Result<Answer, ApiError> {
    let (id, granted) = (path.found()?, caller.granted().clone());
    caller
        .write_judged(move |uow, judge| {
            let granted = granted.clone();
            async move {
                log_out_user(&granted, &uow, &*judge, id).await?;
                Ok(Answer::no_content())
            }
        })
        .await
}
