//! `POST /packages/{id}/preview`

use contracts::catalog::PackageId;
use http::{Answer, ApiError, Body, Doc, PathId, Requires};
use serde_json::json;

use super::update_package::UpdatePackage;
use crate::app::{Neighbours, preview_package};
use crate::manifest::PackageRead;
use crate::views::PreviewView;

pub(super) fn doc() -> Doc {
    Doc::new("previewPackage", "Preview an edit of a package")
        .describe(
            "Takes what `PATCH /packages/{id}` takes, changes nothing, and answers which modules would be switched on and off, and for \
             how many organizations and active users.",
        )
        .takes::<UpdatePackage>(json!({ "modules": ["FINANCE", "SALES", "CRM"] }))
        .answers::<PreviewView>(
            "What would be switched",
            json!({ "on": ["CRM"], "off": [], "organizations": 42, "users": 377 }),
        )
        .changes_nothing()
}

pub(super) async fn handle(
    caller: Requires<PackageRead>,
    path: PathId<PackageId>,
    Body(input): Body<UpdatePackage>,
) -> Result<Answer, ApiError> {
    let app = caller.app();
    let neighbours = Neighbours::of(app.ports())?;
    let contents = input.into_changes().contents;
    let id = path.found()?;
    Answer::ok(&preview_package(app.db(), &neighbours, id, contents, app.generators().now()).await?)
}
