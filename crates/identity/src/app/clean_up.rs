//! Removing what is over: sessions, challenges, counts of failed logins, links, invitations, mails, keys.

use std::time::Duration;

use db::{DbError, SystemScope, UnitContext, UnitOfWork};
use kernel::{Actor, OrganizationId};

use crate::service::Service;
use crate::store::over::{self, Limits};
use crate::store::{
    invitations, login_failures, mail_queue, mfa_challenges, one_time_tokens, sessions, signing_keys, support_sessions,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Sessions and invitations are kept for so long after their end: whoever asks why a login ended yesterday still finds it.
const ENDED_KEPT: Duration = DAY;
/// Mails that were sent are kept for so long.
const SENT_KEPT: Duration = Duration::from_secs(30 * DAY.as_secs());
/// Mails that could not be sent are kept for so long, for somebody to look at.
const DEAD_KEPT: Duration = Duration::from_secs(90 * DAY.as_secs());

/// Removes what is over, one organization after the other; how many rows it was.
///
/// # Errors
/// [`DbError`]. What was removed before stays so.
pub(crate) async fn clean_up(service: &Service) -> Result<u64, DbError> {
    let now = service.generators.now();
    let limits = Limits {
        now,
        ended: now.minus(ENDED_KEPT),
        sent: now.minus(SENT_KEPT),
        dead: now.minus(DEAD_KEPT),
    };
    let all = service.db.system(SystemScope::new(
        "what is over is looked for in every organization, and removed in each by itself",
    ));
    let unit = |organization| {
        UnitContext::tenant(Actor::system("clean-up"), organization)
            .unaudited("what is removed was over before, and nobody can see the difference")
            .long()
    };
    let mut removed = 0;
    for organization in over::organizations(all, limits).await? {
        let remove = move |uow| async move { remove(&uow, organization, limits).await };
        removed += service.db.write(unit(organization), remove).await?;
    }
    let keys = |uow| async move { signing_keys::remove_over(&uow).await };
    removed += service.db.write(unit(service.platform), keys).await?;
    Ok(removed)
}

/// Removes what is over in one organization; how many rows it was.
async fn remove(uow: &UnitOfWork, organization: OrganizationId, limits: Limits) -> Result<u64, DbError> {
    Ok(sessions::remove_ended(uow, organization, limits.ended).await?
        + login_failures::remove_stale(uow, organization).await?
        + mfa_challenges::remove_ended(uow, organization, limits.now).await?
        + one_time_tokens::remove_expired(uow, organization).await?
        + invitations::remove_expired(uow, organization, limits.ended).await?
        + support_sessions::remove_ended(uow, organization, limits.ended).await?
        + mail_queue::remove_old(uow, organization, limits.sent, limits.dead).await?)
}
