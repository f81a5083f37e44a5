//! When a delivery is tried again, and when no more.

use std::time::Duration;

use kernel::Timestamp;

/// How an attempt went, as far as it decides what comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was taken: any 2xx.
    Taken,
    /// It was not, and may be next time, not before the receiver's own `Retry-After`.
    Failed(Option<Duration>),
    /// The receiver is gone for good: 410.
    Gone,
    /// It cannot be delivered, however often it is tried.
    Hopeless,
}

/// What becomes of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Done.
    Delivered,
    /// Once more, then.
    Again(Timestamp),
    /// No more.
    Dead,
}

/// The pauses between attempts.
#[derive(Debug, Clone)]
pub(crate) struct Schedule(Vec<Duration>);

impl Schedule {
    /// The longest that a receiver can ask for.
    const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

    pub(crate) fn new(pauses: Vec<Duration>) -> Self {
        Self(pauses)
    }

    /// What becomes of a delivery after an attempt that ended `now`, when `tries` were made before it. A pause is made up to a
    /// tenth longer, by `chance` of 255: a receiver that was down for many deliveries does not get all of them back at one moment.
    pub(crate) fn after(&self, outcome: Outcome, tries: usize, now: Timestamp, chance: u8) -> Verdict {
        match outcome {
            Outcome::Taken => Verdict::Delivered,
            Outcome::Gone | Outcome::Hopeless => Verdict::Dead,
            Outcome::Failed(asked) => match self.0.get(tries) {
                None => Verdict::Dead,
                Some(pause) => {
                    let jittered = *pause + pause.mul_f64(0.1 * f64::from(chance) / 255.0);
                    let asked = asked.unwrap_or_default().min(Self::PATIENCE);
                    Verdict::Again(now.plus(jittered.max(asked)))
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000);

    fn schedule() -> Schedule {
        Schedule::new([1, 2, 4].map(Duration::from_secs).to_vec())
    }

    fn pause(verdict: Verdict) -> Duration {
        match verdict {
            Verdict::Again(at) => at.since(NOW),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn three_pauses_are_four_attempts() {
        let failed = Outcome::Failed(None);
        let pauses: Vec<_> = (0..3)
            .map(|tries| pause(schedule().after(failed, tries, NOW, 0)).as_secs())
            .collect();
        assert_eq!(pauses, [1, 2, 4]);
        assert_eq!(schedule().after(failed, 3, NOW, 0), Verdict::Dead);
    }

    #[test]
    fn a_pause_is_never_shorter_and_at_most_a_tenth_longer() {
        for chance in [0, 1, 128, 255] {
            let pause = pause(schedule().after(Outcome::Failed(None), 2, NOW, chance));
            assert!(
                pause >= Duration::from_secs(4) && pause <= Duration::from_millis(4_400),
                "{pause:?}"
            );
        }
    }

    #[test]
    fn a_receiver_may_ask_for_more_time_but_not_for_ever() {
        let asked = |seconds| Outcome::Failed(Some(Duration::from_secs(seconds)));
        assert_eq!(pause(schedule().after(asked(120), 0, NOW, 255)).as_secs(), 120);
        assert_eq!(pause(schedule().after(asked(0), 1, NOW, 0)).as_secs(), 2);
        assert_eq!(pause(schedule().after(asked(u64::MAX), 0, NOW, 0)).as_secs(), 86_400);
    }

    #[test]
    fn what_cannot_arrive_is_not_tried_again() {
        for outcome in [Outcome::Gone, Outcome::Hopeless] {
            assert_eq!(schedule().after(outcome, 0, NOW, 0), Verdict::Dead);
        }
        assert_eq!(schedule().after(Outcome::Taken, 3, NOW, 0), Verdict::Delivered);
    }
}
