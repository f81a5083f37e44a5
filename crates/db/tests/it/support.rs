//! A database with one small context, and the ways in which the tests use it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use db::migrate::{self, Destructive, Migrations, Step};
use db::{
    Answerable, Db, DbConfig, DbError, Engine, IdempotencyRequest, Replayable, Row, Scope, Sql, StoredAnswer,
    SystemScope, UnitContext, UnitOfWork, values,
};
use kernel::{Actor, ActorKind, DomainEvent, Generators, ManualClock, OrganizationId, Subject};
use lastro_db as db;
use testkit::{postgres, sqlite};
use uuid::Uuid;

/// The test context: one tenant table, one that refers to it, one that refuses some values.
pub(crate) const NOTES: Migrations = Migrations {
    context: "notes",
    steps: &[Step {
        file: "0001_notes",
        sqlite: "
            CREATE TABLE notes (
                organization_id BLOB NOT NULL,
                id BLOB NOT NULL,
                text TEXT NOT NULL,
                text_folded TEXT NOT NULL,
                place INTEGER NOT NULL,
                CONSTRAINT pk_notes PRIMARY KEY (organization_id, id),
                CONSTRAINT uq_notes__organization_id__text UNIQUE (organization_id, text),
                CONSTRAINT ck_notes__place CHECK (place >= 0)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX ix_notes__place ON notes (organization_id, place, id);
            CREATE TABLE comments (
                organization_id BLOB NOT NULL,
                id BLOB NOT NULL,
                note_id BLOB NOT NULL,
                CONSTRAINT pk_comments PRIMARY KEY (organization_id, id),
                CONSTRAINT fk_comments__notes FOREIGN KEY (organization_id, note_id)
                    REFERENCES notes (organization_id, id)
            ) STRICT, WITHOUT ROWID;",
        postgres: "
            CREATE TABLE notes (
                organization_id uuid NOT NULL,
                id uuid NOT NULL,
                text text COLLATE \"C\" NOT NULL,
                text_folded text COLLATE \"C\" NOT NULL,
                place bigint NOT NULL,
                CONSTRAINT pk_notes PRIMARY KEY (organization_id, id),
                CONSTRAINT uq_notes__organization_id__text UNIQUE (organization_id, text),
                CONSTRAINT ck_notes__place CHECK (place >= 0)
            );
            CREATE INDEX ix_notes__place ON notes (organization_id, place, id);
            SELECT lastro_tenant_table('notes');
            CREATE TABLE comments (
                organization_id uuid NOT NULL,
                id uuid NOT NULL,
                note_id uuid NOT NULL,
                CONSTRAINT pk_comments PRIMARY KEY (organization_id, id),
                CONSTRAINT fk_comments__notes FOREIGN KEY (organization_id, note_id)
                    REFERENCES notes (organization_id, id)
            );
            SELECT lastro_tenant_table('comments');",
    }],
};

pub(crate) const MIGRATIONS: [Migrations; 2] = [migrate::CORE, NOTES];

pub(crate) const ADD: Sql =
    Sql::tenant("INSERT INTO notes (organization_id, id, text, text_folded, place) VALUES ($1, $2, $3, $4, $5)");
pub(crate) const TEXTS: Sql = Sql::tenant("SELECT text FROM notes WHERE organization_id = $1 ORDER BY text").point();
pub(crate) const MOVE: Sql = Sql::tenant("UPDATE notes SET place = $3 WHERE organization_id = $1 AND id = $2");

/// One database of one test, with a clock that stands still.
pub(crate) struct Fixture {
    pub(crate) db: Db,
    pub(crate) clock: Arc<ManualClock>,
    url: String,
    kept: Kept,
}

/// What disappears with the test.
enum Kept {
    File(sqlite::TestFile),
    Database(postgres::TestDatabase),
}

/// The beginning of every test's time.
pub(crate) const BEGINNING: &str = "2026-11-21T12:00:00Z";

/// Two handles on one database must not make the same ids.
static SEED: AtomicU64 = AtomicU64::new(1);

pub(crate) fn manual_clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(BEGINNING.parse().unwrap()))
}

pub(crate) fn generators(clock: &Arc<ManualClock>) -> Generators {
    Generators::seeded(Arc::clone(clock), SEED.fetch_add(1, Ordering::Relaxed))
}

/// A name for the template of a database migrated so far.
fn template_key(engine: Engine) -> String {
    let steps = MIGRATIONS.iter().flat_map(|set| set.steps);
    let sums: Vec<String> = steps.map(|step| step.checksum(engine)).collect();
    format!("db: {}", sums.join(" "))
}

pub(crate) async fn migrated(url: String) -> Result<(), migrate::MigrateError> {
    let config = DbConfig::new(url);
    migrate::run(&config, &MIGRATIONS, Destructive::Refuse, &mut |_| {})
        .await
        .map(drop)
}

impl Fixture {
    /// A migrated database on the engine; none where there is no PostgreSQL.
    pub(crate) async fn start(engine: Engine) -> Option<Self> {
        Self::with(engine, |config| config).await
    }

    /// The same, opened with other bounds.
    pub(crate) async fn with(engine: Engine, change: impl FnOnce(DbConfig) -> DbConfig) -> Option<Self> {
        let key = template_key(engine);
        let (kept, url) = match engine {
            Engine::Sqlite => {
                let migrate = |path: std::path::PathBuf| migrated(format!("sqlite://{}", path.display()));
                let file = sqlite::database(&key, migrate).await.unwrap();
                let url = file.url();
                (Kept::File(file), url)
            }
            Engine::Postgres => {
                let server = postgres::server().unwrap()?;
                let database = server.database(&key, migrated).await.unwrap();
                let url = database.url();
                (Kept::Database(database), url)
            }
        };
        let clock = manual_clock();
        let db = Db::open(change(DbConfig::new(&url)), generators(&clock)).unwrap();
        Some(Self { db, clock, url, kept })
    }

    /// The owner's address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The file of a SQLite database.
    pub(crate) fn file(&self) -> &sqlite::TestFile {
        match &self.kept {
            Kept::File(file) => file,
            Kept::Database(_) => panic!("a database of a server is no file"),
        }
    }

    /// The server's part of a PostgreSQL database.
    pub(crate) fn database(&self) -> &postgres::TestDatabase {
        match &self.kept {
            Kept::Database(database) => database,
            Kept::File(_) => panic!("a file is not on a server"),
        }
    }

    /// Another handle on the same database, as another node has.
    pub(crate) fn another(&self, change: impl FnOnce(DbConfig) -> DbConfig) -> Db {
        Db::open(change(DbConfig::new(&self.url)), generators(&self.clock)).unwrap()
    }

    /// One column of text from outside, as the owner.
    pub(crate) async fn look(&self, sql: &str) -> Vec<String> {
        let rows = db::admin::query(&self.url, sql).await.unwrap();
        rows.into_iter()
            .map(|row| row.into_iter().next().flatten().unwrap_or_default())
            .collect()
    }

    /// How many rows the query behind FROM finds.
    pub(crate) async fn count(&self, from: &str) -> usize {
        let found = self.look(&format!("SELECT CAST(count(*) AS TEXT) FROM {from}")).await;
        found[0].parse().unwrap()
    }

    /// The organization's notes, as every reader sees them.
    pub(crate) async fn notes(&self, organization: OrganizationId) -> Vec<String> {
        self.db.scope(organization).all(&TEXTS, &[], text).await.unwrap()
    }

    /// That the notes, their audit entries and their events are the same number.
    pub(crate) async fn whole(&self, notes: usize) {
        for table in ["notes", "audit_entries", "outbox_events"] {
            assert_eq!(self.count(table).await, notes, "{table}");
        }
    }

    /// That a further unit succeeds and is seen.
    pub(crate) async fn goes_on(&self, organization: OrganizationId) {
        let name = format!("and on {}", SEED.fetch_add(1, Ordering::Relaxed));
        self.db
            .write(unit(organization), adding(organization, &name))
            .await
            .unwrap();
        assert!(self.notes(organization).await.contains(&name));
    }
}

pub(crate) fn text(row: &Row<'_>) -> Result<String, DbError> {
    row.get(0)
}

pub(crate) fn organization(number: u128) -> OrganizationId {
    kernel::Id::from_uuid(Uuid::from_u128(number))
}

pub(crate) fn actor() -> Actor {
    Actor {
        kind: ActorKind::User,
        id: Uuid::from_u128(0xac),
        name: "Ana".to_owned(),
    }
}

/// A unit inside one organization.
pub(crate) fn unit(organization: OrganizationId) -> UnitContext {
    UnitContext::tenant(actor(), organization)
}

/// A unit across organizations.
pub(crate) fn system_unit(organization: OrganizationId) -> UnitContext {
    UnitContext::system(actor(), organization, SystemScope::new("a test"))
}

/// Something that happened to a note.
pub(crate) fn event(id: Uuid, text: &str) -> DomainEvent {
    let subject = Subject { kind: "note", id };
    DomainEvent::new("note.created", subject).changed("text", kernel::FieldValue::Null, text)
}

pub(crate) fn new_id(uow: &UnitOfWork) -> Uuid {
    Uuid::from_bytes(uow.generators().bytes())
}

/// Adds a note, waits for the answer and records the event.
pub(crate) async fn add(uow: &UnitOfWork, organization: OrganizationId, text: &str) -> Result<Uuid, DbError> {
    let id = new_id(uow);
    let row = values![id, text, kernel::fold(text), 0_i64];
    uow.scope(organization).execute(&ADD, &row).await?;
    uow.record(organization, event(id, text), format!("{{\"text\":\"{text}\"}}"));
    Ok(id)
}

/// Adds a note and leaves its answer to the COMMIT.
pub(crate) async fn send(uow: &UnitOfWork, organization: OrganizationId, text: &str) -> Result<Uuid, DbError> {
    let id = new_id(uow);
    let row = values![id, text, kernel::fold(text), 0_i64];
    uow.scope(organization).send(&ADD, &row).await?;
    uow.record(organization, event(id, text), format!("{{\"text\":\"{text}\"}}"));
    Ok(id)
}

type Work<T> = std::pin::Pin<Box<dyn Future<Output = Result<T, DbError>> + Send>>;

/// The closure that adds one note.
pub(crate) fn adding(
    organization: OrganizationId,
    text: &str,
) -> impl Fn(UnitOfWork) -> Work<Uuid> + Send + Sync + 'static + use<> {
    let text = text.to_owned();
    move |uow| {
        let text = text.clone();
        Box::pin(async move { add(&uow, organization, &text).await })
    }
}

/// A defect of a closure.
pub(crate) fn spill<T>() -> T {
    panic!("spilt")
}

/// An answer that can be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) body: String,
    pub(crate) replayed: bool,
}

impl Told {
    pub(crate) fn new(body: impl Into<String>) -> Self {
        Self {
            body: body.into(),
            replayed: false,
        }
    }
}

impl Answerable for Told {
    fn store(&self) -> Option<StoredAnswer> {
        Some(StoredAnswer {
            status: 201,
            headers: vec![("location".to_owned(), "/notes/1".to_owned())],
            body: self.body.clone().into_bytes(),
        })
    }
}

impl Replayable for Told {
    fn replay(stored: StoredAnswer) -> Self {
        let headers = stored.headers;
        assert!(headers.is_empty() || headers == [("location".to_owned(), "/notes/1".to_owned())]);
        Self {
            body: format!("{} {}", stored.status, String::from_utf8(stored.body).unwrap()),
            replayed: true,
        }
    }
}

/// A refusal: of the domain, which is an answer and kept, or of the storage, which is not.
#[derive(Debug, Clone)]
pub(crate) enum Refusal {
    Own(&'static str),
    Broken,
    Storage(DbError),
}

impl From<DbError> for Refusal {
    fn from(error: DbError) -> Self {
        Self::Storage(error)
    }
}

impl Answerable for Refusal {
    fn store(&self) -> Option<StoredAnswer> {
        match self {
            Self::Own(body) => Some(StoredAnswer {
                status: 409,
                headers: Vec::new(),
                body: body.as_bytes().to_vec(),
            }),
            Self::Storage(DbError::Unique { .. }) => Some(StoredAnswer {
                status: 409,
                headers: Vec::new(),
                body: b"duplicate".to_vec(),
            }),
            Self::Broken | Self::Storage(_) => None,
        }
    }
}

pub(crate) fn key(key: &str, fingerprint: u8) -> IdempotencyRequest {
    IdempotencyRequest {
        key: key.to_owned(),
        fingerprint: [fingerprint; 32],
    }
}

/// Waits until `condition` holds, for at most `limit` of real time.
pub(crate) async fn eventually<Fut: Future<Output = bool>>(limit: Duration, what: &str, condition: impl Fn() -> Fut) {
    let waited = tokio::time::timeout(limit, async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    assert!(waited.await.is_ok(), "in {limit:?} it did not happen that {what}");
}

/// Reads with a scope whatever the statement, for statements that a test makes up.
pub(crate) async fn texts(scope: impl Into<Scope<'_>>, sql: &Sql<'_>) -> Result<Vec<String>, DbError> {
    scope.into().all(sql, &[], text).await
}

/// Runs each test on both engines, each time with a database of its own. On a machine without PostgreSQL that half passes
/// without having run; the last line of the suite says so, and where PostgreSQL is required it fails instead.
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident($fixture:ident: $kind:ty) $body:block)+) => {$(
        $(#[$meta])*
        mod $name {
            use super::*;

            async fn behaviour($fixture: $kind) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                behaviour(<$kind>::start(lastro_db::Engine::Sqlite).await.unwrap()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(fixture) = <$kind>::start(lastro_db::Engine::Postgres).await {
                    behaviour(fixture).await;
                }
            }
        }
    )+};
}
pub(crate) use on_both;
