//! Recomputes the sums from the events, and the counters from the sums, and sees that they agree.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use contracts::Ports;
use contracts::catalog::QuotaPeriod;
use db::{Db, DbError, UnitContext, UnitOfWork};
use kernel::{Actor, OrganizationId, Timestamp};

use super::recount::{Keepers, recount};
use super::{COUNTING, EVERYBODY};
use crate::domain::{Window, windows};
use crate::store::events::Sum;
use crate::store::{aggregates, counters, events, organizations, retention};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What a recomputation found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rebuilt {
    /// Organizations looked at.
    pub organizations: u64,
    /// Events summed up.
    pub events: u64,
    /// Quarters of an hour compared, by metric.
    pub sums: u64,
    /// Of those, the ones that did not agree with the events.
    pub wrong_sums: u64,
    /// Counters of quotas compared.
    pub counters: u64,
    /// Of those, the ones that did not agree with the sums.
    pub wrong_counters: u64,
    /// Levels that the platform keeps, compared with what they are of: active users, and bytes that are stored.
    pub levels: u64,
    /// Of those, the ones that did not agree.
    pub wrong_levels: u64,
}

impl Rebuilt {
    /// Whether everything agreed.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.wrong_sums == 0 && self.wrong_counters == 0 && self.wrong_levels == 0
    }

    fn add(&mut self, other: Self) {
        self.organizations += other.organizations;
        self.events += other.events;
        self.sums += other.sums;
        self.wrong_sums += other.wrong_sums;
        self.counters += other.counters;
        self.wrong_counters += other.wrong_counters;
        self.levels += other.levels;
        self.wrong_levels += other.wrong_levels;
    }
}

/// Whether what is wrong is put right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    Corrected,
    Left,
}

/// Compares the sums of what was reported with the events they were made of, as far back as events are kept, and the counters with
/// the sums; with `correct`, puts right what does not agree. What the platform counts by itself has no events: its levels are
/// compared with what they are of, and requests, which are nowhere else, are left alone.
///
/// It goes day by day and can run while events come in: a day's sums are held while its events are added up, and an event that is
/// not in the one is not in the other.
///
/// # Errors
/// [`DbError`]; what was done until then stays.
pub async fn rebuild(db: &Db, ports: &Ports, only: Option<OrganizationId>, correct: bool) -> Result<Rebuilt, DbError> {
    let wrong = if correct { Wrong::Corrected } else { Wrong::Left };
    let organizations = match only {
        Some(organization) => vec![organization],
        None => organizations::all(db, EVERYBODY).await?,
    };
    let mut rebuilt = Rebuilt::default();
    for organization in organizations {
        rebuilt.organizations += 1;
        let stretch = stretch(db, organization).await?;
        let mut day = stretch.map(|(first, last)| (Window::at(QuotaPeriod::Day, first).starts_at, last));
        while let Some((begins, last)) = day.filter(|(begins, last)| begins <= last) {
            rebuilt.add(sums(db, organization, begins, wrong).await?);
            day = Some((begins.plus(DAY), last));
        }
        rebuilt.add(counts(db, organization, wrong).await?);
    }
    rebuilt.add(recount(db, &Keepers::of(ports), only, wrong).await?);
    Ok(rebuilt)
}

/// From when until when there is something to compare.
async fn stretch(db: &Db, organization: OrganizationId) -> Result<Option<(Timestamp, Timestamp)>, DbError> {
    let edges = [
        events::edges(db.scope(organization)).await?,
        aggregates::edges(db.scope(organization)).await?,
    ];
    let kept_from = retention::kept_from(db.scope(organization))
        .await?
        .unwrap_or(Timestamp::MIN);
    let first = edges.iter().flatten().map(|(first, _)| *first).min();
    let last = edges.iter().flatten().map(|(_, last)| *last).max();
    Ok(first.zip(last).map(|(first, last)| (first.max(kept_from), last)))
}

fn unit(organization: OrganizationId) -> UnitContext {
    UnitContext::tenant(Actor::system("usage"), organization)
        .unaudited(COUNTING)
        .long()
}

/// One day's sums.
async fn sums(db: &Db, organization: OrganizationId, day: Timestamp, wrong: Wrong) -> Result<Rebuilt, DbError> {
    db.write(unit(organization), move |uow| async move {
        let (from, to) = (day, day.plus(DAY));
        let reads = uow.scope(organization).reads();
        if wrong == Wrong::Corrected {
            // What has no row cannot be held.
            for sum in events::sums(reads, from, to).await? {
                aggregates::ensure(&uow, organization, &sum).await?;
            }
        }
        let held = aggregates::hold(&uow, organization, from, to).await?;
        let summed = events::sums(reads, from, to).await?;
        compare(&uow, organization, held, summed, wrong).await
    })
    .await
}

async fn compare(
    uow: &UnitOfWork,
    organization: OrganizationId,
    held: Vec<Sum>,
    summed: Vec<Sum>,
    wrong: Wrong,
) -> Result<Rebuilt, DbError> {
    let key = |sum: Sum| ((sum.metric, sum.bucket), (sum.quantity, sum.events));
    let held: BTreeMap<_, _> = held.into_iter().map(key).collect();
    let summed: BTreeMap<_, _> = summed.into_iter().map(key).collect();
    let places: BTreeSet<_> = held.keys().chain(summed.keys()).collect();
    let mut rebuilt = Rebuilt::default();
    for place in places {
        let right = summed.get(place).copied().unwrap_or_default();
        rebuilt.sums += 1;
        rebuilt.events += u64::try_from(right.1).unwrap_or(0);
        if held.get(place) == Some(&right) {
            continue;
        }
        rebuilt.wrong_sums += 1;
        if wrong == Wrong::Corrected {
            let sum = Sum {
                metric: place.0.clone(),
                bucket: place.1,
                quantity: right.0,
                events: right.1,
            };
            aggregates::set(uow, organization, &sum).await?;
        }
    }
    Ok(rebuilt)
}

/// The counters of everything that was reported.
async fn counts(db: &Db, organization: OrganizationId, wrong: Wrong) -> Result<Rebuilt, DbError> {
    let mut rebuilt = Rebuilt::default();
    for metric in aggregates::metrics(db.scope(organization)).await? {
        let counted = db
            .write(unit(organization), move |uow| {
                let metric = metric.clone();
                async move { count(&uow, organization, &metric, wrong).await }
            })
            .await?;
        rebuilt.add(counted);
    }
    Ok(rebuilt)
}

async fn count(uow: &UnitOfWork, organization: OrganizationId, metric: &str, wrong: Wrong) -> Result<Rebuilt, DbError> {
    let held = counters::hold(uow, organization, metric).await?;
    let held: BTreeMap<Window, i64> = held.into_iter().map(|counter| (counter.window, counter.used)).collect();
    // Counters of the periods that go on may be lost altogether.
    let places: BTreeSet<Window> = held.keys().copied().chain(windows(metric, uow.now())).collect();
    let mut rebuilt = Rebuilt::default();
    for window in places {
        let (from, to) = match window.period {
            QuotaPeriod::Total => (Timestamp::MIN, Timestamp::MAX),
            _ => (window.starts_at, window.ends_at().unwrap_or(Timestamp::MAX)),
        };
        let reads = uow.scope(organization).reads();
        let right = aggregates::total(reads, metric, from, to).await?.max(0);
        rebuilt.counters += 1;
        if held.get(&window).copied().unwrap_or(0) != right {
            rebuilt.wrong_counters += 1;
            if wrong == Wrong::Corrected {
                counters::set(uow, organization, metric, window, right).await?;
            }
        }
    }
    Ok(rebuilt)
}
