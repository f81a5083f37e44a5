//! `DELETE /organizations/{orgId}/modules/{moduleId}/manual`

use contracts::catalog::ModuleId;
use http::{Answer, ApiError, Doc, PathIds, Requires};
use kernel::OrganizationId;

use crate::app::{Neighbours, release};
use crate::manifest::OrganizationModuleUpdate;

pub(super) fn doc() -> Doc {
    Doc::new("releaseOrganizationModule", "Give a module back to the package")
        .describe("Forgets that it was switched by hand: it is what the package says again.")
        .answers_nothing("It is what the package says")
}

pub(super) async fn handle(
    caller: Requires<OrganizationModuleUpdate>,
    path: PathIds<OrganizationId, ModuleId>,
) -> Result<Answer, ApiError> {
    let (organization, module) = path.found()?;
    let (granted, precondition) = (caller.granted().clone(), caller.precondition());
    let neighbours = Neighbours::of(caller.app().ports())?;
    caller
        .write_across(super::ACROSS, move |uow| {
            let (granted, precondition, neighbours) = (granted.clone(), precondition.clone(), neighbours.clone());
            async move {
                precondition.check_unversioned()?;
                release(&granted, &uow, &neighbours, organization, module).await?;
                Ok(Answer::no_content())
            }
        })
        .await
}
