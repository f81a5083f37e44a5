//! Ending a user's access.

use authz::Within;
use authz::snapshot::Principal;
use contracts::access::Judge;
use contracts::identity::UserId;
use db::UnitOfWork;

use super::own_acts::ENDED;
use super::update_user::reach_user;
use super::{Refusal, end_sessions, headcount, user_changed};
use crate::domain::{RevocationReason, User};
use crate::manifest::UserDelete;
use crate::service::Service;
use crate::store::{pending_registrations, users};

/// Deactivates a user and ends all its sessions at once; the keys that it made are worth nothing from then on. Deactivating an
/// inactive one changes nothing.
///
/// # Errors
/// [`Refusal`]: not found, out of reach, beyond what the actor holds, stale, the last administrator.
pub(crate) async fn deactivate_user(
    within: &Within<UserDelete>,
    uow: &UnitOfWork,
    service: &Service,
    judge: &dyn Judge,
    id: UserId,
    is_current: impl FnOnce(&User) -> bool,
) -> Result<(), Refusal> {
    let organization = within.organization();
    let mut user = reach_user(within, uow, id).await?;
    judge.may_act_on(within.actor(), Principal::user(id.into()), uow.now())?;
    if !is_current(&user) {
        return Err(Refusal::Stale);
    }
    // Who registered and is turned away is not let in by the link that was mailed.
    let was_pending = pending_registrations::remove(uow, organization, id).await?;
    if !user.state().is_active {
        if was_pending {
            user.turn_away(uow.now());
            users::save(uow, &ENDED, &mut user).await?;
        }
        return Ok(());
    }
    judge.keeps_an_administrator_without(id, uow.now())?;
    user.deactivate(uow.now());
    users::save(uow, &ENDED, &mut user).await?;
    let reason = RevocationReason::UserDeactivated;
    end_sessions(uow, organization, id, None, reason).await?;
    user_changed(uow, &user);
    Ok(headcount(uow, service, organization, -1).await?)
}
