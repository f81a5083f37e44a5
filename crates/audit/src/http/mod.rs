//! The routes of this context.

mod export;
mod get;
mod list;
mod verify;

use http::{App, Routes};

pub(crate) fn routes() -> Routes<App> {
    Routes::new("Audit", "The trail of every change in an organization")
        .get("/audit-logs", list::handle, list::doc())
        .get("/audit-logs/verify", verify::handle, verify::doc())
        .get("/audit-logs/export", export::handle, export::doc())
        .get("/audit-logs/{id}", get::handle, get::doc())
}
