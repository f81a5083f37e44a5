//! The same work through the bare driver and through the layer: rows end as the same owned struct, writes as the same rows.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{anyhow, ensure};
use db::list::{List, Listed, Start};
use db::{Db, DbError, Engine, EventId, Origin, Row, Sql, SystemScope, UnitContext, UnitOfWork, Value, values};
use kernel::{
    Actor, ActorKind, Change, Direction, DomainEvent, FieldValue, Id as _, OrganizationId, PageRequest, Timestamp,
};
use lastro_bench_limit::organization::{NewOrganization, Organization, TOTAL};
use lastro_bench_limit::{Failure, Micros};
use uuid::Uuid;

use crate::database::{Bare, Database, found};
use crate::paired::Operation;

/// Rows of a list or a page.
const ROWS: u32 = 50;

const COLUMNS: &str = "id, name, slug, document, is_active, package_code, created_at, updated_at";
const GET: Sql = Sql::global(
    "SELECT id, name, slug, document, is_active, package_code, created_at, updated_at FROM organizations WHERE id = $1",
)
.point();
/// The text of the bare driver's list, so that the layer is all that differs.
const LIST: Sql = Sql::global(
    "SELECT id, name, slug, document, is_active, package_code, created_at, updated_at, \
     (SELECT count(*) FROM organizations) AS total FROM organizations ORDER BY name_folded ASC, id ASC LIMIT $1",
)
.point();
const INSERT: Sql = Sql::global(
    "INSERT INTO organizations (id, name, name_folded, slug, document, is_active, package_code, created_at, updated_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
);

/// An organization as a repository would hand it out.
struct Owned {
    id: Uuid,
    name: String,
    slug: String,
    document: Option<String>,
    is_active: bool,
    package_code: Option<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl Owned {
    /// Reads an organization whose columns begin at `first`.
    fn from_layer(row: &Row<'_>, first: usize) -> Result<Self, DbError> {
        Ok(Self {
            id: row.get(first)?,
            name: row.get(first + 1)?,
            slug: row.get(first + 2)?,
            document: row.get(first + 3)?,
            is_active: row.get(first + 4)?,
            package_code: row.get(first + 5)?,
            created_at: row.get(first + 6)?,
            updated_at: row.get(first + 7)?,
        })
    }

    fn from_bare(row: &Organization<'_>) -> Self {
        Self {
            id: row.id,
            name: row.name.to_owned(),
            slug: row.slug.to_owned(),
            document: row.document.map(str::to_owned),
            is_active: row.is_active,
            package_code: row.package_code.map(str::to_owned),
            created_at: Timestamp::from_micros(row.created_at.0),
            updated_at: Timestamp::from_micros(row.updated_at.0),
        }
    }

    fn from_postgres(row: &tokio_postgres::Row) -> Result<Self, Failure> {
        Ok(Self::from_bare(&Organization::from_postgres(row)?))
    }

    fn from_sqlite(row: &rusqlite::Row<'_>) -> Result<Self, Failure> {
        Ok(Self::from_bare(&Organization::from_sqlite(row)?))
    }

    /// Reads every field, so that none is left out by the compiler.
    fn consume(self) {
        let Self {
            id,
            name,
            slug,
            document,
            is_active,
            package_code,
            created_at,
            updated_at,
        } = self;
        black_box((
            id,
            name,
            slug,
            document,
            is_active,
            package_code,
            created_at,
            updated_at,
        ));
    }
}

/// Which of the two ways.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way {
    Bare,
    Layer,
}

/// A read by key.
pub(crate) struct Get(pub(crate) Arc<Database>, pub(crate) Way);

impl Operation for Get {
    async fn run(&self, number: u64) -> anyhow::Result<()> {
        let Self(database, way) = self;
        let id = database.id(number)?;
        let row = match (way, &database.bare) {
            (Way::Layer, _) => {
                let scope = database.layer.global();
                scope
                    .optional(&GET, &values![id], |row| Owned::from_layer(row, 0))
                    .await?
            }
            (Way::Bare, Bare::Postgres(postgres)) => {
                postgres.get(id).await?.as_ref().map(Owned::from_postgres).transpose()?
            }
            (Way::Bare, Bare::Sqlite(sqlite)) => sqlite.get(id, Owned::from_sqlite)?,
        };
        found(row)?.consume();
        Ok(())
    }
}

/// 50 rows in the order of a name, by one and the same statement.
pub(crate) struct Rows(pub(crate) Arc<Database>, pub(crate) Way);

impl Operation for Rows {
    async fn run(&self, _: u64) -> anyhow::Result<()> {
        let Self(database, way) = self;
        let rows = match way {
            Way::Layer => {
                let scope = database.layer.global();
                scope
                    .all(&LIST, &values![ROWS], |row| Owned::from_layer(row, 0))
                    .await?
            }
            Way::Bare => bare_list(database, ROWS).await?.0,
        };
        ensure!(rows.len() == ROWS as usize, "rows are missing");
        rows.into_iter().for_each(Owned::consume);
        Ok(())
    }
}

/// A page of 50 with the total and whether more follow: through the layer as routes do it, composed for each request.
pub(crate) struct Page(pub(crate) Arc<Database>, pub(crate) Way);

impl Operation for Page {
    async fn run(&self, _: u64) -> anyhow::Result<()> {
        let Self(database, way) = self;
        let listed = match way {
            Way::Layer => {
                let list = List::global("organizations", COLUMNS).order("name_folded", Direction::Ascending);
                let page = PageRequest::new(1, ROWS.into()).map_err(|refused| anyhow!("{refused:?}"))?;
                let scope = database.layer.global();
                list.fetch(scope, &page, Start::Offset, |row| Owned::from_layer(row, 1))
                    .await?
            }
            Way::Bare => {
                let (mut items, total) = bare_list(database, ROWS + 1).await?;
                let has_more = items.len() > ROWS as usize;
                items.truncate(ROWS as usize);
                Listed { items, total, has_more }
            }
        };
        let complete = listed.items.len() == ROWS as usize && listed.has_more && listed.total > 0;
        ensure!(complete, "rows are missing");
        listed.items.into_iter().for_each(Owned::consume);
        Ok(())
    }
}

/// The first rows and the total, by the bare driver.
async fn bare_list(database: &Database, limit: u32) -> anyhow::Result<(Vec<Owned>, u64)> {
    let (mut items, mut total) = (Vec::new(), 0_i64);
    match &database.bare {
        Bare::Postgres(postgres) => {
            let each = |row: &tokio_postgres::Row| {
                if items.is_empty() {
                    total = row.try_get(TOTAL)?;
                }
                items.push(Owned::from_postgres(row)?);
                Ok(())
            };
            postgres.list(limit, each).await?;
        }
        Bare::Sqlite(sqlite) => sqlite.list(limit, |row| {
            if items.is_empty() {
                total = row.get(TOTAL)?;
            }
            items.push(Owned::from_sqlite(row)?);
            Ok(())
        })?,
    }
    Ok((items, u64::try_from(total)?))
}

/// A creation: the row, its audit entries in the platform's trail and in its own, its event.
pub(crate) struct Create(pub(crate) Arc<Database>, pub(crate) Way);

/// Makes every slug of the process unique.
static SLUG: AtomicU64 = AtomicU64::new(0);

impl Operation for Create {
    async fn run(&self, _: u64) -> anyhow::Result<()> {
        let Self(database, way) = self;
        let number = SLUG.fetch_add(1, Ordering::Relaxed);
        let (name, slug) = (format!("Created {number}"), format!("created-{number}"));
        match way {
            Way::Bare => database.bare.create(NewOrganization::new(name, slug)?).await,
            Way::Layer => create(database, name, slug).await,
        }
    }
}

/// Makes the platform organization, which acts in every creation.
pub(crate) async fn create_platform(layer: &Db, platform: OrganizationId) -> Result<(), DbError> {
    let ground = context(platform).unaudited("the ground that the measurements stand on");
    let work = move |uow: UnitOfWork| async move { insert(&uow, platform, "Platform", "platform").await };
    layer.write(ground, work).await
}

fn context(platform: OrganizationId) -> UnitContext {
    let actor = Actor {
        kind: ActorKind::ServiceAccount,
        id: NewOrganization::ACTOR,
        name: NewOrganization::ACTOR_NAME.to_owned(),
    };
    let origin = Origin {
        request_id: Some(NewOrganization::REQUEST_ID.to_owned()),
        ip: NewOrganization::IP.parse().ok(),
        user_agent: None,
    };
    UnitContext::system(actor, platform, SystemScope::new("creations are measured")).from_origin(origin)
}

async fn insert(uow: &UnitOfWork, id: OrganizationId, name: &str, slug: &str) -> Result<(), DbError> {
    let (now, none) = (uow.now(), None::<&str>);
    let row = values![
        id.as_uuid(),
        name,
        name.to_ascii_lowercase(),
        slug,
        none,
        true,
        none,
        now,
        now
    ];
    uow.global().send(&INSERT, &row).await
}

async fn create(database: &Database, name: String, slug: String) -> anyhow::Result<()> {
    let id: OrganizationId = database.generators.id();
    let texts = Arc::new((name, slug));
    let work = move |uow: UnitOfWork| {
        let texts = Arc::clone(&texts);
        async move {
            insert(&uow, id, &texts.0, &texts.1).await?;
            let data = shown(&uow, id, &texts)?;
            uow.record(id, created(id, &texts), data);
            Ok::<_, DbError>(())
        }
    };
    Ok(database.layer.write(context(database.platform), work).await?)
}

/// The data of the event: the organization as clients see it.
fn shown(uow: &UnitOfWork, id: OrganizationId, (name, slug): &(String, String)) -> Result<String, DbError> {
    let now = Micros(uow.now().as_micros());
    let shown = Organization {
        id: id.as_uuid(),
        name,
        slug,
        document: None,
        is_active: true,
        package_code: None,
        created_at: now,
        updated_at: now,
    };
    serde_json::to_string(&shown).map_err(|error| DbError::Internal(error.to_string()))
}

fn created(id: OrganizationId, (name, slug): &(String, String)) -> DomainEvent {
    let change = |field, to| Change {
        field,
        from: FieldValue::Null,
        to,
        personal: false,
    };
    let changes = vec![
        change("name", name.as_str().into()),
        change("slug", slug.as_str().into()),
        change("isActive", true.into()),
    ];
    DomainEvent {
        kind: "organization.created",
        subject: id.into(),
        changes,
    }
}

/// Whether a write leaves an entry in the audit trail.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Trail {
    Kept,
    Left,
}

/// What a customer's write is: a row, its event, and its entry in the customer's own trail or not. Both through the layer, and what is left out is
/// the entry alone: the event is written by the statements that the layer has for it.
pub(crate) struct Write(pub(crate) Arc<Database>, pub(crate) Trail);

/// The layer's statement for an event, without the entry; on SQLite it has one a table.
const EVENT: Sql = Sql::tenant(
    "WITH queued AS (INSERT INTO outbox_queue (organization_id, event_id) VALUES ($1, $2)) \
     INSERT INTO outbox_events (organization_id, id, occurred_at, type, subject_kind, subject_id, data) \
     VALUES ($1, $2, $3, $4, $5, $6, $7)",
)
.on_sqlite(
    "INSERT INTO outbox_events (organization_id, id, occurred_at, type, subject_kind, subject_id, data) \
     VALUES ($1, $2, $3, $4, $5, $6, $7)",
);
const QUEUE: Sql = Sql::tenant("INSERT INTO outbox_queue (organization_id, event_id) VALUES ($1, $2)");

impl Operation for Write {
    async fn run(&self, _: u64) -> anyhow::Result<()> {
        let Self(database, trail) = self;
        let number = SLUG.fetch_add(1, Ordering::Relaxed);
        let id: OrganizationId = database.generators.id();
        let texts = Arc::new((format!("Created {number}"), format!("created-{number}")));
        let (trail, engine) = (*trail, database.layer.engine());
        let context = match trail {
            Trail::Kept => context(id),
            Trail::Left => context(id).unaudited("what the entry costs is measured"),
        };
        let work = move |uow: UnitOfWork| {
            let texts = Arc::clone(&texts);
            async move {
                insert(&uow, id, &texts.0, &texts.1).await?;
                let data = shown(&uow, id, &texts)?;
                let event = created(id, &texts);
                match trail {
                    Trail::Kept => uow.record(id, event, data),
                    Trail::Left => send(&uow, engine, id, &event, &data).await?,
                }
                Ok::<_, DbError>(())
            }
        };
        Ok(database.layer.write(context, work).await?)
    }
}

/// Writes an event as the layer does.
async fn send(
    uow: &UnitOfWork,
    engine: Engine,
    organization: OrganizationId,
    event: &DomainEvent,
    data: &str,
) -> Result<(), DbError> {
    let id = Value::id(uow.generators().id::<EventId>());
    let scope = uow.scope(organization);
    if engine == Engine::Sqlite {
        scope.send(&QUEUE, std::slice::from_ref(&id)).await?;
    }
    let values = [
        id,
        uow.now().into(),
        event.kind.into(),
        event.subject.kind.into(),
        event.subject.id.into(),
        Value::Json(data.into()),
    ];
    scope.send(&EVENT, &values).await
}
