//! `POST /users/{id}/activate`

use std::sync::Arc;

use contracts::identity::{UserId, UserView};
use http::{Answer, ApiError, Doc, ErrorCode, NoBody, PathId, RequiresWithin};

use crate::app::activate_user;
use crate::manifest::UserUpdate;
use crate::service::service;

pub(super) fn doc() -> Doc {
    Doc::new("activateUser", "Activate a user")
        .describe("It has again all that it was granted, which it takes to do this. Activating an active one changes nothing.")
        .answers::<UserView>("The user as it is now", crate::http::example::user())
        .refuses([ErrorCode::RbacEscalation, ErrorCode::RateLimitQuotaExceeded])
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
                let user = activate_user(&within, &uow, &service, &*judge, id).await?;
                Answer::ok(&UserView::from(&user))
            }
        })
        .await
}
