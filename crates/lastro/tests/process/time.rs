//! Waiting with an end.

use std::thread;
use std::time::Duration;

use kernel::{Clock as _, SystemClock};

/// How often something that is waited for is looked at.
const LOOK: Duration = Duration::from_millis(10);
/// How long anything may take that takes no time by itself, on a machine that is busy with something else.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// Counts time from its making.
pub(crate) struct Stopwatch {
    clock: SystemClock,
    started: Duration,
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        let clock = SystemClock::new();
        Self {
            started: clock.monotonic(),
            clock,
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.clock.monotonic().saturating_sub(self.started)
    }
}

/// Looks until there is something to see, which is `what` and must come within `limit`.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let watch = Stopwatch::start();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(watch.elapsed() < limit, "not within {limit:?}: {what}");
        thread::sleep(LOOK);
    }
}
