//! SQLite: each worker thread reads in place over a connection of its own, one thread writes and commits what waits as one group.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rusqlite::{Connection, ErrorCode, OpenFlags, Row};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::Fatal;
use crate::json::{Body, Micros, Organization};
use crate::store::{Failure, NewOrganization, Store};

const GET: &str =
    "SELECT id, name, slug, document, is_active, package_code, created_at, updated_at FROM organizations WHERE id = ?1";
const LIST: &str = "SELECT id, name, slug, document, is_active, package_code, created_at, updated_at FROM organizations ORDER BY id LIMIT ?1";
const TOTAL: &str = "SELECT count(*) FROM organizations";
const ORGANIZATION: &str = "INSERT INTO organizations (id, name, slug, document, is_active, package_code, created_at, updated_at) \
                            VALUES (?1, ?2, ?3, NULL, 1, NULL, ?4, ?4)";
const AUDIT: &str = "INSERT INTO audit_entries (organization_id, id, occurred_at, actor_type, actor_id, actor_name, action, target_type, \
                     target_id, changes) VALUES (?1, ?2, ?3, 'system', ?4, ?5, 'organization.created', 'organization', ?1, ?6)";
const OUTBOX: &str = "INSERT INTO outbox (organization_id, id, occurred_at, event_type, data) VALUES (?1, ?2, ?3, 'organization.created', ?4)";

/// A group is committed at the latest when it has this many creations or this age.
const GROUP: usize = 64;
const AGE: Duration = Duration::from_millis(10);

thread_local! {
    static READER: RefCell<Option<Connection>> = const { RefCell::new(None) };
}

type Answer = oneshot::Sender<Result<Bytes, Failure>>;

/// The store on SQLite.
#[derive(Clone)]
pub(crate) struct Sqlite {
    path: Arc<Path>,
    writer: mpsc::Sender<(NewOrganization, Answer)>,
}

fn open(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "cache_size", -16_384)?;
    Ok(connection)
}

impl Sqlite {
    /// Opens the file and starts the writer thread.
    pub(crate) fn open(path: PathBuf, create_schema: bool) -> Result<Self, Fatal> {
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
        flags.set(OpenFlags::SQLITE_OPEN_CREATE, create_schema);
        let connection = open(&path, flags)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        if create_schema {
            connection.execute_batch(include_str!("../schema/sqlite.sql"))?;
        }
        let (writer, queue) = mpsc::channel();
        std::thread::Builder::new()
            .name("sqlite-writer".into())
            .spawn(move || write_all(&connection, &queue))?;
        Ok(Self {
            path: path.into(),
            writer,
        })
    }

    /// Runs `query` on this thread's connection.
    fn read<T>(&self, query: impl FnOnce(&Connection) -> Result<T, Failure>) -> Result<T, Failure> {
        READER.with_borrow_mut(|reader| match reader {
            Some(connection) => query(connection),
            None => query(reader.insert(open(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY)?)),
        })
    }
}

fn organization<'a>(row: &'a Row<'_>) -> Result<Organization<'a>, Failure> {
    Ok(Organization {
        id: Uuid::from_bytes(row.get(0)?),
        name: row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?,
        slug: row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?,
        document: row.get_ref(3)?.as_str_or_null().map_err(rusqlite::Error::from)?,
        is_active: row.get(4)?,
        package_code: row.get_ref(5)?.as_str_or_null().map_err(rusqlite::Error::from)?,
        created_at: Micros(row.get(6)?),
        updated_at: Micros(row.get(7)?),
    })
}

impl Store for Sqlite {
    async fn get(&self, id: Uuid) -> Result<Option<Bytes>, Failure> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(GET)?;
            let mut rows = statement.query([id.as_bytes()])?;
            match rows.next()? {
                Some(row) => Ok(Some(Body::object(&organization(row)?)?)),
                None => Ok(None),
            }
        })
    }

    async fn list(&self, limit: u32) -> Result<Bytes, Failure> {
        self.read(|connection| {
            let total = connection.prepare_cached(TOTAL)?.query_row([], |row| row.get(0))?;
            let mut statement = connection.prepare_cached(LIST)?;
            let mut rows = statement.query([limit])?;
            let mut body = Body::list(usize::try_from(limit).unwrap_or(0));
            while let Some(row) = rows.next()? {
                body.push(&organization(row)?)?;
            }
            Ok(body.finish(limit, total)?)
        })
    }

    async fn create(&self, new: NewOrganization) -> Result<Bytes, Failure> {
        let (answer, answered) = oneshot::channel();
        self.writer.send((new, answer)).map_err(|_| Failure::Gone)?;
        answered.await.map_err(|_| Failure::Gone)?
    }
}

/// The writer thread: takes what waits, never waits for company, answers after COMMIT. Ends with the last sender.
fn write_all(connection: &Connection, queue: &mpsc::Receiver<(NewOrganization, Answer)>) {
    let mut group = Vec::with_capacity(GROUP);
    while let Ok(first) = queue.recv() {
        let started = Instant::now();
        let committed = connection.execute_batch("BEGIN IMMEDIATE").and_then(|()| {
            let mut next = Some(first);
            while let Some((new, answer)) = next {
                let written = insert(connection, &new).map(|()| new.body());
                group.push((answer, written));
                next = if group.len() < GROUP && started.elapsed() < AGE {
                    queue.try_recv().ok()
                } else {
                    None
                };
            }
            connection.execute_batch("COMMIT")
        });
        if committed.is_err() {
            // A failed COMMIT may leave the transaction open; where it does not, there is nothing to roll back.
            let _ = connection.execute_batch("ROLLBACK");
        }
        for (answer, written) in group.drain(..) {
            // A client that went away is not told.
            let _ = answer.send(if committed.is_ok() { written } else { Err(Failure::Gone) });
        }
    }
}

/// The three rows. Only the first can be refused, so a refusal leaves nothing behind and the group needs no savepoints.
fn insert(connection: &Connection, new: &NewOrganization) -> Result<(), Failure> {
    connection
        .prepare_cached(ORGANIZATION)?
        .execute((new.id.as_bytes(), &new.name, &new.slug, new.now))
        .map_err(|error| {
            if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) {
                Failure::Duplicate
            } else {
                Failure::Sqlite(error)
            }
        })?;
    connection.prepare_cached(AUDIT)?.execute((
        new.id.as_bytes(),
        new.audit_id.as_bytes(),
        new.now,
        NewOrganization::ACTOR.as_bytes(),
        NewOrganization::ACTOR_NAME,
        &new.changes,
    ))?;
    connection
        .prepare_cached(OUTBOX)?
        .execute((new.id.as_bytes(), new.event_id.as_bytes(), new.now, &new.data))?;
    Ok(())
}
