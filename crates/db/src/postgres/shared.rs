//! The point lane: many requests' reads pipelined over a few shared connections.
//!
//! A round trip costs more than the query, so reads of different requests travel together. On such a connection nothing
//! may change its state: no SET, no transaction, no cancel, no LISTEN.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::Mutex;

use super::connect::Connector;
use super::connection::{Connection, Failure};
use crate::error::DbError;
use crate::row::Row;
use crate::value::Value;

/// Requests in flight on one shared connection, at most.
const IN_FLIGHT: usize = 128;
/// A connection with requests in flight that answered none for this many checks in a row is replaced.
const STALLED_CHECKS: u32 = 6;
/// How often progress is checked. The server ends each statement after 1 s, so six silent checks are a dead peer.
pub(crate) const CHECK_EVERY: Duration = Duration::from_millis(500);

/// The shared connections of one server.
pub(crate) struct Shared {
    connector: Connector,
    slots: Vec<Slot>,
    next: AtomicUsize,
}

#[derive(Default)]
struct Slot {
    current: ArcSwapOption<Lane>,
    opening: Mutex<()>,
}

struct Lane {
    connection: Connection,
    in_flight: AtomicUsize,
    answered: AtomicU64,
    stalled: AtomicBool,
}

/// Counts a request in and out, also when its caller goes away in between.
struct InFlight<'a>(&'a Lane);

impl<'a> InFlight<'a> {
    fn enter(lane: &'a Lane) -> Option<Self> {
        if lane.in_flight.fetch_add(1, Ordering::AcqRel) >= IN_FLIGHT {
            lane.in_flight.fetch_sub(1, Ordering::AcqRel);
            return None;
        }
        Some(Self(lane))
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.answered.fetch_add(1, Ordering::AcqRel);
        self.0.in_flight.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Shared {
    pub(crate) fn new(connector: Connector, connections: usize) -> Self {
        let slots = (0..connections.max(1)).map(|_| Slot::default()).collect();
        Self {
            connector,
            slots,
            next: AtomicUsize::new(0),
        }
    }

    /// Requests in flight over all shared connections.
    pub(crate) fn in_flight(&self) -> usize {
        let lanes = self.slots.iter().filter_map(|slot| slot.current.load_full());
        lanes.map(|lane| lane.in_flight.load(Ordering::Relaxed)).sum()
    }

    /// Reads. Repeated once when the statement was stale or the connection lost: a read has no effect to repeat.
    pub(crate) async fn rows<T>(
        &self,
        text: &str,
        values: &[Value<'_>],
        map: impl Fn(&Row<'_>) -> Result<T, DbError>,
    ) -> Result<Vec<T>, DbError> {
        let first = match self.attempt(text, values, &map).await {
            Ok(rows) => return Ok(rows),
            Err(failure) => failure,
        };
        let again = first.is_stale_statement() || matches!(&first, Failure::Driver(error) if error.is_closed());
        if !again {
            return Err(first.into());
        }
        Ok(self.attempt(text, values, &map).await?)
    }

    async fn attempt<T>(
        &self,
        text: &str,
        values: &[Value<'_>],
        map: &impl Fn(&Row<'_>) -> Result<T, DbError>,
    ) -> Result<Vec<T>, Failure> {
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        for offset in 0..self.slots.len() {
            let Some(slot) = self.slots.get((start + offset) % self.slots.len()) else {
                continue;
            };
            let lane = self.lane(slot).await?;
            let Some(_counted) = InFlight::enter(&lane) else {
                continue;
            };
            let result = lane.connection.rows(text, values, map).await;
            if result.as_ref().is_err_and(Failure::is_stale_statement) {
                lane.connection.forget(text);
            }
            return result;
        }
        Err(DbError::Busy {
            what: "shared connections",
            retry_after: Duration::from_secs(1),
        }
        .into())
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
            stalled: AtomicBool::new(false),
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
        let answered = lane.answered.load(Ordering::Acquire);
        if lane.in_flight.load(Ordering::Acquire) == 0 || answered != *seen {
            *seen = answered;
            *checks = 0;
            return;
        }
        *checks += 1;
        if *checks >= STALLED_CHECKS && !lane.stalled.swap(true, Ordering::AcqRel) {
            tracing::warn!("a shared database connection stopped answering and is replaced");
            lane.connection.abort();
            self.current.store(None);
            *checks = 0;
        }
    }
}
