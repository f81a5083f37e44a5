//! Records a batch of reported events.

use std::collections::HashSet;

use authz::Granted;
use contracts::catalog::Entitlements;
use contracts::usage::ReserveError;
use db::{Engine, UnitOfWork};
use futures_util::future::try_join;
use kernel::{Id as _, Timestamp};

use super::consume::{Portion, consume};
use crate::domain::{Event, IdempotencyKey, Limits, MAX_AGE, Untimely, timeliness};
use crate::manifest::EventCreate;
use crate::store::Stamp;
use crate::store::{events, keys};

kernel::id!(
    /// A reported event.
    struct EventId = "usage_event"
);

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recorded {
    pub(crate) accepted: usize,
    pub(crate) duplicates: usize,
    pub(crate) rejected: Vec<Rejected>,
}

/// An event that was refused alone, by its place in the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rejected {
    pub(crate) index: usize,
    pub(crate) because: Untimely,
}

/// Records those that are timely and new; the quotas are asked last. Each counts in the periods in which it occurred.
pub(crate) async fn record(
    granted: &Granted<EventCreate>,
    uow: &UnitOfWork,
    engine: Engine,
    entitlements: &dyn Entitlements,
    batch: &[Event],
) -> Result<Recorded, ReserveError> {
    let (organization, now) = (granted.organization(), uow.now());
    let (timely, rejected) = sorted_out(batch, now);
    let known = keys_of(&timely);
    let (unused, quotas) = try_join(
        keys::claim(uow, organization, &known, now.minus(MAX_AGE)),
        entitlements.quotas_in(uow, organization),
    )
    .await?;
    let accepted = new_ones(&timely, unused);
    if !accepted.is_empty() {
        let rows: Vec<_> = accepted
            .iter()
            .map(|(event, at)| row(uow, engine, event, *at))
            .collect();
        events::add(uow, organization, &rows).await?;
        let portions: Vec<_> = accepted.iter().map(|(event, at)| portion(event, *at)).collect();
        consume(uow, engine, organization, &Limits::in_force(quotas, now), &portions).await?;
    }
    Ok(Recorded {
        accepted: accepted.len(),
        duplicates: timely.len() - accepted.len(),
        rejected,
    })
}

/// The events that may be reported now, with when they occurred, and the others.
fn sorted_out(batch: &[Event], now: Timestamp) -> (Vec<(&Event, Timestamp)>, Vec<Rejected>) {
    let (mut timely, mut rejected) = (Vec::with_capacity(batch.len()), Vec::new());
    for (index, event) in batch.iter().enumerate() {
        match timeliness(event.occurred_at, now) {
            Ok(at) => timely.push((event, at)),
            Err(because) => rejected.push(Rejected { index, because }),
        }
    }
    (timely, rejected)
}

/// Each key once, in order: two units that claim the same ones do not wait for each other crosswise.
fn keys_of<'e>(events: &[(&'e Event, Timestamp)]) -> Vec<&'e str> {
    let keys = events.iter().filter_map(|(event, _)| event.key.as_ref());
    let mut keys: Vec<&str> = keys.map(IdempotencyKey::as_str).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Those without a key, and of those with one the first with each that was not known.
fn new_ones<'e>(events: &[(&'e Event, Timestamp)], mut unused: HashSet<String>) -> Vec<(&'e Event, Timestamp)> {
    let is_new = |(event, _): &&(&Event, Timestamp)| event.key.as_ref().is_none_or(|key| unused.remove(key.as_str()));
    events.iter().filter(is_new).copied().collect()
}

fn row<'e>(uow: &UnitOfWork, engine: Engine, event: &'e Event, at: Timestamp) -> events::NewEvent<'e> {
    events::NewEvent {
        at: Stamp(engine, at),
        id: uow.generators().id::<EventId>().as_uuid(),
        metric: event.metric.as_str(),
        quantity: event.quantity,
        key: event.key.as_ref().map(IdempotencyKey::as_str),
    }
}

fn portion(event: &Event, at: Timestamp) -> Portion<'_> {
    Portion {
        metric: event.metric.as_str(),
        at,
        quantity: event.quantity,
    }
}
