//! `PATCH /organizations/current`

use contracts::organization::OrganizationView;
use http::{Answer, ApiError, Body, Doc, ErrorCode, Requires};
use serde_json::json;

use crate::app::rename_organization;
use crate::domain::Name;
use crate::manifest::ProfileUpdate;

http::input! {
    /// What an organization may change about itself.
    pub(crate) struct RenameOrganization {
        /// What people call it.
        name: Keep<Name>,
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("updateCurrentOrganization", "Change the own organization")
        .describe("Changes the name only: slug and document are the platform's to change.")
        .takes::<RenameOrganization>(json!({ "name": "Padaria Central e Filhos" }))
        .answers::<OrganizationView>("The organization as it is now", super::example::organization())
        .refuses([ErrorCode::ConflictState])
}

pub(super) async fn handle(
    caller: Requires<ProfileUpdate>,
    Body(input): Body<RenameOrganization>,
) -> Result<Answer, ApiError> {
    let (granted, precondition) = (caller.granted().clone(), caller.precondition());
    let name = input.name.into_option();
    caller
        .write(move |uow| {
            let (granted, precondition, name) = (granted.clone(), precondition.clone(), name.clone());
            async move {
                let is_current = |current: &_| precondition.check(&OrganizationView::from(current)).is_ok();
                let renamed = rename_organization(&granted, &uow, is_current, name).await?;
                Answer::ok(&OrganizationView::from(&renamed))
            }
        })
        .await
}
