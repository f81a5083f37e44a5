//! The routes of this context, each line with its handler and, in the handler's first argument, its permission.

mod activate_module;
mod activate_organization_module;
mod assign_package;
mod create_module;
mod create_package;
mod current_entitlements;
mod current_modules;
mod deactivate_module;
mod deactivate_organization_module;
mod delete_package;
mod get_entitlements;
mod get_module;
mod get_overrides;
mod get_package;
mod inputs;
mod list_modules;
mod list_organization_modules;
mod list_packages;
mod organization_modules;
mod preview_assignment;
mod preview_package;
mod release_organization_module;
mod replace_overrides;
mod short_list;
mod update_module;
mod update_package;

use db::SystemScope;
use http::{App, Routes};

/// Why these routes leave their caller's organization.
const ACROSS: SystemScope = SystemScope::new("the platform decides what the organizations of its customers may use");

pub(crate) fn routes() -> Vec<Routes<App>> {
    vec![modules(), organizations(), packages(), entitlements()]
}

fn modules() -> Routes<App> {
    Routes::new("Modules", "The product areas that customers can contract")
        .post("/modules", create_module::handle, create_module::doc())
        .get("/modules", list_modules::handle, list_modules::doc())
        .get("/modules/current", current_modules::handle, current_modules::doc())
        .get("/modules/{id}", get_module::handle, get_module::doc())
        .patch("/modules/{id}", update_module::handle, update_module::doc())
        .post(
            "/modules/{id}/activate",
            activate_module::handle,
            activate_module::doc(),
        )
        .post(
            "/modules/{id}/deactivate",
            deactivate_module::handle,
            deactivate_module::doc(),
        )
}

fn organizations() -> Routes<App> {
    Routes::new("Organization modules", "Which modules an organization has")
        .get(
            "/organizations/{orgId}/modules",
            list_organization_modules::handle,
            list_organization_modules::doc(),
        )
        .post(
            "/organizations/{orgId}/modules/{moduleId}/activate",
            activate_organization_module::handle,
            activate_organization_module::doc(),
        )
        .post(
            "/organizations/{orgId}/modules/{moduleId}/deactivate",
            deactivate_organization_module::handle,
            deactivate_organization_module::doc(),
        )
        .delete(
            "/organizations/{orgId}/modules/{moduleId}/manual",
            release_organization_module::handle,
            release_organization_module::doc(),
        )
}

fn packages() -> Routes<App> {
    Routes::new("Packages", "Named plans of modules, withheld permissions and quotas")
        .post("/packages", create_package::handle, create_package::doc())
        .get("/packages", list_packages::handle, list_packages::doc())
        .get("/packages/{id}", get_package::handle, get_package::doc())
        .patch("/packages/{id}", update_package::handle, update_package::doc())
        .delete("/packages/{id}", delete_package::handle, delete_package::doc())
        .post(
            "/packages/{id}/preview",
            preview_package::handle,
            preview_package::doc(),
        )
        .put(
            "/organizations/{orgId}/package",
            assign_package::handle,
            assign_package::doc(),
        )
        .post(
            "/organizations/{orgId}/package/preview",
            preview_assignment::handle,
            preview_assignment::doc(),
        )
}

fn entitlements() -> Routes<App> {
    Routes::new("Entitlements", "What an organization may use, and why")
        .get(
            "/entitlements/current",
            current_entitlements::handle,
            current_entitlements::doc(),
        )
        .get(
            "/organizations/{orgId}/entitlements",
            get_entitlements::handle,
            get_entitlements::doc(),
        )
        .get(
            "/organizations/{orgId}/overrides",
            get_overrides::handle,
            get_overrides::doc(),
        )
        .put(
            "/organizations/{orgId}/overrides",
            replace_overrides::handle,
            replace_overrides::doc(),
        )
}
