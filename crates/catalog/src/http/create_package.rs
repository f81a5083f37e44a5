//! `POST /packages`

use http::{Answer, ApiError, Body, Doc, ErrorCode, Requires};
use serde_json::json;

use super::inputs::{QuotaInput, terms};
use crate::app::{AskedContents, create_package};
use crate::domain::{Description, Name, PackageCode};
use crate::manifest::PackageCreate;
use crate::views::{self, PackageView};

http::input! {
    /// What it takes to make a package.
    pub(crate) struct CreatePackage {
        /// Its code, unique in the installation; it never changes.
        code: PackageCode,
        /// What people call it.
        name: Name,
        /// What it is for.
        description: Option<Description>,
        /// The codes of its modules.
        modules: Vec<String> = Vec::new(),
        /// The codes of permissions that nobody on it may use, whatever was granted.
        withheld_permissions: Vec<String> = Vec::new(),
        /// Its quotas, one for each metric and period.
        quotas: Vec<QuotaInput> = Vec::new(),
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("createPackage", "Create a package")
        .takes::<CreatePackage>(json!({
            "code": "starter",
            "name": "Starter",
            "modules": ["FINANCE", "SALES"],
            "withheldPermissions": ["FINANCE_INVOICE_APPROVE"],
            "quotas": [{ "metric": "users.active", "limit": 5, "period": "total" }]
        }))
        .creates::<PackageView>("The package", views::package_example())
        .refuses([ErrorCode::ConflictDuplicate])
}

pub(super) async fn handle(
    caller: Requires<PackageCreate>,
    Body(input): Body<CreatePackage>,
) -> Result<Answer, ApiError> {
    let granted = caller.granted().clone();
    let (code, name, description) = (input.code, input.name, input.description);
    let contents = AskedContents {
        modules: Some(input.modules),
        withheld: Some(input.withheld_permissions),
        quotas: Some(terms(input.quotas)),
    };
    caller
        .write(move |uow| {
            let (granted, code, name) = (granted.clone(), code.clone(), name.clone());
            let (description, contents) = (description.clone(), contents.clone());
            async move {
                let made = create_package(&granted, &uow, code, name, description, contents).await?;
                let made = PackageView::from(made.state());
                Answer::created(&format!("/packages/{}", made.id), &made)
            }
        })
        .await
}
