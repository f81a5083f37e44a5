//! `POST /organizations/{orgId}/package/preview`

use http::{Answer, ApiError, Body, Doc, PathId, Requires};
use kernel::OrganizationId;
use serde_json::json;

use super::assign_package::AssignPackage;
use crate::app::{Neighbours, preview_assignment};
use crate::manifest::EntitlementRead;
use crate::views::PreviewView;

pub(super) fn doc() -> Doc {
    Doc::new("previewAssignment", "Preview another package for an organization")
        .describe(
            "Changes nothing, and answers which modules would be switched on and off. `organizations` is 1 when any would be, and \
             `users` counts the organization's active users.",
        )
        .takes::<AssignPackage>(json!({ "packageCode": "business" }))
        .answers::<PreviewView>(
            "What would be switched",
            json!({ "on": ["CRM"], "off": [], "organizations": 1, "users": 9 }),
        )
        .changes_nothing()
}

pub(super) async fn handle(
    caller: Requires<EntitlementRead>,
    path: PathId<OrganizationId>,
    Body(input): Body<AssignPackage>,
) -> Result<Answer, ApiError> {
    let app = caller.app();
    let neighbours = Neighbours::of(app.ports())?;
    let id = path.found()?;
    Answer::ok(&preview_assignment(app.db(), &neighbours, id, &input.package_code, app.generators().now()).await?)
}
