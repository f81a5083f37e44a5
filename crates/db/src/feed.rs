//! The change feed: how a node learns that what it holds in memory is outdated, and how it knows that it would have learned.
//!
//! A unit of work that changes what decisions depend on writes a row here in its own transaction. Every node reads the new rows
//! four times a second; the node that made the change hears of it at once. A node that has not read the feed for two seconds
//! does not know what it has missed, and says so: [`Feed::is_fresh`].

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use kernel::{Clock, OrganizationId, SystemClock, Timestamp};
use parking_lot::{Mutex, RwLock};
use uuid::Uuid;

use crate::database::Db;
use crate::error::DbError;
use crate::row::Row;
use crate::sql::Sql;
use crate::values;

/// How long a confirmed reading of the feed counts.
pub const FRESH_FOR: Duration = Duration::from_secs(2);

/// How long a reading may take that measures the database's clock: half of it is how far off the result can be.
const PRECISE: Duration = Duration::from_millis(500);
/// How much the machine's clock may differ from the monotonic one over such a reading, in microseconds: one that was set
/// meanwhile measures nothing.
const STEADY: u64 = 100_000;

/// How far back the first reading goes beyond the node's own age: nothing older can have been read into memory before it.
const BEFORE: Duration = Duration::from_secs(60 * 60);

// What a reading sees is what the one before did not: transactions that had not begun then, and those that were running; apart from
// each other, since a plan for either that is made while the table is small reads all of it later. (On SQLite units commit in the
// order of their numbers, so none is running.) Both texts always return at least one row: the reading's own facts stand beside each
// change, or beside none. The time's bound keeps the first reading short however long the feed has grown: of old changes only those
// that must be remembered count.
const READ: Sql = Sql::global(
    "SELECT pg_snapshot_xmax(pg_current_snapshot()), CAST(pg_current_snapshot() AS text), clock_timestamp(), c.organization_id, \
     c.kind, c.subject, c.until FROM (SELECT 1) AS reading LEFT JOIN \
     (SELECT seq, organization_id, kind, subject, until, created_at FROM access_changes WHERE xid >= $1 UNION ALL \
     SELECT seq, organization_id, kind, subject, until, created_at FROM access_changes \
     WHERE xid = ANY (ARRAY(SELECT pg_snapshot_xip(CAST(CAST($2 AS text) AS pg_snapshot))))) c \
     ON c.created_at >= $3 OR c.until > $4 ORDER BY c.seq",
)
.on_sqlite(
    "SELECT coalesce((SELECT max(seq) + 1 FROM access_changes), $1), $2, NULL, c.organization_id, \
     c.kind, c.subject, c.until FROM (SELECT 1) AS reading LEFT JOIN access_changes c \
     ON c.seq >= $1 AND (c.created_at >= $3 OR c.until > $4) ORDER BY c.seq",
)
.point();

/// The statements of this file.
pub(crate) const STATEMENTS: &[Sql] = &[READ];

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// An organization was activated or deactivated.
    Organization,
    /// A permission was made or deleted, or a module switched for the whole installation.
    Catalogue,
    /// What an organization may use: its modules, its package, its overrides.
    Entitlements,
    /// What one role holds or inherits, or whether it exists.
    Role,
    /// What one group holds, or whether it exists; not who is in it.
    Group,
    /// What one user holds, its groups, or whether it is active.
    User,
    /// What one service account holds, or whether it is active.
    ServiceAccount,
    /// What one API key holds, or whether it exists.
    ApiKey,
    /// A session ended.
    Session,
    /// A client secret was revoked.
    Credential,
    /// The keys that access tokens are signed with.
    SigningKeys,
    /// An organization's settings or branding.
    Settings,
    /// An organization's quotas.
    Quotas,
}

impl ChangeKind {
    const ALL: [Self; 13] = [
        Self::Organization,
        Self::Catalogue,
        Self::Entitlements,
        Self::Role,
        Self::Group,
        Self::User,
        Self::ServiceAccount,
        Self::ApiKey,
        Self::Session,
        Self::Credential,
        Self::SigningKeys,
        Self::Settings,
        Self::Quotas,
    ];

    /// Whether it changes what somebody holds. The organization's access version counts the units with such a change: who judged
    /// by what was held before compares the version under the structural lock. (Sessions end all the time, and judge nothing.)
    #[must_use]
    pub const fn is_about_grants(self) -> bool {
        match self {
            Self::Role | Self::Group | Self::User | Self::ServiceAccount | Self::ApiKey | Self::Entitlements => true,
            Self::Organization
            | Self::Catalogue
            | Self::Session
            | Self::Credential
            | Self::SigningKeys
            | Self::Settings
            | Self::Quotas => false,
        }
    }

    /// Its name in storage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Catalogue => "catalogue",
            Self::Entitlements => "entitlements",
            Self::Role => "role",
            Self::Group => "group",
            Self::User => "user",
            Self::ServiceAccount => "service_account",
            Self::ApiKey => "api_key",
            Self::Session => "session",
            Self::Credential => "credential",
            Self::SigningKeys => "signing_keys",
            Self::Settings => "settings",
            Self::Quotas => "quotas",
        }
    }
}

/// One change that outdates something held in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessChange {
    /// The organization concerned; none when every one is.
    pub organization_id: Option<OrganizationId>,
    /// What changed.
    pub kind: ChangeKind,
    /// Which user, session, key, module; none when the whole organization is concerned.
    pub subject: Option<Uuid>,
    /// Until when the change must be remembered: the latest moment at which a token made before it could still be valid.
    pub until: Option<Timestamp>,
}

type Subscriber = Arc<dyn Fn(&[AccessChange]) + Send + Sync>;
type OffsetSubscriber = Arc<dyn Fn(i64) + Send + Sync>;

/// The feed as one node follows it.
pub struct Feed {
    /// Freshness counts real time, also where the business clock is a test's.
    clock: SystemClock,
    opened: Duration,
    confirmed: AtomicU64,
    ever: AtomicBool,
    offset: AtomicI64,
    position: Mutex<Position>,
    /// Held while the feed is read: of two readings at once the later could end first, and the position go back.
    reading: tokio::sync::Mutex<()>,
    subscribers: RwLock<Vec<Subscriber>>,
    offset_subscribers: RwLock<Vec<OffsetSubscriber>>,
}

/// What a reading saw.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Position {
    /// The first transaction that had not begun; [`BEGINNING`](Self::BEGINNING) before the first reading.
    next: i64,
    /// PostgreSQL's own text of what was visible (`xmin:xmax:running,…`): of the transactions before `next` all but these, so that
    /// one that runs for long does not have everything since then read again.
    snapshot: String,
}

impl Position {
    /// Before every transaction and every change.
    const BEGINNING: i64 = 0;
}

impl Default for Position {
    fn default() -> Self {
        Self {
            next: Self::BEGINNING,
            snapshot: "1:1:".into(),
        }
    }
}

struct Reading {
    position: Position,
    server_time: Option<Timestamp>,
    change: Option<AccessChange>,
}

impl Feed {
    pub(crate) fn new() -> Self {
        let clock = SystemClock::new();
        Self {
            opened: clock.monotonic(),
            clock,
            confirmed: AtomicU64::new(0),
            ever: AtomicBool::new(false),
            offset: AtomicI64::new(0),
            position: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
            subscribers: RwLock::default(),
            offset_subscribers: RwLock::default(),
        }
    }

    /// Calls `subscriber` with every change, the node's own ones right after their commit, others when they are read; a change
    /// may be told more than once.
    pub fn subscribe(&self, subscriber: impl Fn(&[AccessChange]) + Send + Sync + 'static) {
        self.subscribers.write().push(Arc::new(subscriber));
    }

    /// Calls `subscriber` with the difference of the database's clock to this machine's, in microseconds, at every reading.
    pub fn subscribe_to_offset(&self, subscriber: impl Fn(i64) + Send + Sync + 'static) {
        self.offset_subscribers.write().push(Arc::new(subscriber));
    }

    /// Whether the feed was read within the last [`FRESH_FOR`], counted from the start of the reading.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.ever.load(Ordering::Acquire) && self.age() <= FRESH_FOR
    }

    /// The time since the start of the last successful reading.
    #[must_use]
    pub fn age(&self) -> Duration {
        let confirmed = Duration::from_micros(self.confirmed.load(Ordering::Acquire));
        self.clock.monotonic().saturating_sub(confirmed)
    }

    /// The database's clock minus this machine's, in microseconds, as last measured.
    #[must_use]
    pub fn clock_offset(&self) -> i64 {
        self.offset.load(Ordering::Acquire)
    }

    pub(crate) fn publish(&self, changes: &[AccessChange]) {
        if changes.is_empty() {
            return;
        }
        let subscribers = self.subscribers.read().clone();
        for subscriber in subscribers {
            // The change is committed and its answer waits behind this: a subscriber's defect must not take it along.
            if catch_unwind(AssertUnwindSafe(|| subscriber(changes))).is_err() {
                tracing::error!("a subscriber of the change feed panicked");
            }
        }
    }

    /// Reads what is new and tells it: when this returns, everything that was committed when it was called was told. Callers that
    /// wait for a reading under way share the next one.
    pub(crate) async fn poll(&self, db: &Db) -> Result<(), DbError> {
        let asked = self.clock.monotonic();
        let _turn = self.reading.lock().await;
        if u128::from(self.confirmed.load(Ordering::Acquire)) > asked.as_micros() {
            return Ok(());
        }
        let started = self.clock.monotonic();
        let started_wall = self.clock.now();
        let from = self.position.lock().clone();
        let now = db.now();
        let since = if from.next == Position::BEGINNING {
            now.minus(BEFORE.saturating_add(started.saturating_sub(self.opened)))
        } else {
            Timestamp::MIN
        };
        let readings = db
            .global()
            .all(&READ, &values![from.next, from.snapshot, since, now], reading)
            .await?;
        let took = self.clock.monotonic().saturating_sub(started);
        let ended_wall = self.clock.now();
        let server_time = readings.first().and_then(|reading| reading.server_time);
        let changes = self.advance(readings);
        self.publish(&changes);
        if let Some(server_time) = server_time {
            let is_precise = took < PRECISE || !self.ever.load(Ordering::Acquire);
            let took = i64::try_from(took.as_micros()).unwrap_or(0);
            let passed = ended_wall.as_micros() - started_wall.as_micros();
            if is_precise && (passed - took).unsigned_abs() < STEADY {
                // The server looked at its clock about half-way through.
                self.tell_offset(server_time.as_micros() - started_wall.as_micros() - took / 2);
            }
        }
        let micros = u64::try_from(started.as_micros()).unwrap_or(u64::MAX);
        self.confirmed.fetch_max(micros, Ordering::AcqRel);
        self.ever.store(true, Ordering::Release);
        Ok(())
    }

    fn advance(&self, readings: Vec<Reading>) -> Vec<AccessChange> {
        if let Some(Reading { position: read, .. }) = readings.first() {
            let mut position = self.position.lock();
            *position = if read.next < position.next {
                // The numbers went back: another database stands behind the address (one restored elsewhere, say). What it did
                // before this reading is unknown, so the next one begins anew.
                Position::default()
            } else {
                read.clone()
            };
        }
        readings.into_iter().filter_map(|reading| reading.change).collect()
    }

    fn tell_offset(&self, offset: i64) {
        self.offset.store(offset, Ordering::Release);
        if offset.unsigned_abs() > 1_000_000 {
            tracing::warn!(
                offset_micros = offset,
                "this machine's clock is off from the database's by more than a second"
            );
        }
        for subscriber in self.offset_subscribers.read().iter() {
            subscriber(offset);
        }
    }
}

fn reading(row: &Row<'_>) -> Result<Reading, DbError> {
    let change = match row.get::<Option<String>>(4)? {
        None => None,
        Some(kind) => {
            let kind = ChangeKind::ALL.into_iter().find(|known| known.as_str() == kind);
            Some(AccessChange {
                organization_id: row.optional_id(3)?,
                kind: kind.ok_or_else(|| row.inconsistency(4))?,
                subject: row.get(5)?,
                until: row.get(6)?,
            })
        }
    };
    Ok(Reading {
        position: Position {
            next: row.get(0)?,
            snapshot: row.get(1)?,
        },
        server_time: row.get(2)?,
        change,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(next: i64) -> Vec<Reading> {
        let snapshot = format!("{next}:{next}:");
        vec![Reading {
            position: Position { next, snapshot },
            server_time: None,
            change: None,
        }]
    }

    #[test]
    fn a_database_whose_numbers_go_back_is_read_anew() {
        let feed = Feed::new();
        feed.advance(read(12));
        assert_eq!(feed.position.lock().next, 12);
        feed.advance(read(6));
        assert_eq!(*feed.position.lock(), Position::default());
        feed.advance(read(6));
        assert_eq!(feed.position.lock().next, 6);
    }

    #[test]
    fn a_feed_never_read_is_not_fresh() {
        assert!(!Feed::new().is_fresh());
    }
}
