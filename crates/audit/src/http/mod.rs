//! The routes of this context.

mod get;
mod list;
mod view;

use http::{App, Routes};

pub(crate) fn routes() -> Routes<App> {
    Routes::new("Audit", "The trail of every change in an organization")
        .get("/audit-logs", list::handle, list::doc())
        .get("/audit-logs/{id}", get::handle, get::doc())
}
