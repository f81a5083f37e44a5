//! Records reported events.

use std::collections::HashSet;
use std::sync::Arc;

use authz::Granted;
use contracts::catalog::Entitlements;
use contracts::usage::ReserveError;
use db::{DbError, Engine, UnitOfWork};
use futures_util::future::try_join;
use kernel::{Id as _, Timestamp};

use super::consume::{Means, Portion, consume};
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

/// A batch that somebody reported.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    pub(crate) granted: Granted<EventCreate>,
    pub(crate) events: Arc<[Event]>,
}

/// Records the batches of one organization together, of each the events that are timely and new; the quotas are asked last, for all
/// of it. Each event counts in the periods in which it occurred. What became of each batch, in their order.
///
/// # Errors
/// [`ReserveError`]; nothing of any batch is recorded then.
pub(crate) async fn record(
    reports: &[Report],
    uow: &UnitOfWork,
    means: &Means,
    entitlements: &dyn Entitlements,
) -> Result<Vec<Recorded>, ReserveError> {
    let Some(first) = reports.first() else {
        return Ok(Vec::new());
    };
    let (organization, now) = (first.granted.organization(), uow.now());
    if reports
        .iter()
        .any(|report| report.granted.organization() != organization)
    {
        return Err(DbError::Internal("usage of several organizations cannot be recorded together".into()).into());
    }
    let sorted: Vec<_> = reports.iter().map(|report| sorted_out(&report.events, now)).collect();
    let known = keys_of(sorted.iter().flat_map(|(timely, _)| timely));
    let (mut unused, quotas) = try_join(
        keys::claim(uow, organization, &known, now.minus(MAX_AGE)),
        entitlements.quotas_in(uow, organization),
    )
    .await?;
    let mut accepted = Vec::new();
    let mut recorded = Vec::with_capacity(sorted.len());
    for (timely, rejected) in sorted {
        let new = new_ones(&timely, &mut unused);
        recorded.push(Recorded {
            accepted: new.len(),
            duplicates: timely.len() - new.len(),
            rejected,
        });
        accepted.extend(new);
    }
    if !accepted.is_empty() {
        let rows: Vec<_> = accepted
            .iter()
            .map(|(event, at)| row(uow, means.engine, event, *at))
            .collect();
        events::add(uow, organization, &rows).await?;
        let portions: Vec<_> = accepted.iter().map(|(event, at)| portion(event, *at)).collect();
        consume(uow, means, organization, &Limits::in_force(quotas, now), &portions).await?;
    }
    Ok(recorded)
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
fn keys_of<'e>(events: impl Iterator<Item = &'e (&'e Event, Timestamp)>) -> Vec<&'e str> {
    let keys = events.filter_map(|(event, _)| event.key.as_ref());
    let mut keys: Vec<&str> = keys.map(IdempotencyKey::as_str).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Those without a key, and of those with one the first with each that was not known; their keys are used then.
fn new_ones<'e>(events: &[(&'e Event, Timestamp)], unused: &mut HashSet<String>) -> Vec<(&'e Event, Timestamp)> {
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
