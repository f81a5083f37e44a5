//! `GET /auth/me`

use contracts::identity::{UserId, UserView};
use http::{Answer, ApiError, Authenticated, Doc};
use kernel::{ActorKind, Id as _, OrganizationId};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::own_acts::ONESELF;
use crate::http::example;
use crate::store::users;

/// A program that asks, an API key or a service account; or somebody of the platform in a support session, who is no user here.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Machine, rename_all = "camelCase")]
pub(crate) struct MachineView {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    id: Uuid,
    /// The organization it belongs to.
    #[schema(value_type = String, format = "uuid")]
    organization_id: OrganizationId,
    /// `api_key` or `service_account`; `user` in a support session.
    #[serde(rename = "type")]
    #[schema(rename = "type", value_type = String)]
    kind: ActorKind,
    /// What people call it.
    name: String,
}

/// Whoever asks.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = Me)]
#[expect(dead_code, reason = "it documents which of the two shapes is answered")]
pub(crate) enum MeView {
    /// A person.
    User(UserView),
    /// A program, or a guest.
    Machine(MachineView),
}

pub(super) fn doc() -> Doc {
    Doc::new("getMe", "See who one is")
        .describe(
            "The user who is logged in, the API key or service account that asks, or in a support session the guest.",
        )
        .answers::<MeView>("Whoever asks", example::user())
}

pub(super) async fn handle(caller: Authenticated) -> Result<Answer, ApiError> {
    let actor = caller.actor();
    let organization = caller.identity().organization;
    if actor.kind == ActorKind::User {
        let id = UserId::from_uuid(actor.id);
        let user = users::show(caller.app().db().scope(organization), &ONESELF, id).await?;
        if let Some(user) = user {
            return Answer::ok(&user);
        }
        // A guest, in a support session: nobody of the organization.
    }
    Answer::ok(&MachineView {
        id: actor.id,
        organization_id: organization,
        kind: actor.kind,
        name: actor.name.clone(),
    })
}
