//! `POST /organizations/{id}/activate`

use contracts::organization::OrganizationView;
use http::{Answer, ApiError, Doc, NoBody, PathId, Requires};
use kernel::OrganizationId;

use crate::app::activate_organization;
use crate::manifest::OrganizationUpdate;

pub(super) fn doc() -> Doc {
    Doc::new("activateOrganization", "Activate an organization")
        .describe("Lets a deactivated organization act again. Activating an active one changes nothing.")
        .answers::<OrganizationView>("The organization as it is now", super::example::organization())
}

pub(super) async fn handle(
    caller: Requires<OrganizationUpdate>,
    path: PathId<OrganizationId>,
    _: NoBody,
) -> Result<Answer, ApiError> {
    let id = path.found()?;
    let granted = caller.granted().clone();
    caller
        .write_across(super::ACROSS, move |uow| {
            let granted = granted.clone();
            async move {
                let active = activate_organization(&granted, &uow, id).await?;
                Answer::ok(&OrganizationView::from(&active))
            }
        })
        .await
}
