//! Making a role.

use authz::Within;
use db::UnitOfWork;

use super::Refusal;
use crate::domain::{NewRole, Role};
use crate::manifest::RoleCreate;
use crate::store::roles;

/// Makes a role in the organization acted in. It grants nothing yet, so making it cannot give anybody more than they hold.
///
/// # Errors
/// [`Refusal::ReservedCode`]; [`Refusal::Denied`]; [`Refusal::Storage`], a taken code among it, at the latest when the unit commits.
pub(crate) async fn create_role(within: &Within<RoleCreate>, uow: &UnitOfWork, new: NewRole) -> Result<Role, Refusal> {
    if new.code.is_reserved() {
        return Err(Refusal::ReservedCode);
    }
    let mut role = Role::create(within.organization(), uow.generators().id(), new, uow.now());
    roles::add(uow, within, &mut role).await?;
    // Nobody is told: it decides nothing before something is granted to it or it is granted, and that is told.
    Ok(role)
}
