//! One reported event.

use std::time::Duration;

use kernel::{RuleViolation, Timestamp, checked_text};

use super::metric::ReportedMetric;

/// How long after it occurred an event may be reported, and how long its key is remembered.
pub(crate) const MAX_AGE: Duration = Duration::from_secs(32 * 24 * 60 * 60);
/// How far ahead of this machine's clock a client's may be.
pub(crate) const MAX_LEAD: Duration = Duration::from_secs(5 * 60);

/// A client's name for one event, by which a repetition is recognised.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct IdempotencyKey(String);

impl IdempotencyKey {
    pub(crate) fn new(raw: &str) -> Result<Self, RuleViolation> {
        checked_text("idempotencyKey", raw, 1, 255).map(Self)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A quantity of a metric, at an instant.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) metric: ReportedMetric,
    /// At least 0, at most 2^53 - 1.
    pub(crate) quantity: i64,
    pub(crate) key: Option<IdempotencyKey>,
    /// When it occurred, if not now.
    pub(crate) occurred_at: Option<Timestamp>,
}

/// Why an event that is well-formed is refused alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Untimely {
    /// Older than 32 days: its key may be forgotten already.
    TooOld,
    /// Over 5 minutes ahead.
    InFuture,
}

/// When the event occurred, if it may still, or already, be reported now.
pub(crate) fn timeliness(occurred_at: Option<Timestamp>, now: Timestamp) -> Result<Timestamp, Untimely> {
    let at = occurred_at.unwrap_or(now);
    if at < now.minus(MAX_AGE) {
        Err(Untimely::TooOld)
    } else if at > now.plus(MAX_LEAD) {
        Err(Untimely::InFuture)
    } else {
        Ok(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edges_of_time_belong_to_it() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let micro = Duration::from_micros(1);
        assert_eq!(timeliness(None, now), Ok(now));
        for at in [now.minus(MAX_AGE), now.plus(MAX_LEAD), now] {
            assert_eq!(timeliness(Some(at), now), Ok(at));
        }
        assert_eq!(
            timeliness(Some(now.minus(MAX_AGE).minus(micro)), now),
            Err(Untimely::TooOld)
        );
        assert_eq!(
            timeliness(Some(now.plus(MAX_LEAD).plus(micro)), now),
            Err(Untimely::InFuture)
        );
    }
}
