//! The table `webhook_endpoints`.

use db::list::{List, Listed, Start};
use db::{DbError, Row, Scope, Sql, UnitOfWork, Value};
use http::SealedColumn;
use kernel::{Actor, Direction, OrganizationId, PageRequest, Timestamp};

use crate::domain::{Description, Endpoint, EndpointId, EndpointUrl, EventTypes, Former, Ordering, Stored};
use crate::view::WebhookView;

/// Endpoints as [`endpoint`] reads them.
macro_rules! endpoint {
    ($which:literal) => {
        concat!(
            "SELECT organization_id, id, url, event_types, description, is_active, maker_kind, maker_id, maker_name, secret, \
             former_secret, former_until, failing_since, ordering, created_at, updated_at FROM webhook_endpoints \
             WHERE organization_id = $1 ",
            $which
        )
    };
}

const COLUMNS: &str = "id, url, event_types, description, ordering, is_active, created_at, updated_at";

const LOOKUP: Sql = Sql::tenant(
    "SELECT id, url, event_types, description, ordering, is_active, created_at, updated_at FROM webhook_endpoints \
     WHERE organization_id = $1 AND id = $2",
)
.point();
const ACTIVE: Sql = Sql::tenant(endpoint!("AND is_active = $2"));
const LOCK: Sql = Sql::tenant(endpoint!("AND id = $2 FOR UPDATE")).on_sqlite(endpoint!("AND id = $2"));
const ADD: Sql = Sql::tenant(
    "INSERT INTO webhook_endpoints (organization_id, id, url, event_types, description, is_active, maker_kind, maker_id, \
     maker_name, secret, former_secret, former_until, failing_since, ordering, created_at, updated_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
);
const SAVE: Sql = Sql::tenant(
    "UPDATE webhook_endpoints SET url = $3, event_types = $4, description = $5, is_active = $6, maker_kind = $7, \
     maker_id = $8, maker_name = $9, secret = $10, former_secret = $11, former_until = $12, failing_since = $13, \
     ordering = $14, updated_at = $15 WHERE organization_id = $1 AND id = $2",
);
const REMOVE: Sql = Sql::tenant("DELETE FROM webhook_endpoints WHERE organization_id = $1 AND id = $2");
// What is earliest of all its deliveries; kept here so that to find work, nobody looks at deliveries.
const SETTLE: Sql = Sql::tenant(
    "UPDATE webhook_endpoints SET failing_since = $3, due_at = (SELECT min(d.due_at) FROM webhook_deliveries d \
     WHERE d.organization_id = $1 AND d.webhook_id = $2 AND d.due_at IS NOT NULL AND d.waiting_since IS NULL) WHERE organization_id = $1 AND id = $2",
);
// Every one of the rows is held from then on, also one that is due already: otherwise whoever is just noting when it is due next,
// without having seen what is new, would have the last word.
const WAKE: Sql = Sql::tenant(
    "UPDATE webhook_endpoints SET due_at = CASE WHEN due_at < $3 THEN due_at ELSE $3 END WHERE organization_id = $1 \
     AND id = ANY (ARRAY(SELECT value::uuid FROM json_array_elements_text($2) AS chosen(value)))",
)
.on_sqlite(
    "UPDATE webhook_endpoints SET due_at = CASE WHEN due_at < $3 THEN due_at ELSE $3 END WHERE organization_id = $1 \
     AND id IN (SELECT unhex(value) FROM json_each($2))",
);
const DUE: Sql = Sql::system(
    "SELECT e.organization_id, e.id, e.due_at FROM webhook_endpoints e WHERE e.due_at <= $1 AND e.is_active = $2 AND NOT EXISTS \
     (SELECT 1 FROM organizations o WHERE o.id = e.organization_id AND o.frozen_at IS NOT NULL) ORDER BY e.due_at LIMIT $3",
);

const SECRETS: Sql = Sql::system(
    "SELECT organization_id, id, secret FROM webhook_endpoints WHERE (organization_id, id) > ($1, $2) \
     ORDER BY organization_id, id LIMIT 100",
);
const RESEAL: Sql =
    Sql::system("UPDATE webhook_endpoints SET secret = $3 WHERE organization_id = $1 AND id = $2 AND secret = $4");
const FORMER_SECRETS: Sql = Sql::system(
    "SELECT organization_id, id, former_secret FROM webhook_endpoints WHERE former_secret IS NOT NULL \
     AND (organization_id, id) > ($1, $2) ORDER BY organization_id, id LIMIT 100",
);
const RESEAL_FORMER: Sql = Sql::system(
    "UPDATE webhook_endpoints SET former_secret = $3 WHERE organization_id = $1 AND id = $2 AND former_secret = $4",
);

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[
    LOOKUP,
    ACTIVE,
    LOCK,
    ADD,
    SAVE,
    REMOVE,
    SETTLE,
    WAKE,
    DUE,
    SECRETS,
    RESEAL,
    FORMER_SECRETS,
    RESEAL_FORMER,
];

/// What secrets are sealed for, beside their endpoint.
pub(crate) const PURPOSE: &str = "webhook secret";

/// The secrets, for when the master key changes.
pub(crate) const SEALED: [SealedColumn; 2] = [
    SealedColumn::tenant("secrets of webhooks", PURPOSE, SECRETS, RESEAL),
    SealedColumn::tenant("former secrets of webhooks", PURPOSE, FORMER_SECRETS, RESEAL_FORMER),
];

/// What a list is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Url,
    CreatedAt,
}

/// An endpoint as clients see it.
pub(crate) async fn lookup(scope: Scope<'_>, id: EndpointId) -> Result<Option<WebhookView>, DbError> {
    scope.optional(&LOOKUP, &[Value::id(id)], |row| view(row, 0)).await
}

/// The organization's endpoints.
pub(crate) async fn list(
    scope: Scope<'_>,
    is_active: Option<bool>,
    order: Order,
    direction: Direction,
    page: &PageRequest,
    start: Start<'_>,
) -> Result<Listed<WebhookView>, DbError> {
    // The list's first column is the total.
    listing(is_active, order, direction)
        .fetch(scope, page, start, |row| view(row, 1))
        .await
}

fn listing<'t>(is_active: Option<bool>, order: Order, direction: Direction) -> List<'t> {
    let column = match order {
        Order::Url => "url",
        Order::CreatedAt => "created_at",
    };
    // An organization has a handful of endpoints: no index carries these orders.
    List::tenant("webhook_endpoints", COLUMNS)
        .equal("is_active", is_active)
        .order(column, direction)
        .pooled()
}

/// The texts of the list in every order, without and with its filter, for the statement test.
pub(crate) fn lists() -> Vec<String> {
    let mut texts = Vec::new();
    for is_active in [None, Some(true)] {
        for order in [Order::Url, Order::CreatedAt] {
            texts.extend(listing(is_active, order, Direction::Ascending).texts(&PageRequest::default()));
        }
    }
    texts
}

/// The organization's endpoints that events are sent to.
pub(crate) async fn active(scope: Scope<'_>) -> Result<Vec<Endpoint>, DbError> {
    scope.all(&ACTIVE, &[true.into()], endpoint).await
}

/// Reads an endpoint for a change, and holds it until the unit ends.
pub(crate) async fn lock(
    uow: &UnitOfWork,
    organization: OrganizationId,
    id: EndpointId,
) -> Result<Option<Endpoint>, DbError> {
    uow.scope(organization)
        .reads()
        .optional(&LOCK, &[Value::id(id)], endpoint)
        .await
}

pub(crate) async fn add(uow: &UnitOfWork, endpoint: &mut Endpoint) -> Result<(), DbError> {
    record(uow, endpoint)?;
    let state = endpoint.state();
    let mut row = columns(state);
    row.push(state.created_at.into());
    row.push(state.updated_at.into());
    uow.scope(state.organization_id).send(&ADD, &row).await
}

/// Stores what changed, if anything did.
pub(crate) async fn save(uow: &UnitOfWork, endpoint: &mut Endpoint) -> Result<(), DbError> {
    if !record(uow, endpoint)? {
        return Ok(());
    }
    let state = endpoint.state();
    let mut row = columns(state);
    row.push(state.updated_at.into());
    uow.scope(state.organization_id).send(&SAVE, &row).await
}

pub(crate) async fn remove(uow: &UnitOfWork, endpoint: &mut Endpoint) -> Result<(), DbError> {
    record(uow, endpoint)?;
    let state = endpoint.state();
    uow.scope(state.organization_id)
        .send(&REMOVE, &[Value::id(state.id)])
        .await
}

/// Notes since when nothing arrives, and when there is something to do again, as the unit's deliveries say.
pub(crate) async fn settle(
    uow: &UnitOfWork,
    organization: OrganizationId,
    id: EndpointId,
    failing_since: Option<Timestamp>,
) -> Result<(), DbError> {
    uow.scope(organization)
        .send(&SETTLE, &[Value::id(id), failing_since.into()])
        .await
}

/// Notes that there is something to do for these endpoints from `at` on.
pub(crate) async fn wake(
    uow: &UnitOfWork,
    organization: OrganizationId,
    ids: impl IntoIterator<Item = EndpointId>,
    at: Timestamp,
) -> Result<(), DbError> {
    let ids = super::list(ids);
    uow.scope(organization)
        .send(&WAKE, &[Value::Json(ids.into()), at.into()])
        .await
}

/// An endpoint that has something to do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Due {
    pub(crate) organization_id: OrganizationId,
    pub(crate) id: EndpointId,
    pub(crate) since: Timestamp,
}

/// Endpoints that have something to do, those that waited longest first.
pub(crate) async fn due(scope: Scope<'_>, now: Timestamp, limit: i64) -> Result<Vec<Due>, DbError> {
    scope
        .all(&DUE, &[now.into(), true.into(), limit.into()], |row| {
            Ok(Due {
                organization_id: row.id(0)?,
                id: row.id(1)?,
                since: row.get(2)?,
            })
        })
        .await
}

/// The columns from `id` to `ordering`.
fn columns(state: &Stored) -> Vec<Value<'_>> {
    vec![
        Value::id(state.id),
        state.url.as_str().into(),
        Value::Json(super::texts_json(&state.event_types.to_texts()).into()),
        state.description.as_ref().map(Description::as_str).into(),
        state.is_active.into(),
        state.maker.kind.as_str().into(),
        state.maker.id.into(),
        state.maker.name.as_str().into(),
        state.secret.as_slice().into(),
        state.former.as_ref().map(|former| former.secret.as_slice()).into(),
        state.former.as_ref().map(|former| former.until).into(),
        state.failing_since.into(),
        state.ordering.as_str().into(),
    ]
}

/// Hands what happened to the unit of work; false when nothing did.
fn record(uow: &UnitOfWork, endpoint: &mut Endpoint) -> Result<bool, DbError> {
    let events = endpoint.take_events();
    uow.record_all(endpoint.state().organization_id, events, &WebhookView::from(&*endpoint))
}

fn texts(row: &Row<'_>, column: usize) -> Result<Vec<String>, DbError> {
    serde_json::from_str(&row.get::<String>(column)?).map_err(|_| row.inconsistency(column))
}

fn ordering(row: &Row<'_>, column: usize) -> Result<Ordering, DbError> {
    Ordering::stored(&row.get::<String>(column)?).ok_or_else(|| row.inconsistency(column))
}

fn endpoint(row: &Row<'_>) -> Result<Endpoint, DbError> {
    let description = row.get::<Option<String>>(4)?;
    let former = match (row.get::<Option<Vec<u8>>>(10)?, row.get::<Option<Timestamp>>(11)?) {
        (Some(secret), Some(until)) => Some(Former { secret, until }),
        _ => None,
    };
    Ok(Endpoint::from(Stored {
        organization_id: row.id(0)?,
        id: row.id(1)?,
        url: EndpointUrl::new(&row.get::<String>(2)?).map_err(|_| row.inconsistency(2))?,
        event_types: EventTypes::stored(&texts(row, 3)?).ok_or_else(|| row.inconsistency(3))?,
        description: description
            .map(|description| Description::new(&description).map_err(|_| row.inconsistency(4)))
            .transpose()?,
        is_active: row.get(5)?,
        maker: Actor {
            kind: row.get::<String>(6)?.parse().map_err(|_| row.inconsistency(6))?,
            id: row.get(7)?,
            name: row.get(8)?,
        },
        secret: row.get(9)?,
        former,
        failing_since: row.get(12)?,
        ordering: ordering(row, 13)?,
        created_at: row.get(14)?,
        updated_at: row.get(15)?,
    }))
}

/// Reads what clients see, from columns that begin at `first`.
fn view(row: &Row<'_>, first: usize) -> Result<WebhookView, DbError> {
    Ok(WebhookView {
        id: row.id(first)?,
        url: row.get(first + 1)?,
        event_types: texts(row, first + 2)?,
        description: row.get(first + 3)?,
        ordering: ordering(row, first + 4)?.into(),
        is_active: row.get(first + 5)?,
        created_at: row.get(first + 6)?,
        updated_at: row.get(first + 7)?,
    })
}
