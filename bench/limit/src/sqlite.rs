//! SQLite: each thread reads in place over a connection of its own, one thread writes and commits what waits as one group.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, mpsc};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, Row};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::Failure;
use crate::organization::{self, NewOrganization};

const PLATFORM: &str = "SELECT id FROM organizations WHERE slug = 'platform'";
const ORGANIZATION: &str = "INSERT INTO organizations (id, name, name_folded, slug, is_active, created_at, updated_at) \
                            VALUES (?1, ?2, ?3, ?4, 1, ?5, ?5)";
const AUDIT: &str = "INSERT INTO audit_entries (organization_id, id, occurred_at, actor_kind, actor_id, actor_name, action, \
                     target_kind, target_id, changes, request_id, ip) \
                     VALUES (?1, ?2, ?3, 'service_account', ?4, ?5, 'organization.created', 'organization', ?6, ?7, ?8, ?9)";
const OUTBOX: &str = "INSERT INTO outbox_events (organization_id, id, occurred_at, type, subject_kind, subject_id, data) \
                      VALUES (?1, ?2, ?3, 'organization.created', 'organization', ?1, ?4)";
const QUEUE: &str = "INSERT INTO outbox_queue (organization_id, event_id) VALUES (?1, ?2)";

static GET: LazyLock<String> = LazyLock::new(organization::get);
static LIST: LazyLock<String> = LazyLock::new(organization::list);

/// A group is committed at the latest when it has this many creations or this age.
const GROUP: usize = 64;
const AGE: Duration = Duration::from_millis(10);

thread_local! {
    static READER: RefCell<Option<Connection>> = const { RefCell::new(None) };
}

type Job = (NewOrganization, oneshot::Sender<Result<NewOrganization, Failure>>);

/// The organizations in a SQLite file; one file a process, since each thread keeps one reading connection.
#[derive(Debug)]
pub struct Sqlite {
    path: PathBuf,
    writer: mpsc::Sender<Job>,
}

fn open(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "cache_size", -16_384)?;
    Ok(connection)
}

impl Sqlite {
    /// Opens the file and starts the writer thread.
    ///
    /// # Errors
    /// When the file is not there.
    pub fn open(path: PathBuf) -> Result<Self, Failure> {
        let connection = open(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        let platform = connection
            .query_row(PLATFORM, [], |row| row.get(0))
            .map(Uuid::from_bytes)?;
        let (writer, queue) = mpsc::channel();
        std::thread::Builder::new()
            .name("sqlite-writer".into())
            .spawn(move || write_all(&connection, platform, &queue))?;
        Ok(Self { path, writer })
    }

    /// Runs `query` on this thread's connection.
    fn read<T>(&self, query: impl FnOnce(&Connection) -> Result<T, Failure>) -> Result<T, Failure> {
        READER.with_borrow_mut(|reader| match reader {
            Some(connection) => query(connection),
            None => query(reader.insert(open(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY)?)),
        })
    }

    /// One organization by key.
    ///
    /// # Errors
    /// What the driver or `map` says.
    pub fn get<T>(&self, id: Uuid, map: impl FnOnce(&Row<'_>) -> Result<T, Failure>) -> Result<Option<T>, Failure> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&GET)?;
            let mut rows = statement.query([id.as_bytes()])?;
            rows.next()?.map(map).transpose()
        })
    }

    /// Hands the first `limit` organizations in the order of their names to `each`. The column after the organization's is
    /// the total.
    ///
    /// # Errors
    /// What the driver or `each` says.
    pub fn list(&self, limit: u32, mut each: impl FnMut(&Row<'_>) -> Result<(), Failure>) -> Result<(), Failure> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&LIST)?;
            let mut rows = statement.query([limit])?;
            while let Some(row) = rows.next()? {
                each(row)?;
            }
            Ok(())
        })
    }

    /// One organization, its audit entries and its event in one transaction; answers when it is on the disk, and gives the creation back.
    ///
    /// # Errors
    /// [`Failure::Duplicate`], or what the driver says.
    pub async fn create(&self, new: NewOrganization) -> Result<NewOrganization, Failure> {
        let (answer, answered) = oneshot::channel();
        self.writer.send((new, answer)).map_err(|_| Failure::Gone)?;
        answered.await.map_err(|_| Failure::Gone)?
    }
}

/// The writer thread: takes what waits, never waits for company, answers after COMMIT. Ends with the last sender.
fn write_all(connection: &Connection, platform: Uuid, queue: &mpsc::Receiver<Job>) {
    let mut group = Vec::with_capacity(GROUP);
    while let Ok(first) = queue.recv() {
        let started = Instant::now();
        let committed = connection.execute_batch("BEGIN IMMEDIATE").and_then(|()| {
            let mut next = Some(first);
            while let Some((new, answer)) = next {
                let written = insert(connection, platform, &new).map(|()| new);
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

/// The rows. Only the first can be refused, so a refusal leaves nothing behind and the group needs no savepoints.
fn insert(connection: &Connection, platform: Uuid, new: &NewOrganization) -> Result<(), Failure> {
    let id = new.id.as_bytes();
    let organization = (id, &new.name, &new.folded, &new.slug, new.now);
    connection
        .prepare_cached(ORGANIZATION)?
        .execute(organization)
        .map_err(|error| {
            if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) {
                Failure::Duplicate
            } else {
                Failure::Sqlite(error)
            }
        })?;
    let mut audit = connection.prepare_cached(AUDIT)?;
    for (trail, audit_id) in [platform, new.id].iter().zip(&new.audit_ids) {
        audit.execute((
            trail.as_bytes(),
            audit_id.as_bytes(),
            new.now,
            NewOrganization::ACTOR.as_bytes(),
            NewOrganization::ACTOR_NAME,
            id,
            &new.changes.0,
            NewOrganization::REQUEST_ID,
            NewOrganization::IP,
        ))?;
    }
    connection
        .prepare_cached(OUTBOX)?
        .execute((id, new.event_id.as_bytes(), new.now, &new.data.0))?;
    connection
        .prepare_cached(QUEUE)?
        .execute((id, new.event_id.as_bytes()))?;
    Ok(())
}
