//! The routes of users, one file an endpoint.

mod activate;
mod create;
mod deactivate;
mod get;
mod list;
mod log_out;
mod reset_mfa;
mod unlock;
mod update;

use http::{App, Routes};

pub(super) fn routes() -> Routes<App> {
    Routes::new("Users", "The people of an organization")
        .post("/users", create::handle, create::doc())
        .get("/users", list::handle, list::doc())
        .get("/users/{id}", get::handle, get::doc())
        .patch("/users/{id}", update::handle, update::doc())
        .delete("/users/{id}", deactivate::handle, deactivate::doc())
        .post("/users/{id}/activate", activate::handle, activate::doc())
        .post("/users/{id}/mfa/reset", reset_mfa::handle, reset_mfa::doc())
        .post("/users/{id}/unlock", unlock::handle, unlock::doc())
        .post("/users/{id}/logout-all", log_out::handle, log_out::doc())
}
