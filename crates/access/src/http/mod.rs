//! The routes of this context.

mod create_role;
mod delete_role;
pub(crate) mod example;
mod get_role;
mod inputs;
mod list_roles;
mod update_role;

use http::{App, Routes};

pub(crate) fn routes() -> Routes<App> {
    Routes::new("Roles", "Named sets of permissions")
        .post("/roles", create_role::handle, create_role::doc())
        .get("/roles", list_roles::handle, list_roles::doc())
        .get("/roles/{id}", get_role::handle, get_role::doc())
        .patch("/roles/{id}", update_role::handle, update_role::doc())
        .delete("/roles/{id}", delete_role::handle, delete_role::doc())
}
