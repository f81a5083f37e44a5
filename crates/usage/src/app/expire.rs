//! Forgets what is old.

use std::time::Duration;

use contracts::catalog::QuotaPeriod;
use db::{Db, DbError, UnitContext};
use kernel::{Actor, OrganizationId, Timestamp};

use super::{COUNTING, EVERYBODY};
use crate::domain::{MAX_AGE, Window};
use crate::store::{counters, events, keys, organizations, retention};

/// How long counters of past periods are kept: nothing may be reported for a period that ended 32 days ago.
const COUNTERS_KEPT: Duration = Duration::from_secs(70 * 24 * 60 * 60);

fn unit(organization: OrganizationId) -> UnitContext {
    UnitContext::tenant(Actor::system("usage"), organization).unaudited(COUNTING)
}

/// Forgets keys after 32 days, and counters of periods that are over for long.
pub(crate) async fn expire_keys(db: &Db, now: Timestamp) -> Result<u64, DbError> {
    let (keys_before, counters_before) = (now.minus(MAX_AGE), now.minus(COUNTERS_KEPT));
    let mut done = 0;
    for organization in organizations::counted(db, EVERYBODY).await? {
        let forgotten: Result<u64, DbError> = db
            .write(unit(organization), move |uow| async move {
                counters::forget(&uow, organization, counters_before).await
            })
            .await;
        done += forgotten?;
        loop {
            let (forgotten, has_more): (u64, bool) = db
                .write(unit(organization), move |uow| async move {
                    keys::forget(&uow, organization, keys_before).await
                })
                .await?;
            done += forgotten;
            if !has_more {
                break;
            }
        }
    }
    Ok(done)
}

/// Deletes events that occurred so long ago, by whole days; the sums stay.
pub(crate) async fn expire_events(db: &Db, now: Timestamp, kept: Duration) -> Result<u64, DbError> {
    let before = Window::at(QuotaPeriod::Day, now.minus(kept)).starts_at;
    let mut done = 0;
    for organization in organizations::all(db, EVERYBODY).await? {
        let has_older = events::edges(db.scope(organization))
            .await?
            .is_some_and(|(first, _)| first < before);
        if !has_older {
            continue;
        }
        // Before the first event goes: what rebuilds the sums must not believe that there was none.
        db.write(unit(organization), move |uow| async move {
            retention::keep_from(&uow, organization, before).await
        })
        .await?;
        loop {
            let (forgotten, has_more): (u64, bool) = db
                .write(unit(organization), move |uow| async move {
                    events::forget(&uow, organization, before).await
                })
                .await?;
            done += forgotten;
            if !has_more {
                break;
            }
        }
    }
    Ok(done)
}
