//! What a node tells about its deliveries on the metrics page.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use http::{Counter, Metrics};
use kernel::{Clock, Timestamp};

use crate::domain::Verdict;

/// Since when something waits, where nothing does.
const NOTHING: i64 = i64::MAX;

/// Counted and seen by this node.
#[derive(Debug)]
pub(crate) struct Measured {
    delivered: Counter,
    failed: Counter,
    dead: Counter,
    /// In microseconds: since when the oldest event waits to be handed on, and the oldest delivery to be tried.
    queued_since: AtomicI64,
    due_since: AtomicI64,
}

impl Measured {
    /// Shown on the page from now on.
    pub(crate) fn start(metrics: &Metrics, clock: Arc<dyn Clock>) -> Arc<Self> {
        let [delivered, failed, dead] = metrics.counters(
            "webhook_attempts",
            "Attempts to deliver by this node, by what became of the delivery",
            "outcome",
            ["delivered", "failed", "dead"],
        );
        let measured = Arc::new(Self {
            delivered,
            failed,
            dead,
            queued_since: AtomicI64::new(NOTHING),
            due_since: AtomicI64::new(NOTHING),
        });
        let seen = Arc::clone(&measured);
        metrics.gauges(
            "webhook_lag_milliseconds",
            "For how long the oldest event waits to be handed on, and the oldest delivery that is due to be tried",
            "stage",
            move || {
                let now = clock.now();
                [("events", &seen.queued_since), ("deliveries", &seen.due_since)]
                    .map(|(stage, since)| (stage, age(since.load(Ordering::Relaxed), now)))
                    .to_vec()
            },
        );
        measured
    }

    /// Counts what became of an attempt.
    pub(crate) fn count(&self, verdict: Verdict) {
        let counter = match verdict {
            Verdict::Delivered => &self.delivered,
            Verdict::Again(_) => &self.failed,
            Verdict::Dead => &self.dead,
        };
        counter.inc();
    }

    /// Since when the oldest event waits that was not handed on at the last look.
    pub(crate) fn queued_since(&self, oldest: Option<Timestamp>) {
        self.queued_since.store(micros(oldest), Ordering::Relaxed);
    }

    /// Since when the endpoint waits that waited longest at the last look.
    pub(crate) fn due_since(&self, oldest: Option<Timestamp>) {
        self.due_since.store(micros(oldest), Ordering::Relaxed);
    }
}

fn micros(since: Option<Timestamp>) -> i64 {
    since.map_or(NOTHING, Timestamp::as_micros)
}

/// Milliseconds from then to now; none where nothing waits.
fn age(since: i64, now: Timestamp) -> i64 {
    now.as_micros().saturating_sub(since).max(0) / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_waits_is_no_lag() {
        let now = Timestamp::from_micros(5_000_000);
        assert_eq!(age(micros(None), now), 0);
        assert_eq!(age(micros(Some(Timestamp::from_micros(2_000_000))), now), 3_000);
        assert_eq!(age(micros(Some(Timestamp::from_micros(6_000_000))), now), 0);
    }
}
