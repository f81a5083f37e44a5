//! The table `organizations`.

use contracts::organization::OrganizationView;
use db::list::{List, Listed, Start};
use db::{DbError, Row, Scope, Sql, UnitOfWork, Value, values};
use kernel::{Direction, Id as _, OrganizationId, PageRequest, fold};

use crate::domain::{Document, Ending, Name, Organization, Slug, Stored};

const COLUMNS: &str = "id, name, slug, document, is_active, package_code, created_at, updated_at";

const LOOKUP: Sql = Sql::global(
    "SELECT id, name, slug, document, is_active, package_code, created_at, updated_at, deactivated_at, frozen_at, moved_to \
     FROM organizations WHERE id = $1",
)
.point();
const LOCK: Sql = Sql::global(
    "SELECT id, name, slug, document, is_active, package_code, created_at, updated_at, deactivated_at, frozen_at, moved_to \
     FROM organizations WHERE id = $1 \
     FOR UPDATE",
)
.on_sqlite(LOOKUP.text(db::Engine::Sqlite));
const FIND_BY_SLUG: Sql = Sql::global(
    "SELECT id, name, slug, document, is_active, package_code, created_at, updated_at, deactivated_at, frozen_at, moved_to \
     FROM organizations WHERE slug = $1",
)
.point();
const IS_ACTIVE: Sql = Sql::global("SELECT is_active FROM organizations WHERE id = $1").point();
const ADD: Sql = Sql::global(
    "INSERT INTO organizations (id, name, name_folded, slug, document, is_active, package_code, created_at, updated_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
);
const SAVE: Sql = Sql::global(
    "UPDATE organizations SET name = $2, name_folded = $3, slug = $4, document = $5, is_active = $6, updated_at = $7, \
     deactivated_at = $8, frozen_at = $9, moved_to = $10 WHERE id = $1",
);
const NOTE_PACKAGE: Sql = Sql::global("UPDATE organizations SET package_code = $2, updated_at = $3 WHERE id = $1");

// Whatever makes organizations counts them, so that the whole list need not: in the first slot that nobody holds, or in a new one. To
// wait for a slot would be to wait for another organization's unit, and for seconds where that is of a node that fell silent. (SQLite
// reads ON CONFLICT behind a SELECT without WHERE as a join.)
macro_rules! count {
    ($locking:literal) => {
        concat!(
            "INSERT INTO organization_counts (slot, count) SELECT coalesce((SELECT slot FROM organization_counts ORDER BY slot LIMIT 1",
            $locking,
            "), $1), $2 WHERE TRUE ON CONFLICT (slot) DO UPDATE SET count = organization_counts.count + excluded.count"
        )
    };
}
const COUNT: Sql = Sql::global(count!(" FOR UPDATE SKIP LOCKED")).on_sqlite(count!(""));
// The slot that is always the same.
const HOLD_COUNTER: Sql = Sql::global(
    "INSERT INTO organization_counts (slot, count) VALUES (0, 0) ON CONFLICT (slot) DO UPDATE SET count = organization_counts.count",
);
const COUNTED: &str = "SELECT CAST(coalesce(sum(count), 0) AS bigint) FROM organization_counts";
// A node of an older version makes organizations without counting them. One statement sees rows and counter of the same instant.
const UNCOUNTED: Sql = Sql::global(
    "SELECT (SELECT count(*) FROM organizations) - (SELECT CAST(coalesce(sum(count), 0) AS bigint) FROM organization_counts)",
);

const ALL: Sql = Sql::global("SELECT id, slug FROM organizations ORDER BY id");
const BURY: Sql = Sql::global(
    "UPDATE organizations SET name = $2, name_folded = $3, slug = $4, document = NULL, package_code = NULL, updated_at = $5 \
     WHERE id = $1",
);

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[
    ALL,
    LOOKUP,
    LOCK,
    FIND_BY_SLUG,
    IS_ACTIVE,
    ADD,
    SAVE,
    NOTE_PACKAGE,
    BURY,
    COUNT,
    HOLD_COUNTER,
    UNCOUNTED,
];

/// What a list is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Name,
    Slug,
    CreatedAt,
}

/// What a list is narrowed by.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter<'f> {
    pub(crate) is_active: Option<bool>,
    pub(crate) document: Option<&'f str>,
    pub(crate) text: Option<&'f str>,
}

/// An organization as clients see it. What is only shown is not checked again: the domain did that when it was written.
pub(crate) async fn lookup(scope: Scope<'_>, id: OrganizationId) -> Result<Option<OrganizationView>, DbError> {
    scope.optional(&LOOKUP, &[Value::id(id)], |row| view(row, 0)).await
}

/// Its whole state, without holding it.
pub(crate) async fn find(scope: Scope<'_>, id: OrganizationId) -> Result<Option<Organization>, DbError> {
    scope.optional(&LOOKUP, &[Value::id(id)], organization).await
}

/// Reads it for a change, and holds it until the unit ends.
pub(crate) async fn lock(uow: &UnitOfWork, id: OrganizationId) -> Result<Option<Organization>, DbError> {
    uow.global()
        .reads()
        .optional(&LOCK, &[Value::id(id)], organization)
        .await
}

pub(crate) async fn find_by_slug(scope: Scope<'_>, slug: &str) -> Result<Option<Organization>, DbError> {
    scope.optional(&FIND_BY_SLUG, &values![slug], organization).await
}

/// Whether it may act; `None` when there is none.
pub(crate) async fn is_active(scope: Scope<'_>, id: OrganizationId) -> Result<Option<bool>, DbError> {
    scope.optional(&IS_ACTIVE, &[Value::id(id)], |row| row.get(0)).await
}

pub(crate) async fn list(
    scope: Scope<'_>,
    filter: &Filter<'_>,
    order: Order,
    direction: Direction,
    page: &PageRequest,
    start: Start<'_>,
) -> Result<Listed<OrganizationView>, DbError> {
    // The list's first column is the total.
    listing(filter, order, direction)
        .fetch(scope, page, start, |row| view(row, 1))
        .await
}

/// The texts of the list in every order, without and with its filters, for the statement test.
pub(crate) fn lists() -> Vec<String> {
    let page = PageRequest::default();
    let filters = [
        Filter::default(),
        Filter {
            is_active: Some(true),
            document: Some("12ABC34501DE35"),
            text: Some("padaria"),
        },
    ];
    let mut texts = Vec::new();
    for filter in &filters {
        for order in [Order::Name, Order::Slug, Order::CreatedAt] {
            for direction in [Direction::Ascending, Direction::Descending] {
                texts.extend(listing(filter, order, direction).texts(&page));
            }
        }
    }
    texts
}

fn listing<'f>(filter: &Filter<'f>, order: Order, direction: Direction) -> List<'f> {
    let column = match order {
        Order::Name => "name_folded",
        Order::Slug => "slug",
        Order::CreatedAt => "created_at",
    };
    List::global("organizations", COLUMNS)
        .equal("is_active", filter.is_active)
        .equal("document", filter.document)
        .containing(&["name_folded", "slug"], filter.text)
        .order(column, direction)
        .counted_by(COUNTED)
}

pub(crate) async fn add(uow: &UnitOfWork, organization: &mut Organization) -> Result<(), DbError> {
    let state = organization.state();
    let home = state.id;
    let row = [
        Value::id(state.id),
        state.name.as_str().into(),
        fold(state.name.as_str()).into(),
        state.slug.as_str().into(),
        state.document.as_ref().map(Document::as_str).into(),
        state.is_active.into(),
        state.package_code.as_deref().into(),
        state.created_at.into(),
        state.updated_at.into(),
    ];
    uow.global().send(&ADD, &row).await?;
    count(uow, home, 1).await?;
    record(uow, home, organization).map(|_| ())
}

/// Counts `made` organizations; where every slot is held, in a new one named after the last 64 bits of `name`, which are random.
async fn count(uow: &UnitOfWork, name: OrganizationId, made: i64) -> Result<(), DbError> {
    let (_, slot) = name.as_uuid().as_u64_pair();
    uow.global().send(&COUNT, &values![slot.cast_signed(), made]).await
}

/// How many organizations the counter lacks; below zero, how many it has too many.
pub(crate) async fn uncounted(scope: Scope<'_>) -> Result<i64, DbError> {
    scope.one(&UNCOUNTED, &[], |row| row.get(0)).await
}

/// Has the counter say how many there are, whatever it said before; `home` is whose unit it is.
pub(crate) async fn recount(uow: &UnitOfWork, home: OrganizationId) -> Result<(), DbError> {
    // Two that count anew at the same time would both add the difference.
    uow.global().send(&HOLD_COUNTER, &[]).await?;
    let uncounted = uncounted(uow.global().reads()).await?;
    count(uow, home, uncounted).await
}

/// Stores what changed; false when nothing did.
pub(crate) async fn save(uow: &UnitOfWork, organization: &mut Organization) -> Result<bool, DbError> {
    let home = organization.state().id;
    save_told_in(uow, home, organization).await
}

/// As [`save`], where the trail of `home` tells it.
pub(crate) async fn save_told_in(
    uow: &UnitOfWork,
    home: OrganizationId,
    organization: &mut Organization,
) -> Result<bool, DbError> {
    if !record(uow, home, organization)? {
        return Ok(false);
    }
    let state = organization.state();
    let row = [
        Value::id(state.id),
        state.name.as_str().into(),
        fold(state.name.as_str()).into(),
        state.slug.as_str().into(),
        state.document.as_ref().map(Document::as_str).into(),
        state.is_active.into(),
        state.updated_at.into(),
        state.ending.deactivated_at.into(),
        state.ending.frozen_at.into(),
        state.ending.moved_to.as_deref().into(),
    ];
    uow.global().send(&SAVE, &row).await?;
    Ok(true)
}

/// Writes the code of the package that it is on; who puts it there records that.
pub(crate) async fn note_package(uow: &UnitOfWork, id: OrganizationId, code: &str) -> Result<(), DbError> {
    uow.global()
        .send(&NOTE_PACKAGE, &[Value::id(id), code.into(), uow.now().into()])
        .await
}

/// Stores one without its name; the trail of `platform` tells it.
pub(crate) async fn bury(
    uow: &UnitOfWork,
    platform: OrganizationId,
    organization: &mut Organization,
) -> Result<(), DbError> {
    record(uow, platform, organization)?;
    let state = organization.state();
    let row = [
        Value::id(state.id),
        state.name.as_str().into(),
        fold(state.name.as_str()).into(),
        state.slug.as_str().into(),
        state.updated_at.into(),
    ];
    uow.global().send(&BURY, &row).await
}

/// Hands what happened to the unit of work, for the trail of `home`; false when nothing did.
fn record(uow: &UnitOfWork, home: OrganizationId, organization: &mut Organization) -> Result<bool, DbError> {
    let events = organization.take_events();
    uow.record_all(home, events, &OrganizationView::from(&*organization))
}

fn organization(row: &Row<'_>) -> Result<Organization, DbError> {
    let document = row.get::<Option<String>>(3)?;
    Ok(Organization::from(Stored {
        id: row.id(0)?,
        name: Name::new(&row.get::<String>(1)?).map_err(|_| row.inconsistency(1))?,
        slug: Slug::new(&row.get::<String>(2)?).map_err(|_| row.inconsistency(2))?,
        document: document
            .map(|document| Document::new(&document).map_err(|_| row.inconsistency(3)))
            .transpose()?,
        is_active: row.get(4)?,
        package_code: row.get(5)?,
        created_at: row.get(6)?,
        updated_at: row.get(7)?,
        ending: Ending {
            deactivated_at: row.get(8)?,
            frozen_at: row.get(9)?,
            moved_to: row.get(10)?,
        },
    }))
}

/// Reads what clients see, from columns that begin at `first`.
fn view(row: &Row<'_>, first: usize) -> Result<OrganizationView, DbError> {
    Ok(OrganizationView {
        id: row.id(first)?,
        name: row.get(first + 1)?,
        slug: row.get(first + 2)?,
        document: row.get(first + 3)?,
        is_active: row.get(first + 4)?,
        package_code: row.get(first + 5)?,
        created_at: row.get(first + 6)?,
        updated_at: row.get(first + 7)?,
    })
}

impl From<&Organization> for OrganizationView {
    fn from(organization: &Organization) -> Self {
        let state = organization.state().clone();
        Self {
            id: state.id,
            name: state.name.as_str().to_owned(),
            slug: state.slug.as_str().to_owned(),
            document: state.document.map(|document| document.as_str().to_owned()),
            is_active: state.is_active,
            package_code: state.package_code,
            created_at: state.created_at,
            updated_at: state.updated_at,
        }
    }
}
