//! `GET /users/invitations`

use contracts::identity::InvitationView;
use http::{Answer, ApiError, Doc, ListQuery, Place, RequiresWithin};
use serde_json::json;

use crate::http::example;
use crate::manifest::UserCreate;
use crate::store::invitations::{self, FIELDS, Order};

http::sort_keys! {
    /// What the list can be ordered by.
    pub(crate) enum InvitationSort: descending CreatedAt {
        CreatedAt = "createdAt" (Time),
        Email = "email" (Text),
    }
}

type Invitations = ListQuery<(), InvitationSort>;

pub(super) fn doc() -> Doc {
    Doc::new("listInvitations", "List invitations")
        .describe("Those that were neither accepted nor revoked; an expired one can be sent once more.")
        .query::<Invitations>()
        .lists::<InvitationView>("A page of invitations", json!([example::invitation()]))
}

pub(super) async fn handle(caller: RequiresWithin<UserCreate>, query: Invitations) -> Result<Answer, ApiError> {
    let order = match query.sort.key {
        InvitationSort::CreatedAt => Order::CreatedAt,
        InvitationSort::Email => Order::Email,
    };
    let reached = caller.narrowed(&FIELDS)?;
    let scope = caller.app().db().scope(caller.organization());
    let direction = query.sort.direction;
    let listed = invitations::list(scope, reached, order, direction, &query.page, query.start()).await?;
    query.answer(&listed, place)
}

/// Where an invitation stands in the order that was asked for.
fn place(invitation: &InvitationView, sort: InvitationSort) -> Place {
    match sort {
        InvitationSort::CreatedAt => Place::time(invitation.created_at, invitation.id),
        InvitationSort::Email => Place::text(invitation.email.as_str(), invitation.id),
    }
}
