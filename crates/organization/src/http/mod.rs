//! The routes of this context, each line with its handler and, in the handler's first argument, its permission.

mod activate;
mod create;
mod current;
mod deactivate;
pub(crate) mod example;
mod get;
mod inputs;
pub(crate) mod jobs;
mod list;
mod rename_current;
mod update;

use db::SystemScope;
use http::{App, Routes};

pub use inputs::{DOCUMENT_TEXT, NAME_TEXT, SLUG_TEXT};

/// Why these routes leave their caller's organization.
const ACROSS: SystemScope = SystemScope::new("the platform operates on the organizations of its customers");

pub(crate) fn routes() -> Vec<Routes<App>> {
    vec![organizations(), jobs::routes()]
}

fn organizations() -> Routes<App> {
    Routes::new("Organizations", "The customer companies of the installation")
        .post("/organizations", create::handle, create::doc())
        .get("/organizations", list::handle, list::doc())
        .get("/organizations/current", current::handle, current::doc())
        .patch("/organizations/current", rename_current::handle, rename_current::doc())
        .get("/organizations/{id}", get::handle, get::doc())
        .patch("/organizations/{id}", update::handle, update::doc())
        .delete("/organizations/{id}", deactivate::handle, deactivate::doc())
        .post("/organizations/{id}/activate", activate::handle, activate::doc())
}
