//! What the operator sets about webhooks, and what only tests set otherwise.

use std::sync::Arc;
use std::time::Duration;

use outbound::Resolver;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How events are delivered. The composition root provides it as a port.
#[derive(Clone)]
pub struct Config {
    /// The pauses between attempts: one fewer than there are attempts.
    pub retry_schedule: Vec<Duration>,
    /// Whether endpoints may have private and loopback addresses.
    pub allow_private: bool,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// How many attempts are under way to one endpoint at most.
    pub concurrency: usize,
    /// How many attempts one endpoint gets in a second at most.
    pub rate: u32,
    /// How long a node may hold a delivery before it counts as lost with it.
    pub lease: Duration,
    /// How often a node looks for work that nobody told it of.
    pub poll: Duration,
    /// After how long without any success an endpoint is switched off.
    pub disable_after: Duration,
    /// For how long events can be listed, streamed and replayed.
    pub keep_events: Duration,
    /// For how long deliveries are shown.
    pub keep_deliveries: Duration,
    /// How many streams of events one node keeps open, and how many of them for one organization.
    pub streams: usize,
    /// See [`streams`](Self::streams).
    pub streams_per_organization: usize,
    /// How often a stream says that it is still there.
    pub heartbeat: Duration,
    /// Who looks hosts up, where it is not the operating system.
    pub resolver: Option<Arc<dyn Resolver>>,
}

impl Config {
    /// What the operator sets, and for the rest what is right for everybody.
    #[must_use]
    pub fn new(retry_schedule: Vec<Duration>, allow_private: bool) -> Self {
        Self {
            retry_schedule,
            allow_private,
            timeout: Duration::from_secs(15),
            concurrency: 64,
            rate: 10_000,
            // An attempt fits in, and keeping what came of it; what a node that died held goes on within half a minute.
            lease: Duration::from_secs(25),
            poll: Duration::from_millis(500),
            disable_after: 5 * DAY,
            keep_events: 90 * DAY,
            keep_deliveries: 30 * DAY,
            streams: 1_000,
            streams_per_organization: 100,
            heartbeat: Duration::from_secs(15),
            resolver: None,
        }
    }

    /// For tests: endpoints on this machine, attempts after 1, 2 and 4 seconds of the test's clock.
    #[must_use]
    pub fn for_tests() -> Self {
        Self {
            timeout: Duration::from_secs(2),
            poll: Duration::from_millis(20),
            heartbeat: Duration::from_millis(200),
            ..Self::new([1, 2, 4].map(Duration::from_secs).to_vec(), true)
        }
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("retry_schedule", &self.retry_schedule)
            .field("allow_private", &self.allow_private)
            .finish_non_exhaustive()
    }
}
