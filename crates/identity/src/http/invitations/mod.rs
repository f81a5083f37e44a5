//! The routes of invitations, one file an endpoint.

mod accept;
mod invite;
mod list;
mod resend;
mod revoke;

use http::{App, Routes};

pub(super) fn routes() -> Routes<App> {
    Routes::new(
        "Invitations",
        "Places in an organization for who reads mail at an address",
    )
    .post("/users/invitations", invite::handle, invite::doc())
    .get("/users/invitations", list::handle, list::doc())
    .post("/users/invitations/{id}/resend", resend::handle, resend::doc())
    .delete("/users/invitations/{id}", revoke::handle, revoke::doc())
    .post("/auth/invitations/accept", accept::handle, accept::doc())
}
