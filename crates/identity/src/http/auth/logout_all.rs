//! `POST /auth/logout-all`

use http::{Answer, ApiError, Authenticated, Doc, NoBody};
use kernel::{ActorKind, Id as _};

use crate::app::{end_sessions, end_support_session};
use crate::domain::{RevocationReason, UserId};

pub(super) fn doc() -> Doc {
    Doc::new("logoutAll", "Log out everywhere")
        .describe("Ends all sessions of the user, the one that asks among them.")
        .answers_nothing("Logged out everywhere")
}

pub(super) async fn handle(caller: Authenticated, _: NoBody) -> Result<Answer, ApiError> {
    let organization = caller.organization();
    let is_user = caller.actor().kind == ActorKind::User;
    let user = UserId::from_uuid(caller.actor().id);
    caller
        .write(move |uow| async move {
            if is_user {
                end_sessions(&uow, organization, user, None, RevocationReason::LogoutAll).await?;
                end_support_session(&uow, organization, user.as_uuid()).await?;
            }
            Ok(Answer::no_content())
        })
        .await
}
