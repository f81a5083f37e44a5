//! `POST /auth/logout`

use contracts::identity::SessionId;
use http::{Answer, ApiError, Authenticated, Caller, Doc, OptionalBody, SecretText};
use kernel::secret::ExposeSecret as _;
use kernel::{ActorKind, Id as _};
use serde_json::json;

use crate::app::{OwnSession, end_own_session, end_support_session};
use crate::domain::UserId;
use crate::http::example;
use crate::service::{Service, service};

http::input! {
    /// Which session to end.
    pub(crate) struct Logout {
        /// A refresh token of the session, if it is not the one that asks.
        refresh_token: Option<SecretText>,
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("logout", "Log out")
        .describe(
            "Ends the session of the refresh token if it is one's own, and otherwise the one that asks. Its tokens are refused from \
             then on.",
        )
        .may_take::<Logout>(json!({ "refreshToken": example::REFRESH_TOKEN }))
        .answers_nothing("Logged out")
}

pub(super) async fn handle(
    caller: Authenticated,
    OptionalBody(input): OptionalBody<Logout>,
) -> Result<Answer, ApiError> {
    let service = service(caller.app())?;
    let organization = caller.organization();
    let is_user = caller.actor().kind == ActorKind::User;
    let user = UserId::from_uuid(caller.actor().id);
    let sessions = [named(&service, &caller, input), asking(&caller)];
    caller
        .write(move |uow| async move {
            for session in sessions.into_iter().flatten() {
                // Whoever sends a logout twice does not mean another session the second time.
                if end_own_session(&uow, organization, user, session).await? != OwnSession::NotOwn {
                    return Ok(Answer::no_content());
                }
            }
            if is_user {
                end_support_session(&uow, organization, user.as_uuid()).await?;
            }
            Ok(Answer::no_content())
        })
        .await
}

/// The session of the refresh token, if that is genuine and of the organization.
fn named(service: &Service, caller: &Caller, input: Logout) -> Option<SessionId> {
    let text = input.refresh_token?.0;
    let token = service.refresh_keys.verify(text.expose_secret()).ok()?;
    (token.organization == caller.organization()).then_some(token.session)
}

/// The session that asks, if it is one.
pub(super) fn asking(caller: &Caller) -> Option<SessionId> {
    let is_user = caller.actor().kind == ActorKind::User;
    caller.identity().session.filter(|_| is_user).map(SessionId::from_uuid)
}
