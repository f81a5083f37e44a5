//! What presenting a refresh token leads to.

use std::time::Duration;

use kernel::Timestamp;

/// The place of a refresh token in the chain of its session: the login's is 1, each refresh makes the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(u32);

impl Generation {
    /// The login's.
    pub const FIRST: Self = Self(1);

    /// The generation with this number, as stored; there is none below 1.
    #[must_use]
    pub const fn new(number: u32) -> Option<Self> {
        if number == 0 { None } else { Some(Self(number)) }
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }
}

/// What is stored about the chain of a session. One row is enough for any number of tokens: they are made from a key, and
/// which was used follows from the newest: all before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RotationState {
    /// The newest token that was handed out. It has not been used, or there would be a newer one.
    pub newest: Generation,
    /// When its predecessor was used for it; of the login's token, nothing.
    pub rotated_at: Option<Timestamp>,
}

/// What to do with a token whose tag is genuine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RotationDecision {
    /// Hand out the next.
    Rotate(Generation),
    /// Hand out the newest once more: another tab, or the same client whose answer was lost, repeats the predecessor's use.
    Repeat(Generation),
    /// An old token came back: somebody has a copy. The session ends.
    Reuse,
    /// There never was such a token, as far as the database knows: it was restored from before. Nothing happens.
    Unknown,
}

impl RotationState {
    /// A session that begins.
    pub const START: Self = Self {
        newest: Generation::FIRST,
        rotated_at: None,
    };

    /// Decides about a presented token. A repeat is one less than `grace` after the first use; a grace of zero allows none.
    #[must_use]
    pub fn decide(&self, presented: Generation, now: Timestamp, grace: Duration) -> RotationDecision {
        if presented > self.newest {
            return RotationDecision::Unknown;
        }
        let Some(next) = presented.next() else {
            // Four thousand million refreshes: whoever gets there logs in again.
            return RotationDecision::Unknown;
        };
        if presented == self.newest {
            RotationDecision::Rotate(next)
        } else if next == self.newest && self.rotated_at.is_some_and(|at| now.since(at) < grace) {
            RotationDecision::Repeat(self.newest)
        } else {
            RotationDecision::Reuse
        }
    }

    /// The state after handing out `next`.
    #[must_use]
    pub fn rotated(next: Generation, now: Timestamp) -> Self {
        Self {
            newest: next,
            rotated_at: Some(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const START: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);
    const GRACE: Duration = Duration::from_secs(10);

    fn at(seconds: u64) -> Timestamp {
        START.plus(Duration::from_secs(seconds))
    }

    fn generation(number: u32) -> Generation {
        Generation::new(number).unwrap()
    }

    #[test]
    fn the_newest_is_rotated_at_any_time() {
        let next = generation(2);
        assert_eq!(
            RotationState::START.decide(Generation::FIRST, START, GRACE),
            RotationDecision::Rotate(next)
        );
        let state = RotationState::rotated(next, START);
        for seconds in [0, 9, 1_000_000] {
            assert_eq!(
                state.decide(next, at(seconds), GRACE),
                RotationDecision::Rotate(generation(3))
            );
        }
    }

    #[test]
    fn the_predecessor_gets_the_same_successor_within_the_grace() {
        let state = RotationState::rotated(generation(2), START);
        assert_eq!(
            state.decide(generation(1), START, GRACE),
            RotationDecision::Repeat(generation(2))
        );
        let last = START.plus(GRACE - Duration::from_micros(1));
        assert_eq!(
            state.decide(generation(1), last, GRACE),
            RotationDecision::Repeat(generation(2))
        );
        assert_eq!(
            state.decide(generation(1), START.plus(GRACE), GRACE),
            RotationDecision::Reuse
        );
    }

    #[test]
    fn no_grace_is_strict() {
        let state = RotationState::rotated(generation(2), START);
        assert_eq!(
            state.decide(generation(1), START, Duration::ZERO),
            RotationDecision::Reuse
        );
    }

    #[test]
    fn anything_older_is_reuse_at_once() {
        let state = RotationState::rotated(generation(3), START);
        assert_eq!(state.decide(generation(1), START, GRACE), RotationDecision::Reuse);
    }

    #[test]
    fn what_was_never_handed_out_has_no_effect() {
        let state = RotationState::rotated(generation(3), START);
        assert_eq!(state.decide(generation(4), START, GRACE), RotationDecision::Unknown);
        let end = RotationState::rotated(generation(u32::MAX), START);
        assert_eq!(
            end.decide(generation(u32::MAX), START, GRACE),
            RotationDecision::Unknown
        );
        assert_eq!(Generation::new(0), None);
    }

    /// The rule as a person would tell it: a notebook of every token, when it was first used and what was given for it.
    #[derive(Default)]
    struct Notebook {
        uses: BTreeMap<u32, Timestamp>,
        handed_out: u32,
    }

    impl Notebook {
        fn present(&mut self, token: u32, now: Timestamp, grace: Duration) -> RotationDecision {
            if token > self.handed_out {
                return RotationDecision::Unknown;
            }
            match self.uses.get(&token) {
                None => {
                    self.uses.insert(token, now);
                    self.handed_out += 1;
                    RotationDecision::Rotate(generation(self.handed_out))
                }
                Some(first) if now.since(*first) < grace && !self.uses.contains_key(&(token + 1)) => {
                    RotationDecision::Repeat(generation(token + 1))
                }
                Some(_) => RotationDecision::Reuse,
            }
        }
    }

    proptest! {
        #[test]
        fn it_decides_like_a_notebook_of_all_tokens(
            presented in prop::collection::vec((0_u64..15, 0_u32..4), 1..80),
            grace in prop_oneof![Just(0_u64), 1_u64..20],
        ) {
            let grace = Duration::from_secs(grace);
            let mut state = RotationState::START;
            let mut notebook = Notebook { handed_out: 1, ..Notebook::default() };
            let mut now = START;
            for (pause, back) in presented {
                now = now.plus(Duration::from_secs(pause));
                // The newest, one of those before it, or one that does not exist yet.
                let token = (notebook.handed_out + 1).saturating_sub(back).max(1);
                let decision = state.decide(generation(token), now, grace);
                prop_assert_eq!(decision, notebook.present(token, now, grace));
                if let RotationDecision::Rotate(next) = decision {
                    state = RotationState::rotated(next, now);
                }
            }
        }

        /// Tabs share one store but each refreshes with what it last read, and some answers are lost. As long as no tab
        /// lags further behind than the grace, nobody is logged out and no two tokens are alive side by side.
        #[test]
        fn parallel_tabs_never_fork_the_chain_and_are_never_logged_out(
            rounds in prop::collection::vec((prop::collection::vec(0_u64..10, 1..6), any::<u8>()), 1..30),
        ) {
            let mut state = RotationState::START;
            let mut shared = Generation::FIRST;
            let mut now = START;
            for (delays, lost) in rounds {
                let held = shared;
                let began = now;
                let mut delays = delays;
                delays.sort_unstable();
                let mut answers = Vec::new();
                for (tab, delay) in delays.iter().enumerate() {
                    now = began.plus(Duration::from_secs(delay - delays[0]));
                    let answer = match state.decide(held, now, GRACE) {
                        RotationDecision::Rotate(next) => {
                            state = RotationState::rotated(next, now);
                            next
                        }
                        RotationDecision::Repeat(successor) => successor,
                        ended => return Err(TestCaseError::fail(format!("{ended:?}"))),
                    };
                    if lost & (1 << (tab % 8)) == 0 {
                        answers.push(answer);
                    }
                }
                prop_assert!(answers.iter().all(|answer| *answer == state.newest), "one successor for all");
                match answers.first() {
                    Some(answer) => shared = *answer,
                    // All answers were lost: the client repeats at once.
                    None => {
                        now = state.rotated_at.unwrap_or(now);
                        prop_assert_eq!(state.decide(held, now, GRACE), RotationDecision::Repeat(state.newest));
                        shared = state.newest;
                    }
                }
            }
        }
    }
}
