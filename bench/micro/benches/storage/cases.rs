//! The same work through the bare driver and through the layer: rows end as the same owned struct, writes as the same three rows.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::ensure;
use db::{DbError, Origin, Row, Sql, UnitContext, UnitOfWork, values};
use kernel::{Actor, ActorKind, Change, DomainEvent, FieldValue, Id as _, OrganizationId, Timestamp};
use lastro_bench_limit::organization::{NewOrganization, Organization};
use lastro_bench_limit::{Failure, Micros};
use uuid::Uuid;

use crate::database::{Bare, Database, found};
use crate::paired::Operation;

/// Rows of a list.
const ROWS: u32 = 50;

const GET: Sql = Sql::global(
    "SELECT id, name, slug, document, is_active, package_code, created_at, updated_at FROM organizations WHERE id = $1",
)
.point();
const LIST: Sql = Sql::global(
    "SELECT id, name, slug, document, is_active, package_code, created_at, updated_at FROM organizations ORDER BY id LIMIT $1",
)
.point();
const INSERT: Sql = Sql::global(
    "INSERT INTO organizations (id, name, slug, document, is_active, package_code, created_at, updated_at) \
     VALUES ($1, $2, $3, NULL, TRUE, NULL, $4, $4)",
)
.on_sqlite(
    "INSERT INTO organizations (id, name, slug, document, is_active, package_code, created_at, updated_at) \
     VALUES ($1, $2, $3, NULL, 1, NULL, $4, $4)",
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
    fn from_layer(row: &Row<'_>) -> Result<Self, DbError> {
        Ok(Self {
            id: row.get(0)?,
            name: row.get(1)?,
            slug: row.get(2)?,
            document: row.get(3)?,
            is_active: row.get(4)?,
            package_code: row.get(5)?,
            created_at: row.get(6)?,
            updated_at: row.get(7)?,
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
enum Way {
    Bare,
    Layer,
}

/// A read by key.
pub(crate) struct Get(Arc<Database>, Way);

impl Get {
    pub(crate) fn bare(database: &Arc<Database>) -> Arc<Self> {
        Arc::new(Self(Arc::clone(database), Way::Bare))
    }

    pub(crate) fn layer(database: &Arc<Database>) -> Arc<Self> {
        Arc::new(Self(Arc::clone(database), Way::Layer))
    }
}

impl Operation for Get {
    async fn run(&self, number: u64) -> anyhow::Result<()> {
        let Self(database, way) = self;
        let id = database.id(number)?;
        let row = match (way, &database.bare) {
            (Way::Layer, _) => {
                database
                    .layer
                    .global()
                    .optional(&GET, &values![id], Owned::from_layer)
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

/// A list of 50 rows.
pub(crate) struct List(Arc<Database>, Way);

impl List {
    pub(crate) fn bare(database: &Arc<Database>) -> Arc<Self> {
        Arc::new(Self(Arc::clone(database), Way::Bare))
    }

    pub(crate) fn layer(database: &Arc<Database>) -> Arc<Self> {
        Arc::new(Self(Arc::clone(database), Way::Layer))
    }
}

impl Operation for List {
    async fn run(&self, _: u64) -> anyhow::Result<()> {
        let Self(database, way) = self;
        let rows = match (way, &database.bare) {
            (Way::Layer, _) => {
                database
                    .layer
                    .global()
                    .all(&LIST, &values![ROWS], Owned::from_layer)
                    .await?
            }
            (Way::Bare, bare) => {
                let mut rows = Vec::new();
                let mut push = |row: Owned| rows.push(row);
                match bare {
                    Bare::Postgres(postgres) => {
                        postgres
                            .list(ROWS, |row| Owned::from_postgres(row).map(&mut push))
                            .await?;
                    }
                    Bare::Sqlite(sqlite) => sqlite.list(ROWS, |row| Owned::from_sqlite(row).map(&mut push))?,
                }
                rows
            }
        };
        ensure!(rows.len() == ROWS as usize, "rows are missing");
        rows.into_iter().for_each(Owned::consume);
        Ok(())
    }
}

/// A creation: the row, its audit entry, its event.
pub(crate) struct Create(Arc<Database>, Way);

/// Makes every slug of the process unique.
static SLUG: AtomicU64 = AtomicU64::new(0);

impl Create {
    pub(crate) fn bare(database: &Arc<Database>) -> Arc<Self> {
        Arc::new(Self(Arc::clone(database), Way::Bare))
    }

    pub(crate) fn layer(database: &Arc<Database>) -> Arc<Self> {
        Arc::new(Self(Arc::clone(database), Way::Layer))
    }
}

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

async fn create(database: &Database, name: String, slug: String) -> anyhow::Result<()> {
    let id: OrganizationId = database.generators.id();
    let actor = Actor {
        kind: ActorKind::System,
        id: NewOrganization::ACTOR,
        name: NewOrganization::ACTOR_NAME.to_owned(),
    };
    let origin = Origin {
        request_id: Some(NewOrganization::REQUEST_ID.to_owned()),
        ip: Some(NewOrganization::IP.parse()?),
        user_agent: None,
    };
    let context = UnitContext::tenant(actor, id).from_origin(origin);
    let texts = Arc::new((name, slug));
    let work = move |uow: UnitOfWork| {
        let texts = Arc::clone(&texts);
        async move {
            let (name, slug) = (texts.0.as_str(), texts.1.as_str());
            let now = uow.now();
            uow.global()
                .send(&INSERT, &values![id.as_uuid(), name, slug, now])
                .await?;
            let at = Micros(now.as_micros());
            let shown = Organization {
                id: id.as_uuid(),
                name,
                slug,
                document: None,
                is_active: true,
                package_code: None,
                created_at: at,
                updated_at: at,
            };
            let data = serde_json::to_string(&shown).map_err(|error| DbError::Internal(error.to_string()))?;
            let change = |field, to| Change {
                field,
                from: FieldValue::Null,
                to,
                personal: false,
            };
            let changes = vec![
                change("name", name.into()),
                change("slug", slug.into()),
                change("isActive", true.into()),
            ];
            uow.record(
                id,
                DomainEvent {
                    kind: "organization.created",
                    subject: id.into(),
                    changes,
                },
                data,
            );
            Ok::<_, DbError>(())
        }
    };
    Ok(database.layer.write(context, work).await?)
}
