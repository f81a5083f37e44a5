//! Making a user.

use authz::Within;
use db::UnitOfWork;

use super::{Refusal, headcount, user_changed};
use crate::domain::{NewUser, User};
use crate::manifest::UserCreate;
use crate::service::Service;
use crate::store::users;

/// Makes a user, who may log in at once and holds nothing yet. The password was hashed before.
///
/// # Errors
/// [`Refusal::Denied`]; [`Refusal::Quota`]; [`Refusal::Storage`], a taken address among it, at the latest when the unit commits.
pub(crate) async fn create_user(
    within: &Within<UserCreate>,
    uow: &UnitOfWork,
    service: &Service,
    new: NewUser,
) -> Result<User, Refusal> {
    let organization = within.organization();
    let mut user = User::create(uow.generators().id(), organization, new, uow.now());
    users::add(uow, within, &mut user).await?;
    user_changed(uow, &user);
    headcount(uow, service, organization, 1).await?;
    Ok(user)
}
