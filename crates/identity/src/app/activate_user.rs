//! Letting a user act again.

use authz::Granted;
use authz::snapshot::Principal;
use contracts::access::Judge;
use contracts::identity::UserId;
use db::UnitOfWork;

use super::{Refusal, headcount, user_changed};
use crate::domain::User;
use crate::manifest::UserUpdate;
use crate::service::Service;
use crate::store::users;

/// Activates a user, who has again all that it was granted: so the actor must hold that too. Activating an active one changes
/// nothing.
///
/// # Errors
/// [`Refusal`]: not found, beyond what the actor holds, beyond the quota.
pub(crate) async fn activate_user(
    granted: &Granted<UserUpdate>,
    uow: &UnitOfWork,
    service: &Service,
    judge: &dyn Judge,
    id: UserId,
) -> Result<User, Refusal> {
    let organization = granted.organization();
    let mut user = users::lock(uow, organization, id).await?.ok_or(Refusal::NotFound)?;
    judge.may_act_on(granted.actor(), Principal::user(id.into()), uow.now())?;
    if user.state().is_active {
        return Ok(user);
    }
    user.activate(uow.now());
    users::save(uow, &mut user).await?;
    user_changed(uow, &user);
    headcount(uow, service, organization, 1).await?;
    Ok(user)
}
