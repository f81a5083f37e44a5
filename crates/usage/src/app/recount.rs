//! Recounts levels: who keeps them may have changed rows without saying so, by a restored backup or by hand.

use contracts::catalog::QuotaPeriod;
use contracts::identity::HeadCounts;
use contracts::usage::USERS_ACTIVE;
use db::{Db, DbError, Engine, UnitContext};
use kernel::{Actor, OrganizationId, Timestamp};

use super::{COUNTING, EVERYBODY};
use crate::domain::{Window, bucket_of};
use crate::store::events::Sum;
use crate::store::{aggregates, counters, organizations};

/// How many organizations are asked for at once.
const AT_ONCE: usize = 500;

/// Brings `users.active` of every organization in line with its users; how many were not.
pub(crate) async fn recount(db: &Db, heads: &dyn HeadCounts) -> Result<u64, DbError> {
    let mut corrected = 0;
    for organizations in organizations::counted(db, EVERYBODY).await?.chunks(AT_ONCE) {
        let mut seen = Vec::with_capacity(organizations.len());
        for organization in organizations {
            seen.push(counters::look(db.scope(*organization), USERS_ACTIVE).await?);
        }
        let counted = heads.active_users(organizations).await?;
        for ((organization, seen), users) in organizations.iter().zip(seen).zip(counted) {
            let users = i64::try_from(users).unwrap_or(i64::MAX);
            if seen.used != users && correct(db, *organization, seen, users).await? {
                corrected += 1;
            }
        }
    }
    Ok(corrected)
}

/// Sets the level, unless it was changed since it was looked at: then the count is of another moment, and the next one will tell.
async fn correct(db: &Db, organization: OrganizationId, seen: counters::Look, users: i64) -> Result<bool, DbError> {
    let engine: Engine = db.engine();
    let context = UnitContext::tenant(Actor::system("usage"), organization).unaudited(COUNTING);
    db.write(context, move |uow| async move {
        let held = counters::hold(&uow, organization, USERS_ACTIVE).await?;
        let changes = held.first().map_or(0, |counter| counter.changes);
        if changes != seen.changes {
            return Ok(false);
        }
        let told = uow.scope(organization).reads();
        let summed = aggregates::total(told, USERS_ACTIVE, Timestamp::MIN, Timestamp::MAX).await?;
        let change = Sum {
            metric: USERS_ACTIVE.to_owned(),
            bucket: bucket_of(uow.now()),
            quantity: users.saturating_sub(summed),
            events: 0,
        };
        aggregates::add(&uow, engine, organization, &[change]).await?;
        let total = Window::at(QuotaPeriod::Total, uow.now());
        counters::set(&uow, organization, USERS_ACTIVE, total, users).await?;
        Ok(true)
    })
    .await
}
