//! Ending the lock that failed logins led to.

use authz::Within;
use authz::snapshot::Principal;
use contracts::access::Judge;
use contracts::identity::UserId;
use db::UnitOfWork;

use super::update_user::reach_user;
use super::{Guesses, Refusal};
use crate::domain::User;
use crate::manifest::UserUpdate;
use crate::service::Service;
use crate::store::users;

/// Lets a user log in again at once, from everywhere. Unlocking one that is not locked changes nothing.
///
/// # Errors
/// [`Refusal`]: not found, out of reach, beyond what the actor holds.
pub(crate) async fn unlock_user(
    within: &Within<UserUpdate>,
    uow: &UnitOfWork,
    service: &Service,
    judge: &dyn Judge,
    id: UserId,
) -> Result<User, Refusal> {
    let mut user = reach_user(within, uow, id).await?;
    judge.may_act_on(within.actor(), Principal::user(id.into()), uow.now())?;
    let guesses = Guesses::at(service, within.organization(), &user.state().email, None);
    if guesses.forget_all(uow).await? {
        user.unlocked();
        users::record(uow, &mut user)?;
    }
    Ok(user)
}
