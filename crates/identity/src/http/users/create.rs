//! `POST /users`

use std::sync::Arc;

use contracts::identity::UserView;
use http::{Answer, ApiError, Body, Doc, ErrorCode, RequiresWithin};
use serde_json::json;

use crate::app::create_user;
use crate::domain::{Email, NewUser, UserName};
use crate::http::inputs::ChosenPassword;
use crate::manifest::UserCreate;
use crate::service::service;

http::input! {
    /// What it takes to make a user.
    pub(crate) struct CreateUser {
        /// What people call them.
        name: UserName,
        /// Where mail reaches them; unique in the organization, whatever the case.
        email: Email,
        /// What they log in with: letters and digits, not among the commonest, without the name in the address.
        password: ChosenPassword,
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("createUser", "Create a user")
        .describe(
            "The user may log in at once, and holds nothing until something is granted. To let people choose their own password, \
             invite them.",
        )
        .takes::<CreateUser>(json!({
            "name": "Ana Souza",
            "email": "ana@padaria.example.com",
            "password": "tres tigres 3"
        }))
        .creates::<UserView>("The user", crate::http::example::user())
        .refuses([ErrorCode::ConflictDuplicate, ErrorCode::RateLimitQuotaExceeded])
}

pub(super) async fn handle(
    caller: RequiresWithin<UserCreate>,
    Body(input): Body<CreateUser>,
) -> Result<Answer, ApiError> {
    let (service, within) = (service(caller.app())?, caller.within().clone());
    let CreateUser { name, email, password } = input;
    let policy = service.password_policy(caller.organization()).await?;
    let password = service.hash(password.check("password", policy, &email)?).await?;
    let new = NewUser {
        name,
        email,
        password: Some(password),
        email_verified: false,
    };
    caller
        .write(move |uow| {
            let (within, service, new) = (within.clone(), Arc::clone(&service), new.clone());
            async move {
                let user = UserView::from(&create_user(&within, &uow, &service, new).await?);
                Answer::created(&format!("/users/{}", user.id), &user)
            }
        })
        .await
}
