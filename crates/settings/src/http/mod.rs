//! The routes of this context.

mod branding_answer;
mod create_integration;
mod delete_integration;
pub(crate) mod example;
mod get_asset;
mod get_branding;
mod get_integration;
mod get_public_branding;
mod get_settings;
mod inputs;
mod integration_inputs;
mod list_integrations;
mod list_providers;
mod pictures;
mod test_integration;
mod update_branding;
mod update_integration;
mod update_settings;

use http::{App, Routes};

pub(crate) fn routes() -> Vec<Routes<App>> {
    vec![settings(), branding(), public(), integrations()]
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

fn integrations() -> Routes<App> {
    Routes::new("Integrations", "Connections to other systems")
        .get("/integration-providers", list_providers::handle, list_providers::doc())
        .post("/integrations", create_integration::handle, create_integration::doc())
        .get("/integrations", list_integrations::handle, list_integrations::doc())
        .get("/integrations/{id}", get_integration::handle, get_integration::doc())
        .patch(
            "/integrations/{id}",
            update_integration::handle,
            update_integration::doc(),
        )
        .delete(
            "/integrations/{id}",
            delete_integration::handle,
            delete_integration::doc(),
        )
        .post(
            "/integrations/{id}/test",
            test_integration::handle,
            test_integration::doc(),
        )
}
