//! Renaming one's own organization.

use authz::Granted;
use db::UnitOfWork;

use super::Refusal;
use crate::domain::{Changes, Name, Organization};
use crate::manifest::ProfileUpdate;
use crate::store::organizations;

/// Gives the organization acted in another name, if it still is as the client knows it. Slug and document are the platform's to
/// change.
///
/// # Errors
/// [`Refusal`]: stale, or the platform organization.
pub(crate) async fn rename_organization(
    granted: &Granted<ProfileUpdate>,
    uow: &UnitOfWork,
    is_current: impl FnOnce(&Organization) -> bool,
    name: Option<Name>,
) -> Result<Organization, Refusal> {
    let mut organization = organizations::lock(uow, granted.organization())
        .await?
        .ok_or(Refusal::NotFound)?;
    if !is_current(&organization) {
        return Err(Refusal::Stale);
    }
    organization.change(
        Changes {
            name,
            ..Changes::default()
        },
        uow.now(),
    )?;
    organizations::save(uow, &mut organization).await?;
    Ok(organization)
}
