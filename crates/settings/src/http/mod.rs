//! The routes of this context.

mod branding_answer;
pub(crate) mod example;
mod get_asset;
mod get_branding;
mod get_public_branding;
mod get_settings;
mod inputs;
mod pictures;
mod update_branding;
mod update_settings;

use http::{App, Routes};

pub(crate) fn routes() -> Vec<Routes<App>> {
    vec![settings(), branding(), public()]
}

fn settings() -> Routes<App> {
    Routes::new("Settings", "An organization's typed options")
        .get("/settings", get_settings::handle, get_settings::doc())
        .patch("/settings", update_settings::handle, update_settings::doc())
}

fn branding() -> Routes<App> {
    Routes::new("Branding", "How an organization looks")
        .get("/branding", get_branding::handle, get_branding::doc())
        .put("/branding", update_branding::handle, update_branding::doc())
        .put("/branding/logo", pictures::put_logo, pictures::put_logo_doc())
        .delete("/branding/logo", pictures::delete_logo, pictures::delete_logo_doc())
        .put("/branding/favicon", pictures::put_favicon, pictures::put_favicon_doc())
        .delete(
            "/branding/favicon",
            pictures::delete_favicon,
            pictures::delete_favicon_doc(),
        )
}

fn public() -> Routes<App> {
    Routes::new("Public branding", "What a login page and mails show of an organization")
        .get(
            "/public/branding/{slug}",
            get_public_branding::handle,
            get_public_branding::doc(),
        )
        .get("/public/assets/{sha256}", get_asset::handle, get_asset::doc())
}
