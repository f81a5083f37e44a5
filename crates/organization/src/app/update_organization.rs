//! Changing an organization.

use authz::Granted;
use db::UnitOfWork;
use kernel::OrganizationId;

use super::Refusal;
use crate::domain::{Changes, Organization};
use crate::manifest::OrganizationUpdate;
use crate::store::organizations;

/// Changes name, slug and document, if the organization still is as the client knows it.
///
/// # Errors
/// [`Refusal`]: not found, stale, the platform's name or slug, a taken slug or document.
pub(crate) async fn update_organization(
    _: &Granted<OrganizationUpdate>,
    uow: &UnitOfWork,
    id: OrganizationId,
    is_current: impl FnOnce(&Organization) -> bool,
    changes: Changes,
) -> Result<Organization, Refusal> {
    let mut organization = organizations::lock(uow, id).await?.ok_or(Refusal::NotFound)?;
    if !is_current(&organization) {
        return Err(Refusal::Stale);
    }
    organization.change(changes, uow.now())?;
    organizations::save(uow, &mut organization).await?;
    Ok(organization)
}
