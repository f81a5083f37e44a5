//! How often somebody may ask: buckets that refill evenly (the generic cell rate algorithm), in memory, per node.
//!
//! One number is kept for each who asks, the instant at which its bucket would be full again. So a burst up to the whole allowance
//! is possible, and after it requests come through at the rate, without the jump that counting in windows has at their edges.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher as _, Hash};
use std::sync::Arc;
use std::time::Duration;

use kernel::{Clock, Rate};
use parking_lot::Mutex;

use crate::guard::{RateState, RateVerdict};

/// Those that ask at the same time seldom wait for each other.
const SHARDS: usize = 32;
/// How many are remembered in one shard before those whose bucket is full again are forgotten.
const REMEMBERED: usize = 4_096;

type Shard<K> = Mutex<HashMap<K, Duration, foldhash::fast::RandomState>>;

/// What a bucket holds, and after how long one more request fits into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    count: u32,
    step: Duration,
}

impl Allowance {
    /// `count` in each `per`. A count of zero is one.
    #[must_use]
    pub fn new(count: u32, per: Duration) -> Self {
        let count = count.max(1);
        Self {
            count,
            step: per / count,
        }
    }

    /// The allowance that lets nothing through which one of the two would not.
    #[must_use]
    pub fn tightened(self, other: Self) -> Self {
        Self {
            count: self.count.min(other.count),
            step: self.step.max(other.step),
        }
    }

    /// How long an empty bucket takes to be full.
    fn whole(self) -> Duration {
        self.step.saturating_mul(self.count)
    }

    fn state(self, used: Duration) -> RateState {
        let left = self.whole().saturating_sub(used).as_nanos();
        let left = left.checked_div(self.step.as_nanos()).unwrap_or_default();
        RateState {
            limit: self.count,
            remaining: u32::try_from(left).unwrap_or(self.count).min(self.count),
            reset_seconds: u32::try_from(used.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX),
        }
    }
}

impl From<Rate> for Allowance {
    fn from(rate: Rate) -> Self {
        Self::new(rate.count, rate.per)
    }
}

/// Limits everyone that a `K` names to a rate.
pub struct Buckets<K> {
    clock: Arc<dyn Clock>,
    allowance: Allowance,
    shards: Vec<Shard<K>>,
    spread: foldhash::fast::RandomState,
}

impl<K: Eq + Hash> Buckets<K> {
    /// Limits to `count` in each `per`, by the monotonic side of `clock`. A count of zero is one.
    #[must_use]
    pub fn new(count: u32, per: Duration, clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            allowance: Allowance::new(count, per),
            shards: (0..SHARDS).map(|_| Shard::default()).collect(),
            spread: foldhash::fast::RandomState::default(),
        }
    }

    /// Counts one request of `who`.
    pub fn count(&self, who: K) -> RateVerdict {
        self.count_within(who, self.allowance)
    }

    /// Counts one request of `who`, who has this allowance of its own.
    pub fn count_within(&self, who: K, allowance: Allowance) -> RateVerdict {
        let place = self.spread.hash_one(&who) % (SHARDS as u64);
        let Some(shard) = usize::try_from(place).ok().and_then(|place| self.shards.get(place)) else {
            return RateVerdict::Unlimited;
        };
        let now = self.clock.monotonic();
        let (step, whole) = (allowance.step, allowance.whole());
        let mut buckets = shard.lock();
        if buckets.len() >= REMEMBERED {
            buckets.retain(|_, full_at| *full_at > now);
        }
        let full_at = buckets.entry(who).or_insert(now);
        let used = full_at.saturating_sub(now);
        if used + step > whole {
            let mut state = allowance.state(used);
            // When the next request comes through, not when all of them do.
            let wait = (used + step).saturating_sub(whole);
            state.remaining = 0;
            state.reset_seconds = u32::try_from(wait.as_millis().div_ceil(1_000))
                .unwrap_or(u32::MAX)
                .max(1);
            return RateVerdict::Refused(state);
        }
        *full_at = now + used + step;
        RateVerdict::Allowed(allowance.state(used + step))
    }

    /// How many are remembered, for the metrics.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    /// Whether nobody is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K> fmt::Debug for Buckets<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buckets")
            .field("allowance", &self.allowance)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use kernel::{ManualClock, Timestamp};

    use super::*;

    fn buckets(count: u32) -> (Buckets<u32>, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
        let dated = Arc::clone(&clock) as Arc<dyn Clock>;
        (Buckets::new(count, Duration::from_secs(60), dated), clock)
    }

    #[test]
    fn a_burst_is_allowed_and_the_request_after_it_is_not() {
        let (buckets, _) = buckets(3);
        for remaining in [2, 1, 0] {
            let RateVerdict::Allowed(state) = buckets.count(1) else {
                panic!("within the allowance")
            };
            assert_eq!((state.limit, state.remaining), (3, remaining));
        }
        let refused = RateState {
            limit: 3,
            remaining: 0,
            reset_seconds: 20,
        };
        assert_eq!(buckets.count(1), RateVerdict::Refused(refused));
        assert!(
            matches!(buckets.count(2), RateVerdict::Allowed(_)),
            "another is not concerned"
        );
    }

    #[test]
    fn requests_come_through_again_at_the_rate() {
        let (buckets, clock) = buckets(3);
        for _ in 0..3 {
            buckets.count(1);
        }
        clock.advance(Duration::from_secs(20));
        assert!(matches!(buckets.count(1), RateVerdict::Allowed(_)));
        assert!(matches!(buckets.count(1), RateVerdict::Refused(_)));
        clock.advance(Duration::from_secs(3_600));
        let RateVerdict::Allowed(state) = buckets.count(1) else {
            panic!("after an hour")
        };
        assert_eq!((state.remaining, state.reset_seconds), (2, 20));
    }

    #[test]
    fn the_tighter_of_two_allowances_lets_nothing_through_that_one_would_not() {
        let minute = Allowance::new(20, Duration::from_secs(60));
        let hour = Allowance::new(100, Duration::from_secs(3_600));
        let tight = minute.tightened(hour);
        assert_eq!(tight, hour.tightened(minute));
        let (buckets, clock) = buckets(1_000);
        let burst = (0..).find(|_| matches!(buckets.count_within(1, tight), RateVerdict::Refused(_)));
        assert_eq!(burst, Some(20), "a burst of a minute's allowance");
        clock.advance(Duration::from_secs(36));
        assert!(matches!(buckets.count_within(1, tight), RateVerdict::Allowed(_)));
        assert!(
            matches!(buckets.count_within(1, tight), RateVerdict::Refused(_)),
            "and then the hour's rate"
        );
    }

    #[test]
    fn the_idle_are_forgotten() {
        let (buckets, clock) = buckets(60);
        for number in 0..400_000 {
            buckets.count(number);
            clock.advance(Duration::from_millis(1));
        }
        assert!(buckets.len() <= SHARDS * REMEMBERED, "{}", buckets.len());
    }
}
