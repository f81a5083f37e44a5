//! `POST /auth/login`

use http::{Answer, ApiError, Body, Doc, ErrorCode, IdText, Public};
use kernel::OrganizationId;
use serde_json::json;

use super::ComingIn;
use super::inputs::{SlugText, named};
use super::views::{LoginAnswer, secrets};
use crate::app::{Attempt, login};
use crate::domain::{Email, Password};
use crate::http::example;
use crate::http::limited::Limited;

http::input! {
    /// Who wants to come in. The organization is named by one of its two names.
    pub(crate) struct Login {
        /// The organization's id.
        #[schema(value_type = Option<String>, format = "uuid")]
        organization_id: Option<IdText<OrganizationId>>,
        /// The organization's slug.
        organization_slug: Option<SlugText>,
        /// The address.
        email: Email,
        /// The password.
        password: Password,
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("login", "Log in")
        .describe(
            "A wrong organization, address or password, an inactive user and an inactive organization are told alike, and take \
             as long. Ten failures from one address within 15 minutes lock the account for it for a minute, a hundred from \
             anywhere lock it for all; each further lock takes twice as long, up to an hour.",
        )
        .takes::<Login>(json!({
            "organizationSlug": "padaria-central",
            "email": "ana@padaria.example.com",
            "password": "tres tigres 3"
        }))
        .with_one_of(&["organizationId", "organizationSlug"])
        .answers::<LoginAnswer>("A session, or what is missing to one", example::login())
        .changes_nothing()
        .refuses([
            ErrorCode::AuthInvalidCredentials,
            ErrorCode::AuthAccountLocked,
            ErrorCode::RateLimitExceeded,
            ErrorCode::InternalUnavailable,
        ])
}

pub(super) async fn handle(
    caller: Public<ComingIn>,
    Limited(service): Limited,
    Body(input): Body<Login>,
) -> Result<Answer, ApiError> {
    let attempt = Attempt {
        organization: named(input.organization_id, input.organization_slug)?,
        email: input.email,
        password: input.password,
    };
    let outcome = login(&service, attempt, caller.request()).await;
    let outcome = outcome.map_err(|refusal| refusal.told(service.generators.now()))?;
    secrets(&LoginAnswer::from(&outcome))
}
