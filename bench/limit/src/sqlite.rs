//! SQLite: each thread reads in place over a connection of its own, one thread writes and commits what waits as one group.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, mpsc};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, Row};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::organization::{self, NewOrganization};
use crate::role::NewRole;
use crate::{Failure, PAGE, user};

const PLATFORM: &str = "SELECT id FROM organizations WHERE slug = 'platform'";
const ORGANIZATION: &str = "INSERT INTO organizations (id, name, name_folded, slug, is_active, created_at, updated_at) \
                            VALUES (?1, ?2, ?3, ?4, 1, ?5, ?5)";
const COUNT: &str = "INSERT INTO organization_counts (slot, count) SELECT coalesce((SELECT slot FROM organization_counts ORDER BY slot LIMIT 1), ?1), 1 \
     WHERE TRUE ON CONFLICT (slot) DO UPDATE SET count = count + 1";
const AUDIT: &str = "INSERT INTO audit_entries (organization_id, id, occurred_at, actor_kind, actor_id, actor_name, action, \
                     target_kind, target_id, changes, request_id, ip) \
                     VALUES (?1, ?2, ?3, 'service_account', ?4, ?5, 'organization.created', 'organization', ?6, ?7, ?8, ?9)";
const OUTBOX: &str = "INSERT INTO outbox_events (organization_id, id, occurred_at, type, subject_kind, subject_id, data) \
                      VALUES (?1, ?2, ?3, 'organization.created', 'organization', ?1, ?4)";
const QUEUE: &str = "INSERT INTO outbox_queue (organization_id, event_id) VALUES (?1, ?2)";
const ROLE: &str = "INSERT INTO roles (organization_id, id, code, name, name_folded, created_at, updated_at) \
                    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)";
const ROLE_AUDIT: &str = "INSERT INTO audit_entries (organization_id, id, occurred_at, actor_kind, actor_id, actor_name, action, \
                          target_kind, target_id, changes, request_id, ip) \
                          VALUES (?1, ?2, ?3, 'user', ?4, ?5, 'role.created', 'role', ?6, ?7, ?8, ?9)";
const ROLE_OUTBOX: &str = "INSERT INTO outbox_events (organization_id, id, occurred_at, type, subject_kind, subject_id, data) \
                           VALUES (?1, ?2, ?3, 'role.created', 'role', ?4, ?5)";

static GET: LazyLock<String> = LazyLock::new(organization::get);
static LIST: LazyLock<String> = LazyLock::new(organization::list);
static USER: LazyLock<String> = LazyLock::new(user::get);
static USERS: LazyLock<String> = LazyLock::new(|| user::list(PAGE + 1));

/// A group is committed at the latest when it has this many creations or this age.
const GROUP: usize = 64;
const AGE: Duration = Duration::from_millis(10);

thread_local! {
    static READER: RefCell<Option<Connection>> = const { RefCell::new(None) };
}

/// What the writer thread has to write, and whom it tells: who asked gets its creation back.
enum Job {
    Organization(NewOrganization, oneshot::Sender<Result<NewOrganization, Failure>>),
    Role(NewRole, oneshot::Sender<Result<NewRole, Failure>>),
}

/// Tells one who asked: that it is on the disk, or that the group's COMMIT failed.
type Answer = Box<dyn FnOnce(bool)>;

/// The database in a SQLite file; one file a process, since each thread keeps one reading connection.
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
        self.writer
            .send(Job::Organization(new, answer))
            .map_err(|_| Failure::Gone)?;
        answered.await.map_err(|_| Failure::Gone)?
    }

    /// One user of an organization by key.
    ///
    /// # Errors
    /// What the driver or `map` says.
    pub fn user<T>(
        &self,
        organization: Uuid,
        id: Uuid,
        map: impl FnOnce(&Row<'_>) -> Result<T, Failure>,
    ) -> Result<Option<T>, Failure> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&USER)?;
            let mut rows = statement.query([organization.as_bytes(), id.as_bytes()])?;
            rows.next()?.map(map).transpose()
        })
    }

    /// Hands the first [`PAGE`] users of an organization in the order of their names, and the one that follows, to `each`. The column after the
    /// user's is the total.
    ///
    /// # Errors
    /// What the driver or `each` says.
    pub fn users(
        &self,
        organization: Uuid,
        mut each: impl FnMut(&Row<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&USERS)?;
            let mut rows = statement.query([organization.as_bytes()])?;
            while let Some(row) = rows.next()? {
                each(row)?;
            }
            Ok(())
        })
    }

    /// One role, its audit entry and its event in one transaction; answers when it is on the disk, and gives the creation back.
    ///
    /// # Errors
    /// [`Failure::Duplicate`], or what the driver says.
    pub async fn create_role(&self, new: NewRole) -> Result<NewRole, Failure> {
        let (answer, answered) = oneshot::channel();
        self.writer.send(Job::Role(new, answer)).map_err(|_| Failure::Gone)?;
        answered.await.map_err(|_| Failure::Gone)?
    }
}

impl Job {
    /// Writes its rows; the answer waits for the COMMIT.
    fn write(self, connection: &Connection, platform: Uuid) -> Answer {
        match self {
            Self::Organization(new, answer) => {
                let written = insert(connection, platform, &new).map(|()| new);
                later(answer, written)
            }
            Self::Role(new, answer) => {
                let written = insert_role(connection, &new).map(|()| new);
                later(answer, written)
            }
        }
    }
}

fn later<T: 'static>(answer: oneshot::Sender<Result<T, Failure>>, written: Result<T, Failure>) -> Answer {
    Box::new(move |committed| {
        // A client that went away is not told.
        let _ = answer.send(if committed { written } else { Err(Failure::Gone) });
    })
}

/// The writer thread: takes what waits, never waits for company, answers after COMMIT. Ends with the last sender.
fn write_all(connection: &Connection, platform: Uuid, queue: &mpsc::Receiver<Job>) {
    let mut group = Vec::with_capacity(GROUP);
    while let Ok(first) = queue.recv() {
        let started = Instant::now();
        let committed = connection.execute_batch("BEGIN IMMEDIATE").and_then(|()| {
            let mut next = Some(first);
            while let Some(job) = next {
                group.push(job.write(connection, platform));
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
        for answer in group.drain(..) {
            answer(committed.is_ok());
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
        .map_err(duplicate)?;
    connection.prepare_cached(COUNT)?.execute((new.slot(),))?;
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

/// The rows of a role. As of an organization, only the first can be refused.
fn insert_role(connection: &Connection, new: &NewRole) -> Result<(), Failure> {
    let (organization, id) = (new.organization.as_bytes(), new.id.as_bytes());
    connection
        .prepare_cached(ROLE)?
        .execute((organization, id, &new.code, &new.name, &new.folded, new.now))
        .map_err(duplicate)?;
    connection.prepare_cached(ROLE_AUDIT)?.execute((
        organization,
        new.audit_id.as_bytes(),
        new.now,
        new.actor.as_bytes(),
        NewRole::ACTOR_NAME,
        id,
        &new.changes.0,
        NewRole::REQUEST_ID,
        NewRole::IP,
    ))?;
    let event = new.event_id.as_bytes();
    connection
        .prepare_cached(ROLE_OUTBOX)?
        .execute((organization, event, new.now, id, &new.data.0))?;
    connection.prepare_cached(QUEUE)?.execute((organization, event))?;
    Ok(())
}

fn duplicate(error: rusqlite::Error) -> Failure {
    if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) {
        Failure::Duplicate
    } else {
        Failure::Sqlite(error)
    }
}
