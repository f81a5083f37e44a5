//! Changing somebody else's name or address.

use authz::snapshot::Principal;
use authz::{Permission, Within};
use contracts::access::Judge;
use contracts::identity::{UserId, UserView};
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
/// [`Refusal`]: not found, out of reach before or after the change, beyond what the actor holds, stale, an address that is taken.
pub(crate) async fn update_user(
    within: &Within<UserUpdate>,
    uow: &UnitOfWork,
    queue: Queue,
    judge: &dyn Judge,
    id: UserId,
    is_current: impl FnOnce(&User) -> bool,
    changes: UserChanges,
) -> Result<User, Refusal> {
    let mut user = reach_user(within, uow, id).await?;
    judge.may_act_on(within.actor(), Principal::user(id.into()), uow.now())?;
    if !is_current(&user) {
        return Err(Refusal::Stale);
    }
    if let Some(name) = changes.name.filter(|name| *name != user.state().name) {
        user.rename(name, uow.now());
        users::save(uow, within, &mut user).await?;
    }
    if let Some(email) = changes.email {
        // Its new owner will confirm it without anybody being asked again.
        let mut confirmed = user.clone();
        confirmed.confirm_email(email.clone(), uow.now());
        within.admit(&UserView::from(&confirmed))?;
        request_email_change(uow, &queue, &mut user, &email).await?;
    }
    Ok(user)
}

/// The user for a change, within the actor's grant, held until the unit ends.
///
/// # Errors
/// [`Refusal`]: not found, out of reach.
pub(super) async fn reach_user<P: Permission>(
    within: &Within<P>,
    uow: &UnitOfWork,
    id: UserId,
) -> Result<User, Refusal> {
    let found = users::lock(uow, within, within.organization(), id).await?;
    found.ok_or(Refusal::NotFound)
}
