//! How often one actor may ask: a bucket that refills evenly (the generic cell rate algorithm), in memory, per node.
//!
//! One number is kept for an actor, the instant at which its bucket would be full again. So a burst up to the whole allowance is
//! possible, and after it requests come through at the rate, without the jump that counting in windows has at their edges.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::{RateLimiter, RateState, RateVerdict};
use kernel::{Actor, Clock, Id as _, OrganizationId};
use parking_lot::Mutex;
use uuid::Uuid;

use crate::config::Rate;

/// Actors that ask at the same time seldom wait for each other.
const SHARDS: usize = 32;
/// Actors remembered in one shard before those whose bucket is full again are forgotten.
const REMEMBERED: usize = 4_096;

type Shard = Mutex<HashMap<(Uuid, Uuid), Duration, foldhash::fast::RandomState>>;

/// Limits each actor to a rate.
pub struct ActorLimiter {
    clock: Arc<dyn Clock>,
    count: u32,
    per: Duration,
    shards: Vec<Shard>,
}

impl ActorLimiter {
    /// Limits to `rate`, by the monotonic side of `clock`.
    #[must_use]
    pub fn new(rate: Rate, clock: Arc<dyn Clock>) -> Self {
        let shards = (0..SHARDS).map(|_| Shard::default()).collect();
        Self {
            clock,
            count: rate.count,
            per: rate.per,
            shards,
        }
    }

    fn shard(&self, actor: Uuid) -> Option<&Shard> {
        // The end of a time-ordered id is random.
        let [.., last] = actor.into_bytes();
        self.shards.get(usize::from(last) % SHARDS)
    }

    fn state(&self, used: Duration) -> RateState {
        let step = self.per / self.count;
        let left = self
            .per
            .saturating_sub(used)
            .as_nanos()
            .checked_div(step.as_nanos())
            .unwrap_or_default();
        RateState {
            limit: self.count,
            remaining: u32::try_from(left).unwrap_or(self.count).min(self.count),
            reset_seconds: u32::try_from(used.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX),
        }
    }
}

impl RateLimiter for ActorLimiter {
    fn count(&self, actor: &Actor, organization: OrganizationId) -> RateVerdict {
        let Some(shard) = self.shard(actor.id) else {
            return RateVerdict::Unlimited;
        };
        let now = self.clock.monotonic();
        let step = self.per / self.count;
        let mut buckets = shard.lock();
        if buckets.len() >= REMEMBERED {
            buckets.retain(|_, full_at| *full_at > now);
        }
        let full_at = buckets.entry((organization.as_uuid(), actor.id)).or_insert(now);
        let used = full_at.saturating_sub(now);
        if used + step > self.per {
            let mut state = self.state(used);
            // When the next request comes through, not when all of them do.
            let wait = (used + step).saturating_sub(self.per);
            state.remaining = 0;
            state.reset_seconds = u32::try_from(wait.as_millis().div_ceil(1_000))
                .unwrap_or(u32::MAX)
                .max(1);
            return RateVerdict::Refused(state);
        }
        *full_at = now + used + step;
        RateVerdict::Allowed(self.state(used + step))
    }
}

#[cfg(test)]
mod tests {
    use kernel::{ActorKind, ManualClock, Timestamp};

    use super::*;

    fn actor(number: u128) -> Actor {
        Actor {
            kind: ActorKind::User,
            id: Uuid::from_u128(number),
            name: "Ana".to_owned(),
        }
    }

    fn limiter(count: u32) -> (ActorLimiter, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
        let rate = Rate {
            count,
            per: Duration::from_secs(60),
        };
        (ActorLimiter::new(rate, Arc::clone(&clock) as Arc<dyn Clock>), clock)
    }

    fn home() -> OrganizationId {
        OrganizationId::from_uuid(Uuid::from_u128(9))
    }

    #[test]
    fn a_burst_is_allowed_and_the_request_after_it_is_not() {
        let (limiter, _) = limiter(3);
        for remaining in [2, 1, 0] {
            let RateVerdict::Allowed(state) = limiter.count(&actor(1), home()) else {
                panic!("within the allowance")
            };
            assert_eq!((state.limit, state.remaining), (3, remaining));
        }
        let refused = RateState {
            limit: 3,
            remaining: 0,
            reset_seconds: 20,
        };
        assert_eq!(limiter.count(&actor(1), home()), RateVerdict::Refused(refused));
        assert!(
            matches!(limiter.count(&actor(2), home()), RateVerdict::Allowed(_)),
            "another actor is not concerned"
        );
        let elsewhere = OrganizationId::from_uuid(Uuid::from_u128(8));
        assert!(
            matches!(limiter.count(&actor(1), elsewhere), RateVerdict::Allowed(_)),
            "nor the same one elsewhere"
        );
    }

    #[test]
    fn requests_come_through_again_at_the_rate() {
        let (limiter, clock) = limiter(3);
        for _ in 0..3 {
            limiter.count(&actor(1), home());
        }
        clock.advance(Duration::from_secs(20));
        assert!(matches!(limiter.count(&actor(1), home()), RateVerdict::Allowed(_)));
        assert!(matches!(limiter.count(&actor(1), home()), RateVerdict::Refused(_)));
        clock.advance(Duration::from_secs(3_600));
        let RateVerdict::Allowed(state) = limiter.count(&actor(1), home()) else {
            panic!("after an hour")
        };
        assert_eq!((state.remaining, state.reset_seconds), (2, 20));
    }

    #[test]
    fn idle_actors_are_forgotten() {
        let (limiter, clock) = limiter(60);
        let many = u128::try_from(SHARDS * REMEMBERED * 2).unwrap();
        for number in 0..many {
            limiter.count(&actor(number), home());
            clock.advance(Duration::from_millis(1));
        }
        let remembered: usize = limiter.shards.iter().map(|shard| shard.lock().len()).sum();
        assert!(remembered <= SHARDS * REMEMBERED, "{remembered}");
    }
}
