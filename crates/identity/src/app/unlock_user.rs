//! Ending the lock that failed logins led to.

use authz::Granted;
use authz::snapshot::Principal;
use contracts::access::Judge;
use contracts::identity::UserId;
use db::UnitOfWork;

use super::{Guesses, Refusal};
use crate::domain::User;
use crate::manifest::UserUpdate;
use crate::service::Service;
use crate::store::users;

/// Lets a user log in again at once, from everywhere. Unlocking one that is not locked changes nothing.
///
/// # Errors
/// [`Refusal`]: not found, beyond what the actor holds.
pub(crate) async fn unlock_user(
    granted: &Granted<UserUpdate>,
    uow: &UnitOfWork,
    service: &Service,
    judge: &dyn Judge,
    id: UserId,
) -> Result<User, Refusal> {
    let organization = granted.organization();
    let mut user = users::lock(uow, organization, id).await?.ok_or(Refusal::NotFound)?;
    judge.may_act_on(granted.actor(), Principal::user(id.into()), uow.now())?;
    let guesses = Guesses::at(service, organization, &user.state().email, None);
    if guesses.forget_all(uow).await? {
        user.unlocked();
        users::record(uow, &mut user)?;
    }
    Ok(user)
}
