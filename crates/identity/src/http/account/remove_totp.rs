//! `DELETE /auth/me/mfa/totp`

use contracts::identity::UserId;
use http::{Answer, ApiError, Authenticated, Body, Doc, ErrorCode};
use kernel::{ActorKind, Id as _};
use serde_json::json;

use crate::app::own_acts::ONESELF;
use crate::app::{FactorRefusal, prove_password, remove_factor};
use crate::domain::Password;
use crate::mail::post;
use crate::service::service;
use crate::store::users;

http::input! {
    /// The proof that it is oneself.
    pub(crate) struct RemoveTotp {
        /// One's password.
        current_password: Password,
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("removeTotp", "Remove one's authenticator")
        .describe(
            "Logins ask for no code any more. Not while the organization asks everybody for one. A wrong password is a problem of \
             `currentPassword` and counts as a failed login does.",
        )
        .takes::<RemoveTotp>(json!({ "currentPassword": "tres tigres 3" }))
        .answers_nothing("It is removed")
        .refuses([
            ErrorCode::NotFound,
            ErrorCode::ConflictState,
            ErrorCode::AuthAccountLocked,
            ErrorCode::InternalUnavailable,
        ])
}

pub(super) async fn handle(caller: Authenticated, Body(input): Body<RemoveTotp>) -> Result<Answer, ApiError> {
    if caller.actor().kind != ActorKind::User {
        return Err(ApiError::not_found());
    }
    let (service, post) = (service(caller.app())?, post(caller.app())?);
    let (organization, user) = (caller.organization(), UserId::from_uuid(caller.actor().id));
    let known = users::lookup(service.db.scope(organization), &ONESELF, user).await?;
    let known = known.ok_or_else(ApiError::not_found)?;
    let proved = prove_password(
        &service,
        &known,
        "currentPassword",
        input.current_password,
        caller.request(),
    )
    .await;
    proved.map_err(|refusal| refusal.told(service.generators.now()))?;
    if service.settings(organization).await?.mfa_required {
        return Err(FactorRefusal::Enforced.into());
    }
    let (queue, precondition) = (post.queue(), caller.precondition());
    let work = move |uow: db::UnitOfWork| {
        let precondition = precondition.clone();
        async move {
            precondition.check_unversioned()?;
            remove_factor(&uow, queue, organization, user).await?;
            Ok(Answer::no_content())
        }
    };
    let answer = caller.write(work).await?;
    post.wake();
    Ok(answer)
}
