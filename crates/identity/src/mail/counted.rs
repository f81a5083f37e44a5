//! What became of mails, on the metrics page.

use http::{Counter, Metrics};

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
#[derive(Debug)]
pub(super) struct Counted {
    sent: Counter,
    failed: Counter,
    dead: Counter,
}

impl Counted {
    /// Shown on the page from now on.
    pub(super) fn new(metrics: &Metrics) -> Self {
        let [sent, failed, dead] = metrics.counters(
            "mail_attempts",
            "Attempts of this node to hand a mail over, by what became of the mail",
            "outcome",
            ["sent", "failed", "dead"],
        );
        Self { sent, failed, dead }
    }

    pub(super) fn count(&self, settled: Settled) {
        let counter = match settled {
            Settled::Sent => &self.sent,
            Settled::Failed => &self.failed,
            Settled::Dead => &self.dead,
            Settled::Nobody => return,
        };
        counter.inc();
    }
}
