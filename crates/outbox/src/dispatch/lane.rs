//! One endpoint's deliveries on this node: several at once, fewer the worse it answers.
//!
//! A lane sends and turns at the same time. A turn is one transaction: it keeps what came of attempts, and claims more. Under load a
//! turn is taken for many attempts at once, and while it lasts the lane sends what was claimed ahead; when little happens, each
//! attempt is kept as soon as it ended.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use contracts::identity::{Principals, UserId};
use contracts::mail::Mailbox;
use db::{DbError, EventId, UnitContext, UnitOfWork};
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use futures_util::{FutureExt as _, future};
use kernel::{Actor, ActorKind, Id as _, OrganizationId, Timestamp};
use tokio::sync::Notify;
use tokio::time::{Sleep, sleep};
use uuid::Uuid;

use super::sending::{Ready, Target, attempt};
use super::{AFTER_FAILURE, Dispatcher, Lane};
use crate::app::{Recipient, disable_endpoint};
use crate::domain::{Endpoint, Outcome};
use crate::service::Service;
use crate::store::deliveries::{Claimed, Tried};
use crate::store::{attempts, deliveries, endpoints, events};
use crate::view::EventView;

/// How many attempts a lane begins with at once.
const NARROW: usize = 8;
/// So many attempts are kept at once; fewer, when the first of them waited for [`LINGER`] or nothing else is under way.
const BATCH: usize = 64;
/// How long what came of an attempt waits for company.
const LINGER: Duration = Duration::from_millis(10);
/// An endpoint that takes longer to answer does not get more at once: others need the connections too.
const SLOW: u64 = 1_000;
/// How long a lane that used up its rate waits.
const PAUSE: Duration = Duration::from_millis(20);
/// What a rate is of.
const SECOND: Duration = Duration::from_secs(1);
/// How often what came of attempts is tried to be kept; after that the deliveries are due again when their leases end.
const KEEPS: u32 = 5;

/// An attempt that ended.
type Done = (Tried, Outcome);
type Attempt = BoxFuture<'static, Result<Done, DbError>>;
type Turning = BoxFuture<'static, Result<Option<Turned>, DbError>>;

/// What a turn brought.
struct Turned {
    target: Target,
    ready: Vec<Ready>,
    /// Whether there were as many as there was room for: then there may be more.
    was_filled: bool,
}

/// What a transaction wrote and read.
struct Turn {
    endpoint: Endpoint,
    claimed: Vec<Claimed>,
    /// For how long nothing arrived when it was taken.
    failing_for: Duration,
}

/// What a turn has to do.
#[derive(Clone)]
struct Task {
    lane: Lane,
    /// Kept.
    done: Arc<[Done]>,
    /// Given back: the server stops.
    released: Arc<[Claimed]>,
    /// Claimed, at most.
    room: usize,
}

/// Delivers what is due to the endpoint, until nothing is or the server stops.
pub(super) async fn run(dispatcher: &Arc<Dispatcher>, lane: Lane, told: &Notify) {
    let mut working = Working {
        dispatcher,
        lane,
        width: NARROW.min(dispatcher.service.config.concurrency.max(1)),
        pace: Pace::new(dispatcher.service.config.rate),
        target: None,
        ready: VecDeque::new(),
        under_way: FuturesUnordered::new(),
        done: Vec::new(),
        linger: None,
        more: true,
        turn: None,
        failures: 0,
    };
    while working.step(told).await {}
}

/// A lane at work.
struct Working<'d> {
    dispatcher: &'d Arc<Dispatcher>,
    lane: Lane,
    /// How many attempts may be under way at once.
    width: usize,
    pace: Pace,
    /// Of the last turn.
    target: Option<Arc<Target>>,
    /// Claimed, and not begun with.
    ready: VecDeque<Ready>,
    under_way: FuturesUnordered<Attempt>,
    done: Vec<Done>,
    /// Ends when what is done is kept at the latest; `None` when nothing is.
    linger: Option<Pin<Box<Sleep>>>,
    /// Whether there may be more to claim.
    more: bool,
    /// The turn that is taken, and what it keeps, until it is kept.
    turn: Option<(Arc<[Done]>, Turning)>,
    /// How many turns failed one after the other.
    failures: u32,
}

impl Working<'_> {
    /// Begins what can be begun, and waits for something to happen; false when the lane is over.
    async fn step(&mut self, told: &Notify) -> bool {
        let is_stopping = self.dispatcher.stop.is_cancelled();
        if !is_stopping {
            self.begin();
        }
        let wanted = self.wanted(is_stopping);
        if wanted && self.turn.is_none() {
            self.take_turn(is_stopping);
        }
        if self.turn.is_none() && self.under_way.is_empty() && self.done.is_empty() {
            if is_stopping {
                return false;
            }
            if !self.more && self.ready.is_empty() {
                return self.rest(told).await;
            }
            // Its rate is used up.
            sleep(PAUSE).await;
            return true;
        }
        let lingers = self.turn.is_none() && !self.done.is_empty();
        let lingering = async {
            match &mut self.linger {
                Some(linger) if lingers => linger.await,
                _ => future::pending().await,
            }
        };
        let turning = async {
            match &mut self.turn {
                Some((_, turn)) => turn.await,
                None => future::pending().await,
            }
        };
        tokio::select! {
            turned = turning => return self.turned(turned),
            Some(ended) = self.under_way.next(), if !self.under_way.is_empty() => {
                self.end(ended);
                // Whatever else ended meanwhile goes with it.
                while let Some(Some(another)) = self.under_way.next().now_or_never() {
                    self.end(another);
                }
            }
            () = told.notified(), if !is_stopping => self.more = true,
            () = lingering => {}
            () = self.dispatcher.stop.cancelled(), if !is_stopping => {}
        }
        true
    }

    /// Waits for more as long as what was sent counts against it; false when nothing came.
    async fn rest(&mut self, told: &Notify) -> bool {
        if self.pace.used == 0 {
            return false;
        }
        tokio::select! {
            () = told.notified() => self.more = true,
            () = sleep(SECOND) => return false,
            () = self.dispatcher.stop.cancelled() => return false,
        }
        true
    }

    /// Whether there is a reason to take a turn.
    fn wanted(&mut self, is_stopping: bool) -> bool {
        if is_stopping {
            return self.under_way.is_empty() && (!self.done.is_empty() || !self.ready.is_empty());
        }
        let is_low = self.ready.len() < self.width.div_ceil(2);
        let is_overdue = self.linger.as_ref().is_some_and(|linger| linger.is_elapsed());
        (self.more && is_low && self.room() > 0)
            || self.done.len() >= BATCH
            || (!self.done.is_empty() && (is_overdue || self.under_way.is_empty()))
    }

    /// How many deliveries the lane would hold gladly.
    fn room(&mut self) -> usize {
        // As many as are under way are claimed ahead, but only where answers come: elsewhere they would wait until their leases end.
        let ahead = if self.width > NARROW { self.width } else { 0 };
        let held = self.under_way.len() + self.ready.len();
        let allowed = self.pace.left(self.dispatcher.service.generators.clock.monotonic());
        (self.width + ahead).saturating_sub(held).min(allowed)
    }

    /// Begins with what is ready.
    fn begin(&mut self) {
        let Some(target) = &self.target else { return };
        let service = &self.dispatcher.service;
        while self.under_way.len() < self.width {
            let Some(ready) = self.ready.pop_front() else { return };
            // What waited too long may be another node's before it is through. It is due again then.
            if service.generators.now() >= ready.claimed.lost_at.minus(service.config.lease / 2) {
                continue;
            }
            let (dispatcher, target) = (Arc::clone(self.dispatcher), Arc::clone(target));
            self.under_way
                .push(async move { attempt(&dispatcher.app, &dispatcher.service, &target, ready).await }.boxed());
        }
    }

    fn end(&mut self, ended: Result<Done, DbError>) {
        match ended {
            Ok(done) => {
                self.linger.get_or_insert_with(|| Box::pin(sleep(LINGER)));
                self.done.push(done);
            }
            Err(error) => tracing::warn!(%error, "a delivery could not be tried and is tried again later"),
        }
    }

    fn take_turn(&mut self, is_stopping: bool) {
        let done: Arc<[Done]> = std::mem::take(&mut self.done).into();
        self.linger = None;
        let (room, released) = if is_stopping {
            (0, self.ready.drain(..).map(|ready| ready.claimed).collect())
        } else {
            (self.room(), Vec::new())
        };
        let task = Task {
            lane: self.lane,
            done: Arc::clone(&done),
            released: released.into(),
            room,
        };
        // A turn that claims nothing does not look whether there is more.
        self.more &= room == 0;
        let service = Arc::clone(&self.dispatcher.service);
        let pause = (self.failures > 0).then_some(AFTER_FAILURE);
        let turn = async move {
            if let Some(pause) = pause {
                sleep(pause).await;
            }
            take(&service, task).await
        };
        self.turn = Some((done, turn.boxed()));
    }

    /// Takes in what a turn brought; false when the lane is over.
    fn turned(&mut self, turned: Result<Option<Turned>, DbError>) -> bool {
        let Some((kept, _)) = self.turn.take() else { return true };
        match turned {
            Ok(None) => return false,
            Ok(Some(turned)) => {
                self.failures = 0;
                for (tried, _) in kept.iter() {
                    self.dispatcher.service.measured.count(tried.verdict);
                }
                self.width = widened(self.width, &kept, self.dispatcher.service.config.concurrency);
                self.pace.use_up(turned.ready.len());
                self.more |= turned.was_filled;
                self.ready.extend(turned.ready);
                self.target = Some(Arc::new(turned.target));
            }
            Err(error) => {
                self.failures += 1;
                tracing::warn!(%error, webhook = %self.lane.1, "what came of deliveries cannot be kept");
                if self.failures >= KEEPS {
                    return false;
                }
                // Once more, and with it what ended meanwhile.
                self.done.splice(0..0, kept.iter().cloned());
                self.linger = Some(Box::pin(sleep(Duration::ZERO)));
                self.more = true;
            }
        }
        true
    }
}

/// An endpoint that answers gets more at once; one that does not, less, and one that is slow no more than it began with.
fn widened(width: usize, done: &[Done], most: usize) -> usize {
    if done.is_empty() {
        return width;
    }
    let failed = done.iter().any(|(_, outcome)| matches!(outcome, Outcome::Failed(_)));
    let slow = done.iter().any(|(tried, _)| tried.latency_ms >= SLOW);
    if failed {
        (width / 2).max(1)
    } else if slow {
        (width / 2).max(NARROW.min(most.max(1))).min(width)
    } else {
        (width * 2).min(most.max(1))
    }
}

/// Keeps, claims, reads the events of what was claimed, and looks whether the endpoint is over. `None` when it is gone.
async fn take(service: &Service, task: Task) -> Result<Option<Turned>, DbError> {
    let (lane, done, room) = (task.lane, Arc::clone(&task.done), task.room);
    let Some(turn) = turn(service, task).await? else {
        return Ok(None);
    };
    if is_over(service, &turn, &done) {
        disable(service, lane, &turn.endpoint).await;
    }
    let target = target(service, &turn.endpoint)
        .inspect_err(|error| tracing::error!(%error, webhook = %lane.1, "a webhook cannot be delivered to"));
    Ok(match target {
        // As if it were gone; what was claimed is due again when its lease ends.
        Err(_) => None,
        Ok(target) => Some(Turned {
            target,
            was_filled: room > 0 && turn.claimed.len() >= room,
            ready: readied(service, turn.claimed).await,
        }),
    })
}

/// Reads the events of what was claimed, of each organization at once.
async fn readied(service: &Service, claimed: Vec<Claimed>) -> Vec<Ready> {
    let mut wanted: BTreeMap<Uuid, Vec<EventId>> = BTreeMap::new();
    for one in claimed.iter().filter(|one| one.test_data.is_none()) {
        wanted
            .entry(one.event_organization.as_uuid())
            .or_default()
            .push(one.event);
    }
    let mut found: HashMap<Uuid, EventView> = HashMap::new();
    let mut unread: Vec<Uuid> = Vec::new();
    for (organization, ids) in wanted {
        let scope = service.db.scope(OrganizationId::from_uuid(organization));
        match events::of(scope, ids).await {
            Ok(events) => found.extend(events.into_iter().map(|event| (event.id.as_uuid(), event))),
            Err(error) => {
                tracing::warn!(%error, "events cannot be read, and their deliveries are tried again later");
                unread.push(organization);
            }
        }
    }
    claimed
        .into_iter()
        .filter(|one| one.test_data.is_some() || !unread.contains(&one.event_organization.as_uuid()))
        .map(|claimed| Ready {
            event: found.remove(&claimed.event.as_uuid()),
            claimed,
        })
        .collect()
}

/// Keeps what came of attempts, and claims more: one transaction for both. `None` when the endpoint is gone.
async fn turn(service: &Service, task: Task) -> Result<Option<Turn>, DbError> {
    let context = UnitContext::tenant(Actor::system("webhooks"), task.lane.0).unaudited("deliveries are not audited");
    let lease = service.config.lease;
    service
        .db
        .write(context, move |uow| {
            let task = task.clone();
            async move { turn_in(&uow, &task, lease).await }
        })
        .await
}

async fn turn_in(uow: &UnitOfWork, task: &Task, lease: Duration) -> Result<Option<Turn>, DbError> {
    let (organization, id) = task.lane;
    // Held from here on: whoever adds deliveries comes before or after this look at them.
    let endpoint = endpoints::lock(uow, organization, id).await?;
    if !task.done.is_empty() {
        let tried: Vec<&Tried> = task.done.iter().map(|(tried, _)| tried).collect();
        attempts::add(uow, organization, &tried).await?;
        deliveries::settle(uow, organization, &tried).await?;
        deliveries::arrange(uow, organization, id, tried.iter().filter_map(|one| one.order_key)).await?;
    }
    if !task.released.is_empty() {
        deliveries::release(uow, organization, &task.released).await?;
    }
    let Some(endpoint) = endpoint else { return Ok(None) };
    let claimed = if endpoint.state().is_active && task.room > 0 {
        deliveries::claim(uow, organization, id, uow.now().plus(lease), task.room).await?
    } else {
        Vec::new()
    };
    let failing_since = failing_since(endpoint.state().failing_since, &task.done, uow.now());
    endpoints::settle(uow, organization, id, failing_since).await?;
    Ok(Some(Turn {
        endpoint,
        claimed,
        failing_for: failing_since.map_or(Duration::ZERO, |since| uow.now().since(since)),
    }))
}

/// Since when nothing arrives: one success ends it, and what was never sent says nothing.
fn failing_since(before: Option<Timestamp>, done: &[Done], now: Timestamp) -> Option<Timestamp> {
    if any(done, |outcome| matches!(outcome, Outcome::Taken)) {
        None
    } else if any(done, |outcome| matches!(outcome, Outcome::Failed(_))) {
        Some(before.unwrap_or(now))
    } else {
        before
    }
}

/// Whether one of the attempts ended so.
fn any(done: &[Done], wanted: fn(&Outcome) -> bool) -> bool {
    done.iter().any(|(_, outcome)| wanted(outcome))
}

/// Whether the endpoint is to be switched off: it says itself that it is gone, or an attempt failed and nothing arrived for too long
/// before. Where there was nothing to send meanwhile, the next attempt shows whether the receiver is back.
fn is_over(service: &Service, turn: &Turn, done: &[Done]) -> bool {
    let is_gone = any(done, |outcome| matches!(outcome, Outcome::Gone));
    let is_dead =
        any(done, |outcome| matches!(outcome, Outcome::Failed(_))) && turn.failing_for >= service.config.disable_after;
    turn.endpoint.state().is_active && (is_gone || is_dead)
}

/// Switches the endpoint off, with an event and a notice to its maker. What still waits goes on when it is switched on again.
async fn disable(service: &Service, (organization, id): Lane, endpoint: &Endpoint) {
    let told = recipient(service, organization, &endpoint.state().maker).await;
    let context = UnitContext::tenant(Actor::system("webhooks"), organization);
    let mailbox = service.ports.find::<dyn Mailbox>();
    let disabled = service
        .db
        .write(context, move |uow| {
            let (told, mailbox) = (told.clone(), mailbox.clone());
            async move {
                let told = mailbox.as_deref().zip(told.as_ref());
                disable_endpoint(&uow, organization, id, told).await
            }
        })
        .await;
    match disabled {
        Ok(true) => tracing::info!(webhook = %id, "a webhook endpoint was switched off: nothing arrives there"),
        Ok(false) => {}
        // The next failure finds it as it is.
        Err(error) => tracing::warn!(%error, webhook = %id, "a webhook endpoint could not be switched off"),
    }
}

/// Whom to tell: the endpoint's maker, if that is a person who still may act.
async fn recipient(service: &Service, organization: OrganizationId, maker: &Actor) -> Option<Recipient> {
    if maker.kind != ActorKind::User {
        return None;
    }
    let principals = service.ports.find::<dyn Principals>()?;
    let user = principals.user(organization, UserId::from_uuid(maker.id)).await;
    let user = user
        .inspect_err(|error| tracing::warn!(%error, "the maker of a webhook cannot be read"))
        .ok()??;
    user.is_active.then_some(Recipient {
        email: user.email,
        name: user.name,
    })
}

fn target(service: &Service, endpoint: &Endpoint) -> Result<Target, DbError> {
    let state = endpoint.state();
    Ok(Target {
        organization: state.organization_id,
        url: state.url.url().clone(),
        maker: state.maker.clone(),
        keys: service.secrets.keys(state, service.generators.now())?,
    })
}

/// How many attempts are left in this second.
struct Pace {
    rate: usize,
    window: Duration,
    used: usize,
}

impl Pace {
    fn new(rate: u32) -> Self {
        Self {
            rate: usize::try_from(rate).unwrap_or(usize::MAX).max(1),
            window: Duration::ZERO,
            used: 0,
        }
    }

    fn left(&mut self, now: Duration) -> usize {
        if now.saturating_sub(self.window) >= SECOND {
            self.window = now;
            self.used = 0;
        }
        self.rate - self.used
    }

    fn use_up(&mut self, count: usize) {
        self.used = (self.used + count).min(self.rate);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{DeliveryId, Verdict};

    const EARLIER: Timestamp = Timestamp::from_micros(1_000_000);
    const NOW: Timestamp = Timestamp::from_micros(2_000_000);

    fn done(outcomes: &[Outcome]) -> Vec<Done> {
        let tried = Tried {
            id: DeliveryId::from_uuid(Uuid::nil()),
            lease: Uuid::nil(),
            order_key: None,
            at: NOW,
            status: None,
            latency_ms: 0,
            error: None,
            response_body: None,
            verdict: Verdict::Dead,
        };
        outcomes.iter().map(|outcome| (tried.clone(), *outcome)).collect()
    }

    #[test]
    fn one_success_ends_a_series_of_failures() {
        let failed = Outcome::Failed(None);
        assert_eq!(failing_since(None, &done(&[failed]), NOW), Some(NOW));
        assert_eq!(
            failing_since(Some(EARLIER), &done(&[failed, failed]), NOW),
            Some(EARLIER)
        );
        assert_eq!(
            failing_since(Some(EARLIER), &done(&[failed, Outcome::Taken]), NOW),
            None
        );
        // What was not sent says nothing about the receiver.
        assert_eq!(
            failing_since(Some(EARLIER), &done(&[Outcome::Hopeless]), NOW),
            Some(EARLIER)
        );
        assert_eq!(failing_since(None, &done(&[Outcome::Hopeless]), NOW), None);
    }

    #[test]
    fn a_lane_is_narrow_where_nothing_arrives() {
        assert_eq!(widened(8, &done(&[Outcome::Taken]), 64), 16);
        assert_eq!(widened(64, &done(&[Outcome::Taken]), 64), 64);
        assert_eq!(widened(8, &done(&[Outcome::Taken, Outcome::Failed(None)]), 64), 4);
        assert_eq!(widened(1, &done(&[Outcome::Failed(None)]), 64), 1);
        assert_eq!(widened(8, &[], 64), 8);
    }

    #[test]
    fn a_slow_endpoint_does_not_take_the_connections_of_others() {
        let slow = |mut done: Vec<Done>| {
            done[0].0.latency_ms = 1_000;
            done
        };
        let taken = slow(done(&[Outcome::Taken, Outcome::Taken]));
        assert_eq!(widened(64, &taken, 64), 32);
        assert_eq!(widened(8, &taken, 64), 8);
        assert_eq!(widened(2, &taken, 64), 2);
        assert_eq!(widened(3, &taken, 3), 3);
        assert_eq!(widened(8, &slow(done(&[Outcome::Failed(None)])), 64), 4);
    }

    #[test]
    fn no_more_than_its_rate_in_a_second() {
        let mut pace = Pace::new(3);
        let at = Duration::from_millis;
        assert_eq!(pace.left(at(5_000)), 3);
        pace.use_up(2);
        assert_eq!(pace.left(at(5_900)), 1);
        pace.use_up(1);
        assert_eq!(pace.left(at(5_999)), 0);
        assert_eq!(pace.left(at(6_000)), 3);
    }
}
