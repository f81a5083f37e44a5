//! `PATCH /packages/{id}`

use contracts::catalog::PackageId;
use http::{Answer, ApiError, Body, Doc, PathId, Requires};
use serde_json::json;

use super::inputs::{QuotaInput, terms};
use crate::app::{AskedChanges, AskedContents, update_package};
use crate::domain::{Description, Name, Package};
use crate::manifest::PackageUpdate;
use crate::views::{self, PackageView};

http::input! {
    /// What to change about a package; what is absent stays, and a list that is present replaces the whole list.
    pub(crate) struct UpdatePackage {
        /// What people call it.
        name: Keep<Name>,
        /// What it is for; `null` removes it.
        description: Patch<Description>,
        /// The codes of its modules.
        modules: Keep<Vec<String>>,
        /// The codes of permissions that nobody on it may use, whatever was granted.
        withheld_permissions: Keep<Vec<String>>,
        /// Its quotas, one for each metric and period.
        quotas: Keep<Vec<QuotaInput>>,
    }
}

impl UpdatePackage {
    pub(super) fn into_changes(self) -> AskedChanges {
        AskedChanges {
            name: self.name.into_option(),
            description: self.description.into_change(),
            contents: AskedContents {
                modules: self.modules.into_option(),
                withheld: self.withheld_permissions.into_option(),
                quotas: self.quotas.into_option().map(terms),
            },
        }
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("updatePackage", "Edit a package")
        .describe(
            "Reaches every organization on it at once. Who must keep old terms gets a package or overrides of its own. \
             `POST /packages/{id}/preview` tells what an edit would do.",
        )
        .takes::<UpdatePackage>(json!({ "modules": ["FINANCE", "SALES", "CRM"] }))
        .answers::<PackageView>("The package as it is now", views::package_example())
}

pub(super) async fn handle(
    caller: Requires<PackageUpdate>,
    path: PathId<PackageId>,
    Body(input): Body<UpdatePackage>,
) -> Result<Answer, ApiError> {
    let id = path.found()?;
    let (granted, precondition) = (caller.granted().clone(), caller.precondition());
    let changes = input.into_changes();
    caller
        .write(move |uow| {
            let (granted, precondition, changes) = (granted.clone(), precondition.clone(), changes.clone());
            async move {
                let is_current = |package: &Package| precondition.check(&PackageView::from(package.state())).is_ok();
                let changed = update_package(&granted, &uow, id, is_current, changes).await?;
                Answer::ok(&PackageView::from(changed.state()))
            }
        })
        .await
}
