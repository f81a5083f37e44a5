//! Letting a user act again.

use authz::Within;
use authz::snapshot::Principal;
use contracts::access::Judge;
use contracts::identity::UserId;
use db::UnitOfWork;

use super::update_user::reach_user;
use super::{Refusal, headcount, user_changed};
use crate::domain::User;
use crate::manifest::UserUpdate;
use crate::service::Service;
use crate::store::users;

/// Activates a user, who has again all that it was granted: so the actor must hold that too. Activating an active one changes
/// nothing.
///
/// # Errors
/// [`Refusal`]: not found, out of reach before or after the change, beyond what the actor holds, beyond the quota.
pub(crate) async fn activate_user(
    within: &Within<UserUpdate>,
    uow: &UnitOfWork,
    service: &Service,
    judge: &dyn Judge,
    id: UserId,
) -> Result<User, Refusal> {
    let mut user = reach_user(within, uow, id).await?;
    judge.may_act_on(within.actor(), Principal::user(id.into()), uow.now())?;
    if user.state().is_active {
        return Ok(user);
    }
    user.activate(uow.now());
    users::save(uow, within, &mut user).await?;
    user_changed(uow, &user);
    headcount(uow, service, within.organization(), 1).await?;
    Ok(user)
}
