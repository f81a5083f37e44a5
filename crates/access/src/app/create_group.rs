//! Making a group.

use authz::Within;
use db::{DbError, UnitOfWork};
use kernel::Id as _;

use super::Refusal;
use crate::domain::{Code, Description, Group, GroupId, Name, NewGroup};
use crate::manifest::GroupCreate;
use crate::store::groups;

/// Makes a group in the organization acted in: without a code it gets one made of its name. It grants nothing yet.
///
/// # Errors
/// [`Refusal::Denied`]; [`Refusal::Storage`], a taken code among it, at the latest when the unit commits.
pub(crate) async fn create_group(
    within: &Within<GroupCreate>,
    uow: &UnitOfWork,
    code: Option<Code>,
    name: Name,
    description: Option<Description>,
) -> Result<Group, Refusal> {
    let organization = within.organization();
    let id: GroupId = uow.generators().id();
    let code = match code {
        Some(code) => code,
        None => free_code(within, uow, id, &name).await?,
    };
    let new = NewGroup {
        code,
        name,
        description,
    };
    let mut group = Group::create(organization, id, new, uow.now());
    groups::add(uow, within, &mut group).await?;
    // Nobody is told: it decides nothing before something is put into it, and that is told.
    Ok(group)
}

/// A code made of the name, or of the group's id where the name gives none that is free.
async fn free_code(within: &Within<GroupCreate>, uow: &UnitOfWork, id: GroupId, name: &Name) -> Result<Code, Refusal> {
    if let Some(code) = Code::from_name(name) {
        let taken = groups::find_by_code(uow, within.organization(), code.as_str()).await?;
        if taken.is_none() {
            return Ok(code);
        }
    }
    let made = format!("GROUP_{}", id.as_uuid().simple()).to_ascii_uppercase();
    Code::new(&made).map_err(|_| Refusal::Storage(DbError::Internal(format!("{made} is no code"))))
}
