//! Making an organization.

use authz::Granted;
use db::UnitOfWork;

use super::Refusal;
use crate::domain::{NewOrganization, Organization};
use crate::manifest::OrganizationCreate;
use crate::store::organizations;

/// Makes an organization. That slug and document are free is for the unique constraints to say: two requests that ask at the
/// same time cannot both be told yes.
///
/// # Errors
/// [`Refusal::Storage`], a taken slug or document among it, at the latest when the unit commits.
pub(crate) async fn create_organization(
    _: &Granted<OrganizationCreate>,
    uow: &UnitOfWork,
    new: NewOrganization,
) -> Result<Organization, Refusal> {
    let mut organization = Organization::create(uow.generators().id(), new, uow.now());
    organizations::add(uow, &mut organization).await?;
    Ok(organization)
}
