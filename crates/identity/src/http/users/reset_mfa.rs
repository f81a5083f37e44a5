//! `POST /users/{id}/mfa/reset`

use contracts::identity::{UserId, UserView};
use http::{Answer, ApiError, Doc, ErrorCode, NoBody, PathId, RequiresWithin};

use crate::app::reset_factor;
use crate::http::example;
use crate::mail::post;
use crate::manifest::UserUpdate;

pub(super) fn doc() -> Doc {
    Doc::new("resetMfa", "Remove a user's second factor")
        .describe(
            "For who lost the authenticator and the recovery codes. It takes all that the user holds, and the user is told by mail. \
             Nothing happens where there is none.",
        )
        .answers::<UserView>("The user as it is now", example::user())
        .refuses([ErrorCode::RbacEscalation])
}

pub(super) async fn handle(
    caller: RequiresWithin<UserUpdate>,
    path: PathId<UserId>,
    _: NoBody,
) -> Result<Answer, ApiError> {
    let id = path.found()?;
    let (post, within) = (post(caller.app())?, caller.within().clone());
    let queue = post.queue();
    let work = move |uow: db::UnitOfWork, judge: std::sync::Arc<dyn contracts::access::Judge>| {
        let within = within.clone();
        async move {
            let user = reset_factor(&within, &uow, queue, &*judge, id).await?;
            Answer::ok(&UserView::from(&user))
        }
    };
    let answer = caller.write_judged(work).await?;
    post.wake();
    Ok(answer)
}
