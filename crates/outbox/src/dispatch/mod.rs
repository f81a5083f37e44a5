//! What every node does all the time: hand events on, take dead letters up again, deliver.
//!
//! A node looks at once when it committed events itself or handed some on, and otherwise as often as it polls: another node's commits
//! and retries that fall due are found by looking. Only when it has just handed on events of many organizations, it rests first.
//! Whoever else looks at the same time is kept apart by rows: the organization's position for handing on, the endpoint's row and the
//! deliveries' leases for delivering.

mod fan_out;
mod lane;
mod replay;
mod round;
mod sending;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use db::{DbError, SystemScope, UnitOfWork};
use futures_util::stream::{self, StreamExt as _};
use http::App;
use kernel::{Id as _, OrganizationId};
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use self::round::Failing;
use crate::domain::EndpointId;
use crate::service::Service;
use crate::store::{deliveries, endpoints, events};

/// How many organizations' events are handed on at once, and looked up at most.
const AT_ONCE: usize = 4;
const ORGANIZATIONS: i64 = 256;
/// To how many endpoints one node delivers at once.
const LANES: usize = 1_000;
/// Handing on takes a transaction for each organization. While many of so many change something without a pause, a node that looks
/// again at once finds an event or two of each; one that rests finds more at once, and leaves the database to those who write.
const MANY: usize = 16;
/// How many times as long as the look took it rests, and how long at most.
const RESTS: u32 = 3;
const LONGEST_REST: Duration = Duration::from_millis(100);
/// How long a node stands back after the database refused.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

type Lane = (OrganizationId, EndpointId);

/// One node's work.
pub(super) struct Dispatcher {
    app: App,
    service: Arc<Service>,
    /// The endpoints that are being delivered to, and how to tell them of more.
    lanes: Mutex<HashMap<Lane, Arc<Notify>>>,
    /// With whose events there is trouble, and with whose dead letters.
    failing: Failing,
    failing_replays: Failing,
    running: TaskTracker,
    stop: CancellationToken,
}

/// Hands events on and delivers them until it is told to stop; then finishes the attempts under way.
pub(crate) async fn run(app: App, stop: CancellationToken) {
    let service = match app.ports().get::<Service>() {
        Ok(service) => service,
        Err(missing) => {
            tracing::error!(%missing, "webhooks are not delivered");
            return;
        }
    };
    let dispatcher = Arc::new(Dispatcher {
        app,
        service,
        lanes: Mutex::default(),
        failing: Failing::default(),
        failing_replays: Failing::default(),
        running: TaskTracker::new(),
        stop,
    });
    dispatcher.work().await;
    dispatcher.running.close();
    dispatcher.running.wait().await;
}

impl Dispatcher {
    /// Three loops: to hand much on takes long, so does to take many dead letters up, and what is due waits for neither.
    async fn work(self: &Arc<Self>) {
        let committed = self.service.db.events_committed();
        let handed_on = self.service.handed_on.subscribe();
        let lanes = self.repeat(handed_on, "endpoints with deliveries cannot be looked up", || {
            self.open_lanes()
        });
        let handing_on = self.repeat(committed, "events cannot be handed on", || self.hand_on());
        let replays = self.repeat(self.service.woken(), "dead letters cannot be taken up again", || {
            self.replay()
        });
        tokio::join!(lanes, handing_on, replays);
    }

    /// Does something over and over: at once where there may be more, where `signal` or somebody else tells of work; otherwise as often
    /// as it polls.
    async fn repeat<F>(self: &Arc<Self>, mut signal: watch::Receiver<()>, complaint: &str, look: impl Fn() -> F)
    where
        F: Future<Output = Result<bool, DbError>>,
    {
        let service = &self.service;
        let mut told = service.woken();
        let mut failing = false;
        while !self.stop.is_cancelled() {
            signal.mark_unchanged();
            told.mark_unchanged();
            let wait = match look().await {
                Ok(true) => continue,
                Ok(false) => {
                    failing = false;
                    service.config.poll
                }
                Err(error) => {
                    // Said once an outage, not every second.
                    if !failing {
                        tracing::warn!(%error, "{complaint}");
                    }
                    failing = true;
                    AFTER_FAILURE
                }
            };
            tokio::select! {
                () = self.stop.cancelled() => {}
                // The senders live as long as the database and the service do.
                _ = signal.changed(), if !failing => {}
                _ = told.changed(), if !failing => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Takes some dead letters of each replay up again; true when some are left.
    async fn replay(self: &Arc<Self>) -> Result<bool, DbError> {
        let taken_up = replay::all(&self.service, &mut self.failing_replays.round(), &self.stop).await?;
        if taken_up.any {
            self.service.handed_on.send_replace(());
        }
        Ok(taken_up.more)
    }

    /// Hands queued events on; true when some are left. What fails for one organization is logged, and keeps nothing from the others.
    async fn hand_on(self: &Arc<Self>) -> Result<bool, DbError> {
        let service = &self.service;
        let mut round = self.failing.round();
        let clock = &service.generators.clock;
        let begun = clock.monotonic();
        let scope = SystemScope::new("a worker looks in which organizations events wait");
        let waiting = events::queued(service.db.system(scope), ORGANIZATIONS).await?;
        let organizations = waiting.len();
        let more = organizations >= usize::try_from(ORGANIZATIONS).unwrap_or(usize::MAX);
        let mut handing_on = stream::iter(waiting)
            .map(async |organization| (organization, fan_out::hand_on(&self.app, service, organization).await))
            .buffer_unordered(AT_ONCE);
        let mut left = false;
        let (mut oldest, mut has_failed) = (None, false);
        while let Some((organization, handed_on)) = handing_on.next().await {
            oldest = oldest.into_iter().chain(handed_on.oldest).min();
            let outcome = round.outcome(
                organization,
                "an organization's events cannot be handed on",
                handed_on.more,
            )?;
            // Behind so many there are others only if some of them are done: not when all of them failed.
            left |= outcome.is_some_and(|has_more| has_more || more);
            has_failed |= outcome.is_none();
        }
        // Of one that failed before its events were read, nobody knows since when they wait: what was told before stays.
        if oldest.is_some() || !has_failed {
            service.measured.queued_since(oldest.filter(|_| left || has_failed));
        }
        if left {
            return Ok(true);
        }
        let rest = rest(organizations, clock.monotonic().saturating_sub(begun));
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep(rest) => {}
        }
        Ok(false)
    }

    /// Has a lane for each endpoint that has something to do, and tells those that there are. There never is more to look up than
    /// there are lanes for: what did not find one is looked for when one ends.
    async fn open_lanes(self: &Arc<Self>) -> Result<bool, DbError> {
        let scope = SystemScope::new("a worker looks which endpoints have deliveries that are due");
        let service = &self.service;
        let now = service.generators.now();
        let limit = i64::try_from(LANES).unwrap_or(i64::MAX);
        let due = endpoints::due(service.db.system(scope), now, limit).await?;
        service.measured.due_since(due.first().map(|due| due.since));
        for key in due.iter().map(|due| (due.organization_id, due.id)) {
            let told = {
                let mut lanes = self.lanes.lock();
                match lanes.get(&key) {
                    Some(told) => {
                        told.notify_one();
                        continue;
                    }
                    None if lanes.len() >= LANES => break,
                    None => {
                        let told = Arc::new(Notify::new());
                        lanes.insert(key, Arc::clone(&told));
                        told
                    }
                }
            };
            let dispatcher = Arc::clone(self);
            self.running.spawn(async move {
                lane::run(&dispatcher, key, &told).await;
                dispatcher.lanes.lock().remove(&key);
                // What was told to the lane after its last look is looked for again.
                dispatcher.service.wake();
            });
        }
        Ok(false)
    }
}

/// How long a node rests that handed on what so many organizations had.
fn rest(organizations: usize, took: Duration) -> Duration {
    if organizations < MANY {
        Duration::ZERO
    } else {
        (took * RESTS).min(LONGEST_REST)
    }
}

/// Notes that there is something to do for endpoints, and lets of their deliveries those on whose turn it is: of each new one its
/// endpoint and its key.
async fn wake(
    uow: &UnitOfWork,
    organization: OrganizationId,
    new: impl IntoIterator<Item = (EndpointId, Option<Uuid>)>,
) -> Result<(), DbError> {
    // In one order everywhere, so that nobody waits in a circle for their rows.
    let mut touched: BTreeMap<Uuid, Vec<Uuid>> = BTreeMap::new();
    for (endpoint, key) in new {
        touched.entry(endpoint.as_uuid()).or_default().extend(key);
    }
    let ids = touched.keys().copied().map(EndpointId::from_uuid);
    endpoints::wake(uow, organization, ids, uow.now()).await?;
    for (endpoint, keys) in touched {
        deliveries::arrange(uow, organization, EndpointId::from_uuid(endpoint), keys).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_found_much_to_do_rests_and_never_for_long() {
        let millis = Duration::from_millis;
        assert_eq!(rest(0, millis(5)), Duration::ZERO);
        assert_eq!(rest(MANY - 1, millis(500)), Duration::ZERO);
        assert_eq!(rest(MANY, millis(5)), millis(15));
        assert_eq!(rest(200, millis(60)), LONGEST_REST);
    }
}
