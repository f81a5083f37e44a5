//! What became of mails, on the metrics page.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::Metrics;

/// What became of an attempt to send a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    /// It was taken.
    Sent,
    /// It was not, and is tried again.
    Failed,
    /// It is given up.
    Dead,
    /// There was nobody to send it to, so nothing was tried.
    Nobody,
}

/// Attempts of this node.
#[derive(Debug, Default)]
pub(super) struct Counted {
    sent: AtomicU64,
    failed: AtomicU64,
    dead: AtomicU64,
}

impl Counted {
    pub(super) fn count(&self, settled: Settled) {
        let counter = match settled {
            Settled::Sent => &self.sent,
            Settled::Failed => &self.failed,
            Settled::Dead => &self.dead,
            Settled::Nobody => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn show(self: &Arc<Self>, metrics: &Metrics) {
        let counted = Arc::clone(self);
        metrics.counters(
            "mail_attempts",
            "Attempts of this node to hand a mail over, by what became of the mail",
            "outcome",
            move || {
                [
                    ("sent", &counted.sent),
                    ("failed", &counted.failed),
                    ("dead", &counted.dead),
                ]
                .map(|(outcome, counter)| (outcome, counter.load(Ordering::Relaxed)))
                .to_vec()
            },
        );
    }
}
