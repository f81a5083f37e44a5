//! What every node does all the time: hand events on, take dead letters up again, deliver.
//!
//! A node looks at once when it committed events itself or handed some on, and otherwise as often as it polls: another node's commits
//! and retries that fall due are found by looking. Whoever else looks at the same time is kept apart by rows: the organization's
//! position for handing on, the endpoint's row and the deliveries' leases for delivering.

mod fan_out;
mod lane;
mod replay;
mod sending;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use db::{DbError, SystemScope};
use futures_util::stream::{self, StreamExt as _};
use http::App;
use kernel::OrganizationId;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::domain::EndpointId;
use crate::service::Service;
use crate::store::{endpoints, events};

/// How many organizations' events are handed on at once, and looked up at most.
const AT_ONCE: usize = 4;
const ORGANIZATIONS: i64 = 256;
/// To how many endpoints one node delivers at once.
const LANES: usize = 1_000;
/// How long a node stands back after the database refused.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

type Lane = (OrganizationId, EndpointId);

/// One node's work.
pub(super) struct Dispatcher {
    app: App,
    service: Arc<Service>,
    /// The endpoints that are being delivered to, and how to tell them of more.
    lanes: Mutex<HashMap<Lane, Arc<Notify>>>,
    running: TaskTracker,
    stop: CancellationToken,
}

/// Hands events on and delivers them until it is told to stop; then finishes the attempts under way.
pub(crate) async fn run(app: App, stop: CancellationToken) {
    let service = match app.ports().get::<Service>() {
        Ok(service) => service,
        Err(missing) => {
            tracing::error!(%missing, "webhooks are not delivered");
            return;
        }
    };
    let dispatcher = Arc::new(Dispatcher {
        app,
        service,
        lanes: Mutex::default(),
        running: TaskTracker::new(),
        stop,
    });
    dispatcher.work().await;
    dispatcher.running.close();
    dispatcher.running.wait().await;
}

impl Dispatcher {
    async fn work(self: &Arc<Self>) {
        let service = &self.service;
        let mut committed = service.db.events_committed();
        let mut failing = false;
        while !self.stop.is_cancelled() {
            committed.mark_unchanged();
            let wait = match self.look().await {
                Ok(true) => continue,
                Ok(false) => {
                    failing = false;
                    service.config.poll
                }
                Err(error) => {
                    // Said once an outage, not every second.
                    if !failing {
                        tracing::warn!(%error, "events cannot be handed on");
                    }
                    failing = true;
                    AFTER_FAILURE
                }
            };
            tokio::select! {
                () = self.stop.cancelled() => {}
                // The sender lives as long as the database does.
                _ = committed.changed(), if !failing => {}
                () = service.wake.notified(), if !failing => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Does what there is to do once; true when there may be more.
    async fn look(self: &Arc<Self>) -> Result<bool, DbError> {
        let replayed = replay::some(&self.service).await?;
        let more = self.hand_on().await?;
        self.open_lanes().await?;
        Ok(more || replayed)
    }

    /// Hands queued events on; true when some are left.
    async fn hand_on(&self) -> Result<bool, DbError> {
        let scope = SystemScope::new("a worker looks in which organizations events wait");
        let waiting = events::queued(self.service.db.system(scope), ORGANIZATIONS).await?;
        let more = waiting.len() >= usize::try_from(ORGANIZATIONS).unwrap_or(usize::MAX);
        let mut handing_on = stream::iter(waiting)
            .map(|organization| fan_out::hand_on(&self.app, &self.service, organization))
            .buffer_unordered(AT_ONCE);
        let mut left = more;
        while let Some(handed_on) = handing_on.next().await {
            left |= handed_on?;
        }
        Ok(left)
    }

    /// Has a lane for each endpoint that has something to do, and tells those that there are.
    async fn open_lanes(self: &Arc<Self>) -> Result<(), DbError> {
        let scope = SystemScope::new("a worker looks which endpoints have deliveries that are due");
        let now = self.service.generators.now();
        let limit = i64::try_from(LANES).unwrap_or(i64::MAX);
        for key in endpoints::due(self.service.db.system(scope), now, limit).await? {
            let told = {
                let mut lanes = self.lanes.lock();
                match lanes.get(&key) {
                    Some(told) => {
                        told.notify_one();
                        continue;
                    }
                    None if lanes.len() >= LANES => break,
                    None => {
                        let told = Arc::new(Notify::new());
                        lanes.insert(key, Arc::clone(&told));
                        told
                    }
                }
            };
            let dispatcher = Arc::clone(self);
            self.running.spawn(async move {
                lane::run(&dispatcher, key, &told).await;
                dispatcher.lanes.lock().remove(&key);
                // What was told to the lane after its last look is looked for again.
                dispatcher.service.wake.notify_one();
            });
        }
        Ok(())
    }
}
