//! Removing what is over: sessions, challenges, counts of failed logins, keys.

use std::collections::BTreeSet;
use std::time::Duration;

use db::{DbError, SystemScope, UnitContext};
use kernel::{Actor, OrganizationId};

use crate::service::Service;
use crate::store::{login_failures, mfa_challenges, sessions, signing_keys};

/// What ended is kept for so long: whoever asks why a login ended yesterday still finds it.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// Removes what is over, one organization after the other; how many rows it was.
///
/// # Errors
/// [`DbError`]. What was removed before stays so.
pub(crate) async fn clean_up(service: &Service) -> Result<u64, DbError> {
    let now = service.generators.now();
    let ended = now.minus(KEPT);
    let all = service.db.system(SystemScope::new(
        "what is over is looked for in every organization, and removed in each by itself",
    ));
    let mut organizations = BTreeSet::<OrganizationId>::new();
    organizations.extend(sessions::organizations_with_ended(all, ended).await?);
    organizations.extend(mfa_challenges::organizations_with_ended(all, now).await?);
    organizations.extend(login_failures::organizations_with_stale(all, now).await?);
    let context = |organization| {
        UnitContext::tenant(Actor::system("clean-up"), organization)
            .unaudited("what is removed was over before, and nobody can see the difference")
            .long()
    };
    let mut removed = 0;
    for organization in organizations {
        removed += service
            .db
            .write(context(organization), move |uow| async move {
                let sessions = sessions::remove_ended(&uow, organization, ended).await?;
                let challenges = mfa_challenges::remove_ended(&uow, organization, uow.now()).await?;
                let failures = login_failures::remove_stale(&uow, organization).await?;
                Ok::<_, DbError>(sessions + challenges + failures)
            })
            .await?;
    }
    removed += service
        .db
        .write(context(service.platform), |uow| async move {
            signing_keys::remove_over(&uow).await
        })
        .await?;
    Ok(removed)
}
