//! `GET /organizations/{orgId}/modules`

use http::{Answer, ApiError, Doc, PathId, Requires};
use kernel::OrganizationId;
use serde_json::json;

use super::organization_modules::{self, OrganizationModules};
use crate::app::Neighbours;
use crate::manifest::OrganizationModuleRead;
use crate::views::{self, OrganizationModuleView};

pub(super) fn doc() -> Doc {
    Doc::new("listOrganizationModules", "List the modules of an organization")
        .describe("Those about which something was decided: by its package, by hand, or by an exception.")
        .query::<OrganizationModules>()
        .lists::<OrganizationModuleView>("A page of modules", json!([views::organization_module_example()]))
}

pub(super) async fn handle(
    caller: Requires<OrganizationModuleRead>,
    path: PathId<OrganizationId>,
    query: OrganizationModules,
) -> Result<Answer, ApiError> {
    let id = path.found()?;
    if !Neighbours::of(caller.app().ports())?.knows(id).await? {
        return Err(ApiError::not_found());
    }
    organization_modules::list(caller.app(), id, &query).await
}
