//! How late seals are, on the metrics page.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use http::Metrics;
use kernel::{Clock, Timestamp};

/// For how long what a round of sealing found is told: the next one may be another node's.
const TOLD: Duration = Duration::from_secs(60);

/// What the last round of sealing on this node found.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    /// In microseconds: when it ended, and the oldest entry that it sealed.
    ended: AtomicI64,
    oldest: AtomicI64,
}

impl Measured {
    /// A round ended, and the oldest entry it sealed was made then.
    pub(crate) fn sealed(&self, now: Timestamp, oldest: Timestamp) {
        self.ended.store(now.as_micros(), Ordering::Relaxed);
        self.oldest.store(oldest.as_micros(), Ordering::Relaxed);
    }

    /// Shows it on the page.
    pub(crate) fn show(self: &Arc<Self>, metrics: &Metrics, clock: Arc<dyn Clock>) {
        let seen = Arc::clone(self);
        metrics.gauge(
            "audit_seal_lag_milliseconds",
            "How old the oldest entry was that the last round of sealing sealed; 0 where this node sealed nothing within a minute",
            move || seen.lag(clock.now()),
        );
    }

    fn lag(&self, now: Timestamp) -> i64 {
        let (ended, oldest) = (self.ended.load(Ordering::Relaxed), self.oldest.load(Ordering::Relaxed));
        if now.since(Timestamp::from_micros(ended)) > TOLD {
            return 0;
        }
        ended.saturating_sub(oldest).max(0) / 1_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_node_seals_by_now_is_not_told_any_longer() {
        let at = Timestamp::from_micros;
        let measured = Measured::default();
        assert_eq!(measured.lag(at(100_000_000)), 0);
        measured.sealed(at(100_000_000), at(93_000_000));
        assert_eq!(measured.lag(at(100_000_000)), 7_000);
        assert_eq!(measured.lag(at(160_000_000)), 7_000);
        assert_eq!(measured.lag(at(160_000_001)), 0);
    }
}
