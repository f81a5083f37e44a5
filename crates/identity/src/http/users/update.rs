//! `PATCH /users/{id}`

use contracts::identity::{UserId, UserView};
use http::{Answer, ApiError, Body, Doc, ErrorCode, PathId, RequiresWithin};
use serde_json::json;

use crate::app::{UserChanges, update_user};
use crate::domain::{Email, UserName};
use crate::mail::post;
use crate::manifest::UserUpdate;

http::input! {
    /// What to change about a user; what is absent stays.
    pub(crate) struct UpdateUser {
        /// What people call them.
        name: Keep<UserName>,
        /// Where mail is to reach them. It takes effect when its new owner confirms it.
        email: Keep<Email>,
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("updateUser", "Change a user")
        .describe(
            "Another address takes effect when its new owner follows the link that is mailed there; the old address is told. It \
             takes all that the user holds to change one.",
        )
        .takes::<UpdateUser>(json!({ "name": "Ana Maria Souza" }))
        .answers::<UserView>("The user as it is now", crate::http::example::user())
        .refuses([ErrorCode::RbacEscalation, ErrorCode::ConflictDuplicate])
}

pub(super) async fn handle(
    caller: RequiresWithin<UserUpdate>,
    path: PathId<UserId>,
    Body(input): Body<UpdateUser>,
) -> Result<Answer, ApiError> {
    let id = path.found()?;
    let (within, precondition) = (caller.within().clone(), caller.precondition());
    let changes = UserChanges {
        name: input.name.into_option(),
        email: input.email.into_option(),
    };
    let post = post(caller.app())?;
    if changes.email.is_some() {
        post.require()?;
    }
    let queue = post.queue();
    let answer = caller
        .write_judged(move |uow, judge| {
            let (within, precondition, changes) = (within.clone(), precondition.clone(), changes.clone());
            async move {
                let is_current = |current: &_| precondition.check(&UserView::from(current)).is_ok();
                let user = update_user(&within, &uow, queue, &*judge, id, is_current, changes).await?;
                Answer::ok(&UserView::from(&user))
            }
        })
        .await?;
    post.wake();
    Ok(answer)
}
