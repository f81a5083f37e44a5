//! `GET /modules/current`

use http::{Answer, ApiError, Authenticated, Doc};
use serde_json::json;

use super::organization_modules::{self, OrganizationModules};
use crate::views::{self, OrganizationModuleView};

pub(super) fn doc() -> Doc {
    Doc::new("listCurrentModules", "List the modules of the own organization")
        .describe("Those about which something was decided: by its package, by hand, or by an exception.")
        .query::<OrganizationModules>()
        .lists::<OrganizationModuleView>("A page of modules", json!([views::organization_module_example()]))
}

pub(super) async fn handle(caller: Authenticated, query: OrganizationModules) -> Result<Answer, ApiError> {
    organization_modules::list(caller.app(), caller.organization(), &query).await
}
