//! The idempotency record: the first answer to a key, stored with the change and replayed.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::join;
use kernel::{Actor, Id, OrganizationId};
use parking_lot::Mutex;
use uuid::Uuid;

use super::{Core, Session};
use crate::error::DbError;
use crate::row::{All, Row};
use crate::sql::{Engine, Sql};
use crate::values;

/// How long an answer is kept.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

const LOOKUP: Sql = Sql::tenant(
    "SELECT fingerprint, status, headers, body FROM idempotency_records \
     WHERE organization_id = $1 AND actor_kind = $2 AND actor_id = $3 AND key = $4 AND expires_at > $5",
);
const STORE: Sql = Sql::tenant(
    "INSERT INTO idempotency_records (organization_id, actor_kind, actor_id, key, fingerprint, status, headers, body, \
     created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
     ON CONFLICT (organization_id, actor_kind, actor_id, key) DO UPDATE SET fingerprint = excluded.fingerprint, \
     status = excluded.status, headers = excluded.headers, body = excluded.body, created_at = excluded.created_at, \
     expires_at = excluded.expires_at",
);
const LOCK: Sql = Sql::global("SELECT pg_try_advisory_xact_lock($1)");

/// The statements of this file that both engines run.
pub(crate) const STATEMENTS: &[Sql] = &[LOOKUP, STORE];

/// A key and the request it stands for.
#[derive(Debug, Clone)]
pub struct IdempotencyRequest {
    /// The client's key, 1 to 255 characters.
    pub key: String,
    /// SHA-256 over method, path, query and the body's digest.
    pub fingerprint: [u8; 32],
}

/// An answer as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The headers that belong to the answer (`Location`, `ETag`, `Content-Type`).
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Something whose form can be kept. `None` means that it must not be: an answer that is not the unit's own.
pub trait Answerable {
    /// The form to keep.
    fn store(&self) -> Option<StoredAnswer>;
}

/// An answer that can be given again.
pub trait Replayable: Answerable {
    /// The kept answer, marked as a replay.
    fn replay(stored: StoredAnswer) -> Self;
}

/// A unit's key, with the three things only its types know how to do.
pub(crate) struct Keyed<T, E> {
    pub(crate) request: IdempotencyRequest,
    pub(crate) store_answer: fn(&T) -> Option<StoredAnswer>,
    pub(crate) store_refusal: fn(&E) -> Option<StoredAnswer>,
    pub(crate) replay: fn(StoredAnswer) -> T,
}

impl<T: Replayable, E: Answerable> Keyed<T, E> {
    pub(crate) fn new(request: IdempotencyRequest) -> Self {
        Self {
            request,
            store_answer: T::store,
            store_refusal: E::store,
            replay: T::replay,
        }
    }
}

/// Keys being worked on in this process: SQLite's stand-in for PostgreSQL's advisory lock.
#[derive(Default)]
pub(crate) struct InProgress(Mutex<HashSet<(OrganizationId, Uuid, String)>>);

/// A key's turn; given back when dropped.
pub(crate) struct Turn {
    keys: Arc<InProgress>,
    key: (OrganizationId, Uuid, String),
}

impl InProgress {
    pub(crate) fn enter(
        self: &Arc<Self>,
        organization_id: OrganizationId,
        actor: &Actor,
        key: &str,
    ) -> Result<Turn, DbError> {
        let key = (organization_id, actor.id, key.to_owned());
        if self.0.lock().insert(key.clone()) {
            Ok(Turn {
                keys: Arc::clone(self),
                key,
            })
        } else {
            Err(DbError::IdempotencyInProgress)
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.keys.0.lock().remove(&self.key);
    }
}

struct Record {
    fingerprint: Vec<u8>,
    answer: StoredAnswer,
}

fn record(row: &Row<'_>) -> Result<Record, DbError> {
    let status = u16::try_from(row.get::<i64>(1)?).map_err(|_| row.inconsistency(1))?;
    let headers = serde_json::from_str(&row.get::<String>(2)?).map_err(|_| row.inconsistency(2))?;
    Ok(Record {
        fingerprint: row.get(0)?,
        answer: StoredAnswer {
            status,
            headers,
            body: row.get(3)?,
        },
    })
}

/// Takes the key's turn and looks for its answer.
pub(crate) async fn gate(core: &Core, request: &IdempotencyRequest) -> Result<Option<StoredAnswer>, DbError> {
    let actor = &core.context.actor;
    let organization_id = core.context.organization_id;
    let bound = values![
        organization_id.as_uuid(),
        actor.kind.as_str(),
        actor.id,
        request.key.as_str(),
        core.now
    ];
    let mut found = match &core.session {
        Session::Sqlite(_) => {
            let mut all = All::new(record);
            core.read(&LOOKUP, &bound, &mut all).await?;
            all.rows
        }
        Session::Postgres(transaction) => {
            let lock = transaction.prepare(LOCK.text(Engine::Postgres)).await?;
            let lookup = transaction.prepare(LOOKUP.text(Engine::Postgres)).await?;
            let name = values![lock_key(organization_id, actor, &request.key)];
            // In one flight, in this order: the look-up sees what was committed when the lock had been taken.
            let (locked, found) = join!(
                transaction.rows_of(&lock, &name, |row| row.get::<bool>(0)),
                transaction.rows_of(&lookup, &bound, record),
            );
            if locked? != [true] {
                return Err(DbError::IdempotencyInProgress);
            }
            found?
        }
    };
    let Some(record) = found.pop() else {
        return Ok(None);
    };
    if record.fingerprint == request.fingerprint {
        Ok(Some(record.answer))
    } else {
        Err(DbError::IdempotencyMismatch)
    }
}

/// Keeps the answer, in the same transaction as what it answers for.
pub(crate) async fn store(core: &Core, request: &IdempotencyRequest, answer: &StoredAnswer) -> Result<(), DbError> {
    let actor = &core.context.actor;
    let headers = serde_json::to_string(&answer.headers).map_err(|error| DbError::Internal(error.to_string()))?;
    core.send(
        &STORE,
        &[
            core.context.organization_id.as_uuid().into(),
            actor.kind.as_str().into(),
            actor.id.into(),
            request.key.as_str().into(),
            request.fingerprint.as_slice().into(),
            answer.status.into(),
            crate::Value::Json(headers.into()),
            answer.body.as_slice().into(),
            core.now.into(),
            core.now.plus(KEPT).into(),
        ],
    )
    .await
}

/// A 64-bit name for (organization, actor, key). Two that collide only wait for each other's turn.
fn lock_key(organization_id: OrganizationId, actor: &Actor, key: &str) -> i64 {
    use sha2::{Digest, Sha256};
    let digest = Sha256::new()
        .chain_update(organization_id.as_uuid().as_bytes())
        .chain_update(actor.kind.as_str())
        .chain_update(actor.id.as_bytes())
        .chain_update(key)
        .finalize();
    digest
        .iter()
        .take(8)
        .fold(0_i64, |name, byte| (name << 8) | i64::from(*byte))
}
