//! One endpoint's deliveries on this node: several at once, fewer the worse it answers.

use std::sync::Arc;
use std::time::Duration;

use contracts::identity::{Principals, UserId};
use contracts::mail::Mailbox;
use db::{DbError, UnitContext, UnitOfWork};
use futures_util::FutureExt as _;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use kernel::{Actor, ActorKind, Id as _, OrganizationId, Timestamp};
use tokio::sync::Notify;

use super::sending::{Target, attempt};
use super::{AFTER_FAILURE, Dispatcher, Lane};
use crate::app::{Recipient, disable_endpoint};
use crate::domain::{Endpoint, EndpointId, Outcome};
use crate::service::Service;
use crate::store::deliveries::{Claimed, Tried};
use crate::store::{attempts, deliveries, endpoints};

/// How many attempts a lane begins with at once.
const NARROW: usize = 8;
/// How long a lane that used up its rate waits.
const PAUSE: Duration = Duration::from_millis(20);
/// How often what came of attempts is tried to be kept; after that the deliveries are due again when their leases end.
const KEEPS: u32 = 5;

/// What came of some attempts, and the end of a look at the endpoint.
struct Turn {
    endpoint: Endpoint,
    claimed: Vec<Claimed>,
    failing_since: Option<Timestamp>,
}

/// Delivers what is due to the endpoint, until nothing is or the server stops.
pub(super) async fn run(dispatcher: &Arc<Dispatcher>, lane: Lane, told: &Notify) {
    let service = &dispatcher.service;
    let mut width = NARROW.min(service.config.concurrency.max(1));
    let mut pace = Pace::new(service.config.rate);
    let mut under_way = FuturesUnordered::new();
    let mut done: Vec<(Tried, Outcome)> = Vec::new();
    let mut failures = 0;
    loop {
        let room = if dispatcher.stop.is_cancelled() {
            0
        } else {
            let allowed = pace.left(service.generators.clock.monotonic());
            width.saturating_sub(under_way.len()).min(allowed)
        };
        if room > 0 || !done.is_empty() {
            match turn(service, lane, &done, room).await {
                Ok(None) => return,
                Ok(Some(turn)) => {
                    failures = 0;
                    width = widened(width, &done, service.config.concurrency);
                    if is_over(service, &turn, &done) {
                        disable(service, lane, &turn.endpoint).await;
                    }
                    done.clear();
                    pace.use_up(turn.claimed.len());
                    match target(service, &turn.endpoint) {
                        Ok(target) => {
                            let target = Arc::new(target);
                            for claimed in turn.claimed {
                                let (dispatcher, target) = (Arc::clone(dispatcher), Arc::clone(&target));
                                under_way.push(async move {
                                    attempt(&dispatcher.app, &dispatcher.service, &target, claimed).await
                                });
                            }
                        }
                        Err(error) => {
                            tracing::error!(%error, webhook = %lane.1, "a webhook cannot be delivered to");
                            return;
                        }
                    }
                }
                Err(error) => {
                    failures += 1;
                    tracing::warn!(%error, webhook = %lane.1, "what came of deliveries cannot be kept");
                    if failures >= KEEPS {
                        return;
                    }
                    tokio::time::sleep(AFTER_FAILURE).await;
                    continue;
                }
            }
        }
        if under_way.is_empty() {
            if room > 0 || dispatcher.stop.is_cancelled() {
                return;
            }
            // Its rate is used up.
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        tokio::select! {
            first = under_way.next() => {
                keep(&mut done, first);
                // Whatever else ended meanwhile goes with it.
                while let Some(another) = under_way.next().now_or_never().filter(Option::is_some) {
                    keep(&mut done, another);
                }
            }
            () = told.notified(), if under_way.len() < width && !dispatcher.stop.is_cancelled() => {}
        }
    }
}

fn keep(done: &mut Vec<(Tried, Outcome)>, ended: Option<Result<(Tried, Outcome), DbError>>) {
    match ended {
        Some(Ok(tried)) => done.push(tried),
        Some(Err(error)) => tracing::warn!(%error, "a delivery could not be tried and is tried again later"),
        None => {}
    }
}

/// An endpoint that answers gets more at once; one that does not, less.
fn widened(width: usize, done: &[(Tried, Outcome)], most: usize) -> usize {
    if done.is_empty() {
        return width;
    }
    let failed = done.iter().any(|(_, outcome)| matches!(outcome, Outcome::Failed(_)));
    if failed {
        (width / 2).max(1)
    } else {
        (width * 2).min(most.max(1))
    }
}

/// Keeps what came of attempts, and claims more: one transaction for both. `None` when the endpoint is gone.
async fn turn(
    service: &Service,
    (organization, id): Lane,
    done: &[(Tried, Outcome)],
    room: usize,
) -> Result<Option<Turn>, DbError> {
    let context = UnitContext::tenant(Actor::system("webhooks"), organization).unaudited("deliveries are not audited");
    let done: Arc<[(Tried, Outcome)]> = done.to_vec().into();
    let lease = service.config.lease;
    service
        .db
        .write(context, move |uow| {
            let done = Arc::clone(&done);
            async move { turned(&uow, organization, id, &done, room, lease).await }
        })
        .await
}

async fn turned(
    uow: &UnitOfWork,
    organization: OrganizationId,
    id: EndpointId,
    done: &[(Tried, Outcome)],
    room: usize,
    lease: Duration,
) -> Result<Option<Turn>, DbError> {
    // Held from here on: whoever adds deliveries comes before or after this look at them.
    let endpoint = endpoints::lock(uow, organization, id).await?;
    if !done.is_empty() {
        let tried: Vec<Tried> = done.iter().map(|(tried, _)| tried.clone()).collect();
        attempts::add(uow, organization, &tried).await?;
        deliveries::settle(uow, organization, &tried).await?;
    }
    let Some(endpoint) = endpoint else { return Ok(None) };
    let claimed = if endpoint.state().is_active && room > 0 {
        deliveries::claim(uow, organization, id, uow.now().plus(lease), room).await?
    } else {
        Vec::new()
    };
    let failing_since = failing_since(endpoint.state().failing_since, done, uow.now());
    endpoints::settle(uow, organization, id, failing_since).await?;
    Ok(Some(Turn {
        endpoint,
        claimed,
        failing_since,
    }))
}

/// Since when nothing arrives: one success ends it, and what was never sent says nothing.
fn failing_since(before: Option<Timestamp>, done: &[(Tried, Outcome)], now: Timestamp) -> Option<Timestamp> {
    let any = |wanted: fn(&Outcome) -> bool| done.iter().any(|(_, outcome)| wanted(outcome));
    if any(|outcome| matches!(outcome, Outcome::Taken)) {
        None
    } else if any(|outcome| matches!(outcome, Outcome::Failed(_))) {
        Some(before.unwrap_or(now))
    } else {
        before
    }
}

/// Whether the endpoint is to be switched off: it says itself that it is gone, or nothing arrived for too long.
fn is_over(service: &Service, turn: &Turn, done: &[(Tried, Outcome)]) -> bool {
    let is_gone = done.iter().any(|(_, outcome)| matches!(outcome, Outcome::Gone));
    let now = service.generators.now();
    let is_dead = turn
        .failing_since
        .is_some_and(|since| now.since(since) >= service.config.disable_after);
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
        if now.saturating_sub(self.window) >= Duration::from_secs(1) {
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
    use uuid::Uuid;

    use super::*;
    use crate::domain::{DeliveryId, Verdict};

    const EARLIER: Timestamp = Timestamp::from_micros(1_000_000);
    const NOW: Timestamp = Timestamp::from_micros(2_000_000);

    fn done(outcomes: &[Outcome]) -> Vec<(Tried, Outcome)> {
        let tried = Tried {
            id: DeliveryId::from_uuid(Uuid::nil()),
            lease: Uuid::nil(),
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
