//! Ending all that somebody else is logged in with.

use authz::Granted;
use authz::snapshot::Principal;
use contracts::access::Judge;
use contracts::identity::UserId;
use db::UnitOfWork;

use super::own_acts::NAMED;
use super::{Refusal, end_sessions};
use crate::domain::RevocationReason;
use crate::manifest::SessionRevoke;
use crate::store::users;

/// Ends all sessions of a user.
///
/// # Errors
/// [`Refusal`]: not found, beyond what the actor holds.
pub(crate) async fn log_out_user(
    granted: &Granted<SessionRevoke>,
    uow: &UnitOfWork,
    judge: &dyn Judge,
    id: UserId,
) -> Result<(), Refusal> {
    let organization = granted.organization();
    let user = users::lookup(uow.scope(organization).reads(), &NAMED, id).await?;
    if user.is_none() {
        return Err(Refusal::NotFound);
    }
    judge.may_act_on(granted.actor(), Principal::user(id.into()), uow.now())?;
    let reason = RevocationReason::Administrator;
    end_sessions(uow, organization, id, None, reason).await?;
    Ok(())
}
