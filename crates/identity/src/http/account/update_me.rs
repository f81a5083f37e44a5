//! `PATCH /auth/me`

use contracts::identity::{UserId, UserView};
use http::{Answer, ApiError, Authenticated, Body, Doc, ErrorCode};
use kernel::{ActorKind, Id as _};
use serde_json::json;

use crate::app::own_acts::ONESELF;
use crate::app::{Refusal, request_email_change, user_changed};
use crate::domain::{Email, UserName};
use crate::http::example;
use crate::mail::post;
use crate::store::users;

http::input! {
    /// What to change about oneself; what is absent stays.
    pub(crate) struct UpdateMe {
        /// What people call one.
        name: Keep<UserName>,
        /// Where mail is to reach one. It takes effect when its new owner confirms it.
        email: Keep<Email>,
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("updateMe", "Change one's name or address")
        .describe(
            "Another address takes effect when its new owner follows the link that is mailed there, within 24 hours; the old address \
             is told.",
        )
        .takes::<UpdateMe>(json!({ "name": "Ana Maria Souza" }))
        .answers::<UserView>("The user as it is now", example::user())
        .refuses([
            ErrorCode::NotFound,
            ErrorCode::ConflictDuplicate,
            ErrorCode::InternalUnavailable,
        ])
}

pub(super) async fn handle(caller: Authenticated, Body(input): Body<UpdateMe>) -> Result<Answer, ApiError> {
    if caller.actor().kind != ActorKind::User {
        // A key or a service account has neither.
        return Err(ApiError::not_found());
    }
    let (post, id, organization) = (
        post(caller.app())?,
        UserId::from_uuid(caller.actor().id),
        caller.organization(),
    );
    let (name, email) = (input.name.into_option(), input.email.into_option());
    if email.is_some() {
        post.require()?;
    }
    let (queue, precondition) = (post.queue(), caller.precondition());
    let work = move |uow: db::UnitOfWork| {
        let (name, email, precondition) = (name.clone(), email.clone(), precondition.clone());
        async move {
            let held = users::lock(&uow, &ONESELF, organization, id).await?;
            let mut user = held.ok_or(Refusal::NotFound)?;
            precondition.check(&UserView::from(&user))?;
            if let Some(name) = name.filter(|name| *name != user.state().name) {
                user.rename(name, uow.now());
                users::save(&uow, &ONESELF, &mut user).await?;
                user_changed(&uow, &user);
            }
            if let Some(email) = email {
                request_email_change(&uow, &queue, &mut user, &email).await?;
            }
            Answer::ok(&UserView::from(&user))
        }
    };
    let answer = caller.write(work).await?;
    post.wake();
    Ok(answer)
}
