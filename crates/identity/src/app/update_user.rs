//! Changing somebody else's name or address.

use authz::Granted;
use authz::snapshot::Principal;
use contracts::access::Judge;
use contracts::identity::UserId;
use db::UnitOfWork;

use super::{Refusal, request_email_change};
use crate::domain::{Email, User, UserName};
use crate::mail::Queue;
use crate::manifest::UserUpdate;
use crate::store::users;

/// What to change; what is absent stays.
#[derive(Debug, Clone)]
pub(crate) struct UserChanges {
    /// What people call them.
    pub(crate) name: Option<UserName>,
    /// Where mail is to reach them, once its owner has confirmed it.
    pub(crate) email: Option<Email>,
}

/// Changes a user, if it still is as the client knows it and holds nothing that the actor does not hold. The user is answered as it
/// is: another address is only a wish until its owner confirms it.
///
/// # Errors
/// [`Refusal`]: not found, beyond what the actor holds, stale, an address that is taken.
pub(crate) async fn update_user(
    granted: &Granted<UserUpdate>,
    uow: &UnitOfWork,
    queue: Queue,
    judge: &dyn Judge,
    id: UserId,
    is_current: impl FnOnce(&User) -> bool,
    changes: UserChanges,
) -> Result<User, Refusal> {
    let organization = granted.organization();
    let mut user = users::lock(uow, organization, id).await?.ok_or(Refusal::NotFound)?;
    judge.may_act_on(granted.actor(), Principal::user(id.into()), uow.now())?;
    if !is_current(&user) {
        return Err(Refusal::Stale);
    }
    if let Some(name) = changes.name.filter(|name| *name != user.state().name) {
        user.rename(name, uow.now());
        users::save(uow, &mut user).await?;
    }
    if let Some(email) = changes.email {
        request_email_change(uow, &queue, &mut user, &email).await?;
    }
    Ok(user)
}
