//! `POST /auth/register`

use axum::extract::State;
use contracts::identity::UserView;
use http::{Answer, ApiError, App, Body, Doc, ErrorCode, IdText, Public};
use kernel::OrganizationId;
use serde_json::json;

use super::Registering;
use crate::app::{open_to, register};
use crate::domain::{Email, NewUser, UserName};
use crate::http::auth::{SlugText, named};
use crate::http::example;
use crate::http::inputs::ChosenPassword;
use crate::http::limited::Limited;
use crate::mail::post;

http::input! {
    /// Who wants to become a member. The organization is named by one of its two names.
    pub(crate) struct Register {
        /// The organization's id.
        #[schema(value_type = Option<String>, format = "uuid")]
        organization_id: Option<IdText<OrganizationId>>,
        /// The organization's slug.
        organization_slug: Option<SlugText>,
        /// What people call them.
        name: UserName,
        /// Where mail reaches them.
        email: Email,
        /// What they log in with.
        password: ChosenPassword,
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("register", "Register")
        .describe(
            "By the organization's setting `registration`. `closed`: nobody may. `open`: anybody, and they may log in at once. \
             `domains`: whoever has an address of a listed domain, and they may log in once they follow the link that is mailed \
             there; for a taken address the answer is the same, and its owner is told. Nothing is granted.",
        )
        .takes::<Register>(json!({
            "organizationSlug": "padaria-central",
            "name": "Ana Souza",
            "email": "ana@padaria.example.com",
            "password": "tres tigres 3"
        }))
        .with_one_of(&["organizationId", "organizationSlug"])
        .creates::<UserView>("The user, without any token", example::user())
        .refuses([
            ErrorCode::AuthRegistrationClosed,
            ErrorCode::ConflictDuplicate,
            ErrorCode::RateLimitExceeded,
            ErrorCode::RateLimitQuotaExceeded,
            ErrorCode::InternalUnavailable,
        ])
}

pub(super) async fn handle(
    caller: Public<Registering>,
    Limited(service): Limited,
    State(app): State<App>,
    Body(input): Body<Register>,
) -> Result<Answer, ApiError> {
    let post = post(&app)?;
    let organization = named(input.organization_id, input.organization_slug)?;
    let (name, email) = (input.name, input.email);
    let open = open_to(&service, &organization, &email).await?;
    if open.confirms {
        post.require()?;
    }
    let policy = service.password_policy(open.organization.id).await?;
    let password = input.password.check("password", policy, &email)?;
    let new = NewUser {
        name,
        email,
        password: Some(service.hash(password).await?),
        email_verified: false,
    };
    let user = register(&service, &post, open, new, caller.request()).await?;
    Answer::created(&format!("/users/{}", user.id), &user)
}
