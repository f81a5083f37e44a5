//! `POST /users/{id}/unlock`

use std::sync::Arc;

use contracts::identity::{UserId, UserView};
use http::{Answer, ApiError, Doc, ErrorCode, NoBody, PathId, RequiresWithin};

use crate::app::unlock_user;
use crate::manifest::UserUpdate;
use crate::service::service;

pub(super) fn doc() -> Doc {
    Doc::new("unlockUser", "Unlock a user")
        .describe(
            "Ends the lock that failed logins led to, and forgets them. Unlocking a user that is not locked changes nothing.",
        )
        .answers::<UserView>("The user", crate::http::example::user())
        .refuses([ErrorCode::RbacEscalation])
}

pub(super) async fn handle(
    caller: RequiresWithin<UserUpdate>,
    path: PathId<UserId>,
    _: NoBody,
) -> Result<Answer, ApiError> {
    let (id, service, within) = (path.found()?, service(caller.app())?, caller.within().clone());
    caller
        .write_judged(move |uow, judge| {
            let (within, service) = (within.clone(), Arc::clone(&service));
            async move {
                let user = unlock_user(&within, &uow, &service, &*judge, id).await?;
                Answer::ok(&UserView::from(&user))
            }
        })
        .await
}
