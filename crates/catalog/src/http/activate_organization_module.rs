//! `POST /organizations/{orgId}/modules/{moduleId}/activate`

use contracts::catalog::ModuleId;
use http::{Answer, ApiError, Doc, ErrorCode, NoBody, PathIds, Requires};
use kernel::OrganizationId;

use crate::app::{Neighbours, switch_on};
use crate::manifest::OrganizationModuleUpdate;
use crate::views::{self, OrganizationModuleView};

pub(super) fn doc() -> Doc {
    Doc::new("activateOrganizationModule", "Activate a module for an organization")
        .describe(
            "Switches it on by hand, so that it stays on whatever package the organization is put on. Activating it again changes \
             nothing. An override goes before what is switched by hand.",
        )
        .answers::<OrganizationModuleView>("The module as it is now", views::organization_module_example())
        .refuses([ErrorCode::ConflictState])
}

pub(super) async fn handle(
    caller: Requires<OrganizationModuleUpdate>,
    path: PathIds<OrganizationId, ModuleId>,
    _: NoBody,
) -> Result<Answer, ApiError> {
    let (organization, module) = path.found()?;
    let granted = caller.granted().clone();
    let neighbours = Neighbours::of(caller.app().ports())?;
    caller
        .write_across(super::ACROSS, move |uow| {
            let (granted, neighbours) = (granted.clone(), neighbours.clone());
            async move { Answer::ok(&switch_on(&granted, &uow, &neighbours, organization, module).await?) }
        })
        .await
}
