//! When guessing at a password ends: the lock of an account after too many failed logins.

use std::time::Duration;

use kernel::Timestamp;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// How many failures lock, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockoutRule {
    /// So many failures within the window lock.
    limit: usize,
}

impl LockoutRule {
    /// Failures of one account from one address block: the 10th locks it for that block.
    pub const ADDRESS_BLOCK: Self = Self { limit: 10 };
    /// Failures of one account from anywhere: the 100th locks it for all. A success does not clear these, only time and an
    /// administrator do: a guesser who spreads over many addresses must not gain from the owner's own logins (NIST SP
    /// 800-63B, section 5.2.2, disregards earlier failures "from the same IP address" only).
    pub const ACCOUNT: Self = Self { limit: 100 };

    /// How far back failures count.
    const WINDOW: Duration = Duration::from_secs(15 * 60);
    /// How long the first lock holds; each further one twice as long.
    const FIRST_LOCK: Duration = MINUTE;
    /// No lock holds longer.
    const LONGEST_LOCK: Duration = HOUR;
    /// After so long without a failure the next lock is a first one again.
    const FORGET: Duration = Duration::from_secs(24 * 60 * 60);

    fn lock(earlier_locks: u32) -> Duration {
        let factor = 1_u32.checked_shl(earlier_locks).unwrap_or(u32::MAX);
        Self::FIRST_LOCK.saturating_mul(factor).min(Self::LONGEST_LOCK)
    }
}

/// What is stored for an account, or for an account and an address block. It never grows beyond the rule's limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LockoutState {
    /// When the latest failures were, oldest first: at most as many as lock.
    pub failures: Vec<Timestamp>,
    /// How many locks there were without a day's peace between them.
    pub locks: u32,
    /// When the last lock ends.
    pub locked_until: Option<Timestamp>,
}

/// The failures of one account, in all or from one address block. It is kept alike for addresses that belong to nobody, so
/// that a lock does not tell who has an account.
///
/// While it is locked nothing is compared and nothing counted. After the lock the failures before it still count as long as
/// they are in the window: one more locks again, for twice as long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lockout {
    rule: LockoutRule,
    state: LockoutState,
}

impl Lockout {
    /// What is stored, under its rule.
    #[must_use]
    pub fn new(rule: LockoutRule, state: LockoutState) -> Self {
        Self { rule, state }
    }

    /// What to store.
    #[must_use]
    pub fn state(&self) -> &LockoutState {
        &self.state
    }

    /// When the lock ends, if it holds at `now`.
    #[must_use]
    pub fn locked_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.state.locked_until.filter(|until| now < *until)
    }

    /// Counts a failure, unless locked. The end of the lock when this failure made one.
    pub fn failed(&mut self, now: Timestamp) -> Option<Timestamp> {
        if self.locked_until(now).is_some() {
            return None;
        }
        let state = &mut self.state;
        if is_quiet(state, now) {
            state.locks = 0;
        }
        state.failures.retain(|at| now.since(*at) < LockoutRule::WINDOW);
        if state.failures.len() >= self.rule.limit {
            state.failures.remove(0);
        }
        state.failures.push(now);
        if state.failures.len() < self.rule.limit {
            return None;
        }
        let until = now.plus(LockoutRule::lock(state.locks));
        state.locks = state.locks.saturating_add(1);
        state.locked_until = Some(until);
        Some(until)
    }

    /// The right password came from this address block, or an administrator unlocks: nothing of before counts any more.
    /// Whether there was anything.
    pub fn clear(&mut self) -> bool {
        std::mem::take(&mut self.state) != LockoutState::default()
    }

    /// When nothing will depend on the stored state any more, unless there is another failure after `now`.
    #[must_use]
    pub fn stale_at(&self, now: Timestamp) -> Timestamp {
        let quiet = self.state.failures.last().map(|last| last.plus(LockoutRule::FORGET));
        quiet.max(self.locked_until(now)).unwrap_or(now)
    }

    /// Whether nothing depends on the stored state any more, so that it can be removed.
    #[must_use]
    pub fn is_stale(&self, now: Timestamp) -> bool {
        self.locked_until(now).is_none() && is_quiet(&self.state, now)
    }
}

fn is_quiet(state: &LockoutState, now: Timestamp) -> bool {
    state
        .failures
        .last()
        .is_none_or(|last| now.since(*last) >= LockoutRule::FORGET)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

    fn at(seconds: u64) -> Timestamp {
        START.plus(Duration::from_secs(seconds))
    }

    fn block() -> Lockout {
        Lockout::new(LockoutRule::ADDRESS_BLOCK, LockoutState::default())
    }

    #[test]
    fn the_tenth_failure_within_a_quarter_of_an_hour_locks_for_a_minute() {
        let mut lockout = block();
        for second in 0..9 {
            assert_eq!(lockout.failed(at(second)), None);
            assert_eq!(lockout.locked_until(at(second)), None);
        }
        assert_eq!(lockout.failed(at(9)), Some(at(69)));
        assert_eq!(lockout.locked_until(at(68)), Some(at(69)));
        assert_eq!(lockout.locked_until(at(69)), None, "a lock ends at its end");
    }

    #[test]
    fn failures_beyond_the_window_do_not_count() {
        let mut lockout = block();
        for second in 0..9 {
            lockout.failed(at(second));
        }
        assert_eq!(lockout.failed(at(900)), None, "the first was 15 minutes ago");
        assert!(lockout.failed(at(900)).is_some());
    }

    #[test]
    fn the_lock_doubles_up_to_an_hour() {
        let mut lockout = block();
        let mut now = START;
        let mut locks = Vec::new();
        while locks.len() < 9 {
            if let Some(until) = lockout.failed(now) {
                locks.push(until.since(now).as_secs() / 60);
                now = until;
            }
        }
        assert_eq!(locks, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }

    #[test]
    fn a_failure_while_locked_counts_for_nothing() {
        let mut lockout = block();
        for _ in 0..10 {
            lockout.failed(START);
        }
        let locked = lockout.state().clone();
        for second in 0..60 {
            assert_eq!(lockout.failed(at(second)), None);
        }
        assert_eq!(*lockout.state(), locked);
    }

    #[test]
    fn a_day_of_peace_makes_the_next_lock_a_first_one() {
        let mut lockout = block();
        for second in 0..2_000 {
            lockout.failed(at(second));
        }
        assert!(lockout.state().locks > 1);
        let last = *lockout.state().failures.last().unwrap();
        assert!(!lockout.is_stale(last.plus(HOUR)));
        let next_day = last.plus(24 * HOUR);
        assert!(lockout.is_stale(next_day));
        for _ in 0..9 {
            lockout.failed(next_day);
        }
        assert_eq!(lockout.failed(next_day), Some(next_day.plus(MINUTE)));
    }

    #[test]
    fn a_success_clears() {
        let mut lockout = block();
        assert!(!lockout.clear());
        for _ in 0..9 {
            lockout.failed(START);
        }
        assert!(lockout.clear());
        assert_eq!(lockout.failed(START), None);
        assert_eq!(lockout.state().failures.len(), 1);
    }

    #[test]
    fn the_whole_account_locks_at_a_hundred() {
        let mut lockout = Lockout::new(LockoutRule::ACCOUNT, LockoutState::default());
        for _ in 0..99 {
            assert_eq!(lockout.failed(START), None);
        }
        assert_eq!(lockout.failed(START), Some(at(60)));
    }

    #[test]
    fn ten_thousand_failures_take_no_more_room_than_ten() {
        let mut lockout = block();
        for second in 0..10_000 {
            lockout.failed(at(second));
            assert!(lockout.state().failures.len() <= 10);
        }
    }

    /// The rule in its plainest words: all failures are remembered, and all is computed from them.
    #[derive(Default)]
    struct Naive {
        failures: Vec<Timestamp>,
        locks: Vec<(Timestamp, Timestamp)>,
    }

    impl Naive {
        fn fail(&mut self, limit: usize, now: Timestamp) -> Option<Timestamp> {
            if self.locks.iter().any(|(from, until)| *from <= now && now < *until) {
                return None;
            }
            self.failures.push(now);
            let recent = |at: &&Timestamp| now.since(**at) < Duration::from_secs(900);
            if self.failures.iter().filter(recent).count() < limit {
                return None;
            }
            // The locks since the last day without a failure.
            let peace = self
                .failures
                .windows(2)
                .rev()
                .find(|pair| pair[1].since(pair[0]) >= Duration::from_secs(86_400))
                .map_or(Timestamp::MIN, |pair| pair[1]);
            let earlier = self.locks.iter().filter(|(from, _)| *from >= peace).count();
            let minutes = (0..earlier).fold(1, |minutes: u64, _| (minutes * 2).min(60));
            let until = now.plus(Duration::from_secs(minutes * 60));
            self.locks.push((now, until));
            Some(until)
        }
    }

    proptest! {
        #[test]
        fn it_locks_like_the_plain_rule(
            pauses in prop::collection::vec(
                prop_oneof![8 => 0_u64..20, 4 => 20_u64..600, 2 => 600_u64..4_000, 1 => 80_000_u64..90_000],
                1..200,
            ),
            rule in prop_oneof![Just(LockoutRule::ADDRESS_BLOCK), Just(LockoutRule::ACCOUNT)],
        ) {
            let mut lockout = Lockout::new(rule, LockoutState::default());
            let mut naive = Naive::default();
            let mut now = START;
            for pause in pauses {
                now = now.plus(Duration::from_secs(pause));
                prop_assert_eq!(lockout.failed(now), naive.fail(rule.limit, now));
                prop_assert!(lockout.state().failures.len() <= rule.limit);
                // Nothing is lost when it is stored in between.
                lockout = Lockout::new(rule, lockout.state().clone());
            }
        }
    }
}
