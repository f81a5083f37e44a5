//! `PUT /organizations/{orgId}/package`

use contracts::organization::OrganizationView;
use http::{Answer, ApiError, Body, Doc, PathId, Requires};
use kernel::OrganizationId;
use serde_json::json;

use crate::app::{Neighbours, assign_package};
use crate::domain::PackageCode;
use crate::manifest::EntitlementUpdate;

http::input! {
    /// Which package.
    pub(crate) struct AssignPackage {
        /// Its code.
        pub(super) package_code: PackageCode,
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("assignPackage", "Put an organization on a package")
        .describe(
            "The modules of the package are on from now, and those of the package before are off. What was switched by hand and what \
             is excepted stays.",
        )
        .takes::<AssignPackage>(json!({ "packageCode": "starter" }))
        .answers::<OrganizationView>("The organization as it is now", example())
}

fn example() -> serde_json::Value {
    json!({
        "id": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e4f",
        "name": "Padaria Central",
        "slug": "padaria-central",
        "document": "12ABC34501DE35",
        "isActive": true,
        "packageCode": "starter",
        "createdAt": "2026-11-21T12:00:00.000000Z",
        "updatedAt": "2026-11-21T12:00:00.000000Z"
    })
}

pub(super) async fn handle(
    caller: Requires<EntitlementUpdate>,
    path: PathId<OrganizationId>,
    Body(input): Body<AssignPackage>,
) -> Result<Answer, ApiError> {
    let id = path.found()?;
    let (granted, precondition) = (caller.granted().clone(), caller.precondition());
    let neighbours = Neighbours::of(caller.app().ports())?;
    caller
        .write_across(super::ACROSS, move |uow| {
            let (granted, precondition) = (granted.clone(), precondition.clone());
            let (neighbours, code) = (neighbours.clone(), input.package_code.clone());
            async move {
                let is_current = |organization: &_| precondition.check(organization).is_ok();
                Answer::ok(&assign_package(&granted, &uow, &neighbours, id, is_current, &code).await?)
            }
        })
        .await
}
