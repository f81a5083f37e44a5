//! `GET /users/invitations`

use contracts::identity::InvitationView;
use http::{Answer, ApiError, Doc, ListQuery, Place, Requires};
use serde_json::json;

use crate::http::example;
use crate::manifest::UserCreate;
use crate::store::invitations::{self, Order};

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

pub(super) async fn handle(caller: Requires<UserCreate>, query: Invitations) -> Result<Answer, ApiError> {
    let order = match query.sort.key {
        InvitationSort::CreatedAt => Order::CreatedAt,
        InvitationSort::Email => Order::Email,
    };
    let scope = caller.app().db().scope(caller.granted().organization());
    let listed = invitations::list(scope, order, query.sort.direction, &query.page, query.start()).await?;
    query.answer(&listed, place)
}

/// Where an invitation stands in the order that was asked for.
fn place(invitation: &InvitationView, sort: InvitationSort) -> Place {
    match sort {
        InvitationSort::CreatedAt => Place::time(invitation.created_at, invitation.id),
        InvitationSort::Email => Place::text(invitation.email.as_str(), invitation.id),
    }
}
