//! `POST /organizations`

use contracts::organization::OrganizationView;
use http::{Answer, ApiError, Body, Doc, ErrorCode, Requires};
use serde_json::json;

use crate::app::create_organization;
use crate::domain::{Document, Name, NewOrganization, Slug};
use crate::manifest::OrganizationCreate;

http::input! {
    /// What it takes to make an organization.
    pub(crate) struct CreateOrganization {
        /// What people call it.
        name: Name,
        /// What it is called in addresses; unique in the installation.
        slug: Slug,
        /// Its CNPJ, numeric or alphanumeric, with or without punctuation; unique in the installation.
        document: Option<Document>,
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("createOrganization", "Create an organization")
        .describe("Makes the row alone; `POST /tenants` onboards a customer with package and administrator.")
        .takes::<CreateOrganization>(json!({
            "name": "Padaria Central",
            "slug": "padaria-central",
            "document": "12.ABC.345/01DE-35"
        }))
        .creates::<OrganizationView>("The organization", super::example::organization())
        .refuses([ErrorCode::ConflictDuplicate])
}

pub(super) async fn handle(
    caller: Requires<OrganizationCreate>,
    Body(input): Body<CreateOrganization>,
) -> Result<Answer, ApiError> {
    let granted = caller.granted().clone();
    let CreateOrganization { name, slug, document } = input;
    let new = NewOrganization { name, slug, document };
    caller
        .write_across(super::ACROSS, move |uow| {
            let (granted, new) = (granted.clone(), new.clone());
            async move {
                let made = OrganizationView::from(&create_organization(&granted, &uow, new).await?);
                Answer::created(&format!("/organizations/{}", made.id), &made)
            }
        })
        .await
}
