//! `PATCH /auth/me/password`

use contracts::identity::{UserId, UserView};
use http::{Answer, ApiError, Authenticated, Body, Doc, ErrorCode};
use kernel::{ActorKind, Id as _};
use serde_json::json;

use super::logout::asking;
use crate::app::NewPassword;
use crate::domain::Password;
use crate::http::example;
use crate::service::service;

http::input! {
    /// One's password, and what it is to be.
    pub(crate) struct ChangePassword {
        /// The password until now.
        current_password: Password,
        /// The password from now on: 8 to 128 characters with letters and digits, not one of the commonest, and not containing what
        /// stands before the `@` of one's address.
        #[schema(value_type = crate::http::inputs::ChosenPassword)]
        new_password: Password,
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("changePassword", "Change one's password")
        .describe("All other sessions end. A wrong current password counts as a failed login does.")
        .takes::<ChangePassword>(json!({ "currentPassword": "tres tigres 3", "newPassword": "cinco corvos 5" }))
        .answers::<UserView>("The user, whose other sessions have ended", example::user())
        .refuses([
            ErrorCode::AuthAccountLocked,
            ErrorCode::NotFound,
            ErrorCode::InternalUnavailable,
        ])
}

pub(super) async fn handle(caller: Authenticated, Body(input): Body<ChangePassword>) -> Result<Answer, ApiError> {
    let service = service(caller.app())?;
    if caller.actor().kind != ActorKind::User {
        // A key or a service account has no password.
        return Err(ApiError::not_found());
    }
    let user = UserId::from_uuid(caller.actor().id);
    let (organization, request) = (caller.organization(), caller.request());
    let now = service.generators.now();
    let passwords = (input.current_password, input.new_password);
    let new = NewPassword::prepare(&service, organization, user, asking(&caller), passwords, request).await;
    let new = new.map_err(|refusal| refusal.told(now))?;
    let precondition = caller.precondition();
    caller
        .write(move |uow| {
            let (new, precondition) = (new.clone(), precondition.clone());
            async move {
                let is_current = |current: &_| precondition.check(&UserView::from(current)).is_ok();
                let changed = new.store(&uow, is_current).await;
                Answer::ok(&changed.map_err(|refusal| refusal.told(now))?)
            }
        })
        .await
}
