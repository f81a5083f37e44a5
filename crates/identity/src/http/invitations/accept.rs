//! `POST /auth/invitations/accept`

use axum::extract::State;
use contracts::identity::UserView;
use http::{Answer, ApiError, App, Body, Doc, ErrorCode, Public, SecretText};
use kernel::secret::ExposeSecret as _;
use serde_json::json;

use crate::app::{Chosen, accept_invitation, present};
use crate::domain::UserName;
use crate::http::account::Following;
use crate::http::example;
use crate::http::inputs::ChosenPassword;
use crate::http::limited::Limited;
use crate::mail::post;

http::input! {
    /// The token of a link, and what the person who follows it chose.
    pub(crate) struct AcceptInvitation {
        /// The token of the link.
        token: SecretText,
        /// What people call them. Without one: what stands before the `@` of the address, or the name they were given before.
        name: Option<UserName>,
        /// What they log in with.
        password: ChosenPassword,
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("acceptInvitation", "Accept an invitation")
        .describe(
            "Makes who follows the link a member with the roles of the invitation, who may log in. The roles are judged once more: \
             an inviter who may not invite or grant them any more is told by `RBAC_ESCALATION`. A token that was spent, has expired \
             or never was one is a problem of `token`.",
        )
        .takes::<AcceptInvitation>(json!({
            "token": example::INVITATION_TOKEN,
            "name": "Bruno Lima",
            "password": "cinco corvos 5"
        }))
        .creates::<UserView>("The user, without any token", example::user())
        .refuses([
            ErrorCode::RbacEscalation,
            ErrorCode::ConflictDuplicate,
            ErrorCode::RateLimitExceeded,
            ErrorCode::RateLimitQuotaExceeded,
            ErrorCode::InternalUnavailable,
        ])
}

pub(super) async fn handle(
    caller: Public<Following>,
    Limited(service): Limited,
    State(app): State<App>,
    Body(input): Body<AcceptInvitation>,
) -> Result<Answer, ApiError> {
    let post = post(&app)?;
    let presented = present(&service, input.token.0.expose_secret()).await?;
    let state = presented.invitation.state();
    let policy = service.password_policy(state.organization).await?;
    let password = input.password.check("password", policy, &state.email)?;
    let chosen = Chosen {
        name: input.name,
        hash: service.hash(password).await?,
    };
    let user = accept_invitation(&service, &post, presented, chosen, caller.request()).await?;
    Answer::created(&format!("/users/{}", user.state().id), &UserView::from(&user))
}
