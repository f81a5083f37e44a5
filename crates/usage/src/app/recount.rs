//! Recounts levels: who keeps what they count may have changed rows without saying so, by a restored backup or by hand.

use std::sync::Arc;

use contracts::Ports;
use contracts::catalog::QuotaPeriod;
use contracts::identity::HeadCounts;
use contracts::usage::{STORAGE_BYTES, StoredBytes, USERS_ACTIVE};
use db::{Db, DbError, Engine, UnitContext};
use futures_util::future::BoxFuture;
use kernel::{Actor, OrganizationId, Timestamp};

use super::rebuild::{Rebuilt, Wrong};
use super::{COUNTING, EVERYBODY};
use crate::domain::{Window, bucket_of};
use crate::store::events::Sum;
use crate::store::{aggregates, counters, organizations};

/// How many organizations are asked for at once.
const AT_ONCE: usize = 500;

/// Those who know what the levels are. In a program without one of them, its level is not counted either.
#[derive(Clone)]
pub(crate) struct Keepers {
    heads: Option<Arc<dyn HeadCounts>>,
    stored: Option<Arc<dyn StoredBytes>>,
}

impl Keepers {
    /// Those that the program has.
    pub(crate) fn of(ports: &Ports) -> Self {
        Self {
            heads: ports.find(),
            stored: ports.find(),
        }
    }
}

/// Compares `users.active` and `storage.bytes` with the users and with what is stored, of every organization or of one, and puts
/// right what does not agree where that is wanted.
///
/// # Errors
/// [`DbError`]; what was done until then stays.
pub(crate) async fn recount(
    db: &Db,
    keepers: &Keepers,
    only: Option<OrganizationId>,
    wrong: Wrong,
) -> Result<Rebuilt, DbError> {
    let all = match only {
        Some(organization) => vec![organization],
        None => organizations::counted(db, EVERYBODY).await?,
    };
    let mut found = Rebuilt::default();
    for organizations in all.chunks(AT_ONCE) {
        if let Some(heads) = &keepers.heads {
            let counting = heads.active_users(organizations);
            compare(db, organizations, USERS_ACTIVE, counting, wrong, &mut found).await?;
        }
        if let Some(stored) = &keepers.stored {
            let counting = stored.stored_bytes(organizations);
            compare(db, organizations, STORAGE_BYTES, counting, wrong, &mut found).await?;
        }
    }
    Ok(found)
}

/// Compares a level of the organizations with what `counting` brings, one for each in their order.
async fn compare(
    db: &Db,
    organizations: &[OrganizationId],
    metric: &'static str,
    counting: BoxFuture<'_, Result<Vec<u64>, DbError>>,
    wrong: Wrong,
    found: &mut Rebuilt,
) -> Result<(), DbError> {
    // What was told before it is counted: a change in between shows as one.
    let mut seen = Vec::with_capacity(organizations.len());
    for organization in organizations {
        seen.push(counters::look(db.scope(*organization), metric).await?);
    }
    for ((organization, seen), level) in organizations.iter().zip(seen).zip(counting.await?) {
        let level = i64::try_from(level).unwrap_or(i64::MAX);
        found.levels += 1;
        if seen.used == level {
            continue;
        }
        let is_wrong = match wrong {
            Wrong::Corrected => correct(db, *organization, metric, seen, level).await?,
            Wrong::Left => counters::look(db.scope(*organization), metric).await?.changes == seen.changes,
        };
        found.wrong_levels += u64::from(is_wrong);
    }
    Ok(())
}

/// Sets the level, unless it was changed since it was looked at: then the count is of another moment, and the next one will tell.
async fn correct(
    db: &Db,
    organization: OrganizationId,
    metric: &'static str,
    seen: counters::Look,
    level: i64,
) -> Result<bool, DbError> {
    let engine: Engine = db.engine();
    let context = UnitContext::tenant(Actor::system("usage"), organization).unaudited(COUNTING);
    db.write(context, move |uow| async move {
        let held = counters::hold(&uow, organization, metric).await?;
        let changes = held.first().map_or(0, |counter| counter.changes);
        if changes != seen.changes {
            return Ok(false);
        }
        let told = uow.scope(organization).reads();
        let summed = aggregates::total(told, metric, Timestamp::MIN, Timestamp::MAX).await?;
        let change = Sum {
            metric: metric.to_owned(),
            bucket: bucket_of(uow.now()),
            quantity: level.saturating_sub(summed),
            events: 0,
        };
        aggregates::add(&uow, engine, organization, &[change]).await?;
        let total = Window::at(QuotaPeriod::Total, uow.now());
        counters::set(&uow, organization, metric, total, level).await?;
        Ok(true)
    })
    .await
}
