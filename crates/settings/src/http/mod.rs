//! The routes of this context.

pub(crate) mod example;
mod get_settings;
mod inputs;
mod update_settings;

use http::{App, Routes};

pub(crate) fn settings_routes() -> Routes<App> {
    Routes::new("Settings", "An organization's typed options")
        .get("/settings", get_settings::handle, get_settings::doc())
        .patch("/settings", update_settings::handle, update_settings::doc())
}
