//! `PATCH /organizations/{id}`

use contracts::organization::OrganizationView;
use http::{Answer, ApiError, Body, Doc, ErrorCode, PathId, Requires};
use kernel::OrganizationId;
use serde_json::json;

use crate::app::update_organization;
use crate::domain::{Changes, Document, Name, Slug};
use crate::manifest::OrganizationUpdate;

http::input! {
    /// What to change about an organization; what is absent stays.
    pub(crate) struct UpdateOrganization {
        /// What people call it.
        name: Keep<Name>,
        /// What it is called in addresses.
        slug: Keep<Slug>,
        /// Its CNPJ; `null` removes it.
        document: Patch<Document>,
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("updateOrganization", "Change an organization")
        .describe("The platform organization keeps its name and slug.")
        .takes::<UpdateOrganization>(json!({ "name": "Padaria Central e Filhos" }))
        .answers::<OrganizationView>("The organization as it is now", super::example::organization())
        .refuses([ErrorCode::ConflictDuplicate, ErrorCode::ConflictState])
}

pub(super) async fn handle(
    caller: Requires<OrganizationUpdate>,
    path: PathId<OrganizationId>,
    Body(input): Body<UpdateOrganization>,
) -> Result<Answer, ApiError> {
    let id = path.found()?;
    let (granted, precondition) = (caller.granted().clone(), caller.precondition());
    let UpdateOrganization { name, slug, document } = input;
    let changes = Changes {
        name: name.into_option(),
        slug: slug.into_option(),
        document: document.into_change(),
    };
    caller
        .write_across(super::ACROSS, move |uow| {
            let (granted, precondition, changes) = (granted.clone(), precondition.clone(), changes.clone());
            async move {
                let is_current = |current: &_| precondition.check(&OrganizationView::from(current)).is_ok();
                let changed = update_organization(&granted, &uow, id, is_current, changes).await?;
                Answer::ok(&OrganizationView::from(&changed))
            }
        })
        .await
}
