//! The tables `outbox_events` and `outbox_queue`, which units of work write beside their changes.

use db::{DbError, EventId, Row, Scope, Sql, UnitOfWork, Value};
use kernel::id::least_at;
use kernel::{OrganizationId, Timestamp};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::view::EventView;

// Where the engines differ: each jumps from one organization to the next instead of reading the whole queue. What is frozen is on its
// way to another database, and handed on there.
const QUEUED: Sql = Sql::system(
    "WITH RECURSIVE waiting (organization_id) AS ( \
     (SELECT organization_id FROM outbox_queue ORDER BY organization_id LIMIT 1) UNION ALL \
     SELECT (SELECT q.organization_id FROM outbox_queue q WHERE q.organization_id > w.organization_id \
     ORDER BY q.organization_id LIMIT 1) FROM waiting w WHERE w.organization_id IS NOT NULL) \
     SELECT w.organization_id FROM waiting w WHERE w.organization_id IS NOT NULL AND NOT EXISTS \
     (SELECT 1 FROM organizations o WHERE o.id = w.organization_id AND o.frozen_at IS NOT NULL) LIMIT $1",
)
.on_sqlite(
    "WITH RECURSIVE waiting (organization_id) AS ( \
     SELECT min(organization_id) FROM outbox_queue UNION ALL \
     SELECT (SELECT min(q.organization_id) FROM outbox_queue q WHERE q.organization_id > w.organization_id) \
     FROM waiting w WHERE w.organization_id IS NOT NULL) \
     SELECT w.organization_id FROM waiting w WHERE w.organization_id IS NOT NULL AND NOT EXISTS \
     (SELECT 1 FROM organizations o WHERE o.id = w.organization_id AND o.frozen_at IS NOT NULL) LIMIT $1",
);
const WAITING: Sql = Sql::tenant(
    "SELECT q.event_id, e.type, e.subject_id FROM outbox_queue q JOIN outbox_events e ON e.organization_id = q.organization_id \
     AND e.id = q.event_id WHERE q.organization_id = $1 ORDER BY q.event_id LIMIT $2",
);
const TAKE: Sql = Sql::tenant(
    "DELETE FROM outbox_queue WHERE organization_id = $1 AND event_id = ANY \
     (ARRAY(SELECT value::uuid FROM json_array_elements_text($2) AS chosen(value))) RETURNING event_id",
)
.on_sqlite(
    "DELETE FROM outbox_queue WHERE organization_id = $1 AND event_id IN (SELECT unhex(value) FROM json_each($2)) \
     RETURNING event_id",
);
const FIND: Sql =
    Sql::tenant("SELECT id, type, occurred_at, data FROM outbox_events WHERE organization_id = $1 AND id = $2").point();
const OF: Sql = Sql::tenant(
    "SELECT id, type, occurred_at, data FROM outbox_events WHERE organization_id = $1 AND id = ANY \
     (ARRAY(SELECT value::uuid FROM json_array_elements_text($2) AS chosen(value)))",
)
.on_sqlite(
    "SELECT id, type, occurred_at, data FROM outbox_events WHERE organization_id = $1 AND id IN \
     (SELECT unhex(value) FROM json_each($2))",
);
const NEWEST: Sql = Sql::tenant(
    "SELECT id, type, occurred_at, data FROM outbox_events WHERE organization_id = $1 AND id < $2 \
     AND type IN (SELECT value FROM json_array_elements_text($3) AS chosen(value)) ORDER BY id DESC LIMIT $4",
)
.on_sqlite(
    "SELECT id, type, occurred_at, data FROM outbox_events WHERE organization_id = $1 AND id < $2 \
     AND type IN (SELECT value FROM json_each($3)) ORDER BY id DESC LIMIT $4",
);
const FORGET: Sql = Sql::tenant(
    "DELETE FROM outbox_events WHERE organization_id = $1 AND id IN (SELECT e.id FROM outbox_events e \
     WHERE e.organization_id = $1 AND e.id < $2 ORDER BY e.id LIMIT $3)",
);

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[QUEUED, WAITING, TAKE, FIND, OF, NEWEST, FORGET];

/// Organizations with events that nobody handed on yet.
pub(crate) async fn queued(scope: Scope<'_>, limit: i64) -> Result<Vec<OrganizationId>, DbError> {
    scope.all(&QUEUED, &[limit.into()], |row| row.id(0)).await
}

/// An event that nobody handed on yet.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) id: EventId,
    pub(crate) kind: String,
    /// The object that it is about.
    pub(crate) subject: Uuid,
}

/// An organization's events that nobody handed on yet.
pub(crate) async fn waiting(scope: Scope<'_>, limit: i64) -> Result<Vec<Queued>, DbError> {
    scope
        .all(&WAITING, &[limit.into()], |row| {
            Ok(Queued {
                id: row.id(0)?,
                kind: row.get(1)?,
                subject: row.get(2)?,
            })
        })
        .await
}

/// Takes events off the queue; those that somebody else took meanwhile are not among the answer.
pub(crate) async fn take(
    uow: &UnitOfWork,
    organization: OrganizationId,
    ids: impl IntoIterator<Item = EventId>,
) -> Result<Vec<EventId>, DbError> {
    let ids = super::list(ids);
    uow.scope(organization)
        .reads()
        .all(&TAKE, &[Value::Json(ids.into())], |row| row.id(0))
        .await
}

/// An event, while it is kept.
pub(crate) async fn find(scope: Scope<'_>, id: EventId) -> Result<Option<EventView>, DbError> {
    scope.optional(&FIND, &[Value::id(id)], event).await
}

/// Those of these events that are kept, in any order.
pub(crate) async fn of(scope: Scope<'_>, ids: impl IntoIterator<Item = EventId>) -> Result<Vec<EventView>, DbError> {
    let ids = super::list(ids);
    scope.all(&OF, &[Value::Json(ids.into())], event).await
}

/// The newest events of these kinds, before `before` if that is given.
pub(crate) async fn newest(
    scope: Scope<'_>,
    kinds: &[String],
    before: Option<Uuid>,
    limit: u32,
) -> Result<Vec<EventView>, DbError> {
    let values = [
        before.unwrap_or(Uuid::max()).into(),
        Value::Json(super::texts_json(kinds).into()),
        i64::from(limit).into(),
    ];
    scope.all(&NEWEST, &values, event).await
}

/// Removes some of the events that were made before `before`; how many.
pub(crate) async fn forget(
    uow: &UnitOfWork,
    organization: OrganizationId,
    before: Timestamp,
    limit: i64,
) -> Result<u64, DbError> {
    uow.scope(organization)
        .execute(&FORGET, &[least_at(before).into(), limit.into()])
        .await
}

fn event(row: &Row<'_>) -> Result<EventView, DbError> {
    Ok(EventView {
        id: row.id(0)?,
        r#type: row.get(1)?,
        timestamp: row.get(2)?,
        data: RawValue::from_string(row.get(3)?).map_err(|_| row.inconsistency(3))?,
    })
}
