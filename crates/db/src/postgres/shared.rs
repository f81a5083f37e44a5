//! The point lane: many requests' reads pipelined over a few shared connections.
//!
//! A round trip costs more than the query, so reads of different requests travel together. On such a connection nothing
//! may change its state: no SET, no transaction, no cancel, no LISTEN.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};

use super::connect::Connector;
use super::connection::{Connection, Failure};
use crate::error::DbError;
use crate::row::Sink;
use crate::value::Value;

/// Requests in flight on one shared connection, at most; more wait for their turn.
const IN_FLIGHT: usize = 128;
/// A connection with requests in flight that answered none for this many checks in a row is replaced.
const STALLED_CHECKS: u32 = 6;
/// How often progress is checked. The server ends each statement after 1 s, so six silent checks are a dead peer.
const CHECK_EVERY: Duration = Duration::from_millis(500);

/// The shared connections of one server.
pub(crate) struct Shared {
    connector: Connector,
    slots: Vec<Slot>,
    next: AtomicUsize,
    wait: Duration,
}

struct Slot {
    current: ArcSwapOption<Lane>,
    opening: Mutex<()>,
    room: Semaphore,
}

impl Default for Slot {
    fn default() -> Self {
        Self {
            current: ArcSwapOption::default(),
            opening: Mutex::default(),
            room: Semaphore::new(IN_FLIGHT),
        }
    }
}

struct Lane {
    connection: Connection,
    in_flight: AtomicUsize,
    answered: AtomicU64,
    /// Whether a caller left before its answer: the connection may be dead although nobody waits on it.
    left: AtomicBool,
}

/// Counts a request in and out. Only an answer counts as progress: callers that give up tell nothing about the peer.
struct InFlight<'a> {
    lane: &'a Lane,
    answered: bool,
}

impl<'a> InFlight<'a> {
    fn enter(lane: &'a Lane) -> Self {
        lane.in_flight.fetch_add(1, Ordering::AcqRel);
        Self { lane, answered: false }
    }

    fn answered(mut self) {
        self.answered = true;
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if self.answered {
            self.lane.answered.fetch_add(1, Ordering::AcqRel);
        } else {
            self.lane.left.store(true, Ordering::Release);
        }
        self.lane.in_flight.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Lane {
    async fn read(&self, text: &str, values: &[Value<'_>], sink: &mut dyn Sink) -> Result<u64, Failure> {
        let counted = InFlight::enter(self);
        let result = self.connection.read(text, values, sink).await;
        counted.answered();
        result
    }

    /// Asks for a sign of life.
    async fn probe(&self) {
        let counted = InFlight::enter(self);
        // An error is an answer too; whoever uses the connection next is told.
        let _any = self.connection.client().batch_execute("").await;
        counted.answered();
    }
}

impl Shared {
    /// Connections to be opened when they are first needed; a caller waits at most `wait` for a place on one.
    pub(crate) fn new(connector: Connector, connections: usize, wait: Duration) -> Self {
        let slots = (0..connections.max(1)).map(|_| Slot::default()).collect();
        Self {
            connector,
            slots,
            next: AtomicUsize::new(0),
            wait,
        }
    }

    /// Requests in flight over all shared connections.
    pub(crate) fn in_flight(&self) -> usize {
        let lanes = self.slots.iter().filter_map(|slot| slot.current.load_full());
        lanes.map(|lane| lane.in_flight.load(Ordering::Relaxed)).sum()
    }

    /// Reads. Repeated once when the statement was stale or the connection lost: a read has no effect to repeat.
    pub(crate) async fn read(&self, text: &str, values: &[Value<'_>], sink: &mut dyn Sink) -> Result<u64, DbError> {
        let (slot, _place) = self.place().await?;
        let lane = self.lane(slot).await?;
        let first = match lane.read(text, values, sink).await {
            Ok(count) => return Ok(count),
            Err(failure) => failure,
        };
        if first.is_stale_statement() {
            lane.connection.forget_all();
            return Ok(lane.read(text, values, sink).await?);
        }
        if first.is_lost() {
            return Ok(self.lane(slot).await?.read(text, values, sink).await?);
        }
        Err(first.into())
    }

    /// A place on the next connection that has one, or on the one whose turn it is as soon as it has.
    async fn place(&self) -> Result<(&Slot, SemaphorePermit<'_>), DbError> {
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        let slots = self.slots.len();
        let in_turn = (0..slots).filter_map(|offset| self.slots.get((start.wrapping_add(offset)) % slots));
        for slot in in_turn.clone() {
            if let Ok(place) = slot.room.try_acquire() {
                return Ok((slot, place));
            }
        }
        let busy = DbError::Busy {
            what: "shared connections",
            retry_after: Duration::from_secs(1),
        };
        let Some(slot) = in_turn.clone().next() else {
            return Err(busy);
        };
        match tokio::time::timeout(self.wait, slot.room.acquire()).await {
            Ok(Ok(place)) => Ok((slot, place)),
            Ok(Err(_)) | Err(_) => Err(busy),
        }
    }

    async fn lane(&self, slot: &Slot) -> Result<Arc<Lane>, DbError> {
        if let Some(lane) = slot.usable() {
            return Ok(lane);
        }
        // One opens, the others wait for it: a server that comes back is not met by a stampede.
        let _opening = slot.opening.lock().await;
        if let Some(lane) = slot.usable() {
            return Ok(lane);
        }
        let lane = Arc::new(Lane {
            connection: Connection::open(&self.connector).await?,
            in_flight: AtomicUsize::new(0),
            answered: AtomicU64::new(0),
            left: AtomicBool::new(false),
        });
        slot.current.store(Some(Arc::clone(&lane)));
        Ok(lane)
    }

    /// Watches for connections that stopped answering, until the shared connections are dropped.
    pub(crate) fn watch(self: &Arc<Self>) {
        let shared = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut silent = Vec::new();
            loop {
                tokio::time::sleep(CHECK_EVERY).await;
                let Some(shared) = shared.upgrade() else { return };
                silent.resize(shared.slots.len(), (0_u64, 0_u32));
                for (slot, (seen, checks)) in shared.slots.iter().zip(silent.iter_mut()) {
                    slot.check(seen, checks);
                }
            }
        });
    }
}

impl Slot {
    fn usable(&self) -> Option<Arc<Lane>> {
        self.current.load_full().filter(|lane| lane.connection.is_usable())
    }

    /// Replaces the connection after enough checks without an answer; those who wait on it are told that it is lost.
    fn check(&self, seen: &mut u64, checks: &mut u32) {
        let Some(lane) = self.current.load_full() else { return };
        if lane.left.swap(false, Ordering::AcqRel) {
            let lane = Arc::clone(&lane);
            tokio::spawn(async move { lane.probe().await });
        }
        let answered = lane.answered.load(Ordering::Acquire);
        if lane.in_flight.load(Ordering::Acquire) == 0 || answered != *seen {
            *seen = answered;
            *checks = 0;
            return;
        }
        *checks += 1;
        if *checks >= STALLED_CHECKS && lane.connection.is_usable() {
            tracing::warn!("a shared database connection stopped answering and is replaced");
            lane.connection.abort();
            *checks = 0;
        }
    }
}
