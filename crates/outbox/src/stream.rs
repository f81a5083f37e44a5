//! Server-sent events: an organization's log, told as it grows.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use db::EventId;
use futures_util::stream;
use http::{ApiError, Caller, Standing, Streamed};
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::domain::EventTypes;
use crate::manifest::DeliveryRead;
use crate::places::Place;
use crate::reading::may_read;
use crate::service::Service;
use crate::store::{events, log};
use crate::view::EventView;

use authz::Permission as _;

/// How often a stream looks for what other nodes handed on, and whether its client may still look.
const LOOK: Duration = Duration::from_secs(1);
/// After how long a client that lost its stream is to come again.
const RETRY: &[u8] = b"retry: 2000\n\n";
/// Keeps what stands between from closing a connection on which nothing is said.
const HEARTBEAT: &[u8] = b": still here\n\n";

/// One client's stream.
pub(crate) struct Stream {
    service: Arc<Service>,
    caller: Caller,
    standing: Standing,
    types: EventTypes,
    /// Of the last event that was told or passed over.
    position: i64,
    ready: VecDeque<Bytes>,
    /// What the client may read, as of the last look.
    rights: HashMap<&'static str, bool>,
    handed_on: watch::Receiver<()>,
    look: Interval,
    heartbeat: Interval,
    _place: Place,
}

impl Stream {
    /// Begins after the event `last`, or now.
    ///
    /// # Errors
    /// `INTERNAL_UNAVAILABLE` when the log cannot be read.
    pub(crate) async fn open(
        service: Arc<Service>,
        caller: Caller,
        standing: Standing,
        types: EventTypes,
        last: Option<EventId>,
        place: Place,
    ) -> Result<Self, ApiError> {
        let handed_on = service.handed_on.subscribe();
        let scope = service.db.scope(caller.organization());
        let position = match last {
            Some(event) => log::place(scope, event).await?,
            None => log::last(scope).await?,
        };
        let every = |period| {
            let mut interval = interval(period);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            interval
        };
        let (mut look, mut heartbeat) = (every(LOOK), every(service.config.heartbeat));
        // The first tick is at once.
        look.tick().await;
        heartbeat.tick().await;
        Ok(Self {
            service,
            caller,
            standing,
            types,
            position,
            ready: VecDeque::from([Bytes::from_static(RETRY)]),
            rights: HashMap::new(),
            handed_on,
            look,
            heartbeat,
            _place: place,
        })
    }

    /// The answer that goes on for as long as the client listens.
    pub(crate) fn into_answer(self) -> Streamed {
        let kind = http::EVENT_STREAM;
        let pieces = stream::unfold(Some(self), |stream| async move {
            let mut stream = stream?;
            match stream.next().await {
                Ok(Some(piece)) => Some((Ok(piece), Some(stream))),
                Ok(None) => None,
                // The client comes again, and goes on where it was.
                Err(error) => Some((Err(error), None)),
            }
        });
        Streamed::new(kind, pieces)
    }

    /// What is told next; `None` when the stream is over.
    async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        let ending = self.caller.app().ending().clone();
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Ok(Some(piece));
            }
            if ending.is_cancelled() {
                return Ok(None);
            }
            if self.read().await? {
                continue;
            }
            tokio::select! {
                () = ending.cancelled() => {}
                changed = self.handed_on.changed() => {
                    // The sender ends with the program.
                    if changed.is_err() {
                        return Ok(None);
                    }
                }
                _ = self.heartbeat.tick() => self.ready.push_back(Bytes::from_static(HEARTBEAT)),
                _ = self.look.tick() => {
                    self.rights.clear();
                    if !self.standing.holds(&self.caller).await || !self.may(DeliveryRead::INFO).await? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Reads on in the log; false when it ends here.
    async fn read(&mut self) -> Result<bool, ApiError> {
        let service = Arc::clone(&self.service);
        let scope = service.db.scope(self.caller.organization());
        let placed = log::after(scope, self.position).await?;
        let any = !placed.is_empty();
        for one in placed {
            self.position = one.position;
            let Some(kind) = service.manifests.event(&one.kind) else {
                continue;
            };
            if self.types.matches(&one.kind)
                && self.may(kind.permission).await?
                && let Some(event) = events::find(scope, one.event).await?
            {
                self.ready.push_back(told(&event)?);
            }
        }
        Ok(any)
    }

    async fn may(&mut self, permission: &'static authz::PermissionInfo) -> Result<bool, ApiError> {
        if let Some(may) = self.rights.get(permission.code) {
            return Ok(*may);
        }
        let may = may_read(
            self.caller.app(),
            self.caller.actor(),
            self.caller.organization(),
            permission,
        )
        .await
        .map_err(|undecided| ApiError::unavailable(undecided.to_string()))?;
        self.rights.insert(permission.code, may);
        Ok(may)
    }
}

/// An event in the words of server-sent events.
fn told(event: &EventView) -> Result<Bytes, ApiError> {
    let data = serde_json::to_string(event)
        .map_err(|error| ApiError::internal(format!("an event cannot be rendered: {error}")))?;
    // JSON has line breaks only between its parts, where a space is as good; here one would end the data.
    let data = data.replace(['\r', '\n'], " ");
    Ok(Bytes::from(format!(
        "id: {}\nevent: {}\ndata: {data}\n\n",
        event.id, event.r#type
    )))
}
