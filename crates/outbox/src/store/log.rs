//! The tables `outbox_positions` and `outbox_log`: the order in which an organization's events were handed on.

use db::{DbError, EventId, Scope, Sql, UnitOfWork, Value};
use kernel::id::least_at;
use kernel::{Id as _, OrganizationId, Timestamp};
use serde_json::json;

// Both makes the row and holds it: of all nodes, one at a time hands an organization's events on.
const HOLD: Sql = Sql::tenant(
    "INSERT INTO outbox_positions (organization_id, last) VALUES ($1, 0) \
     ON CONFLICT (organization_id) DO UPDATE SET last = outbox_positions.last RETURNING last",
);
const ADVANCE: Sql = Sql::tenant("UPDATE outbox_positions SET last = $2 WHERE organization_id = $1");
const LAST: Sql = Sql::tenant("SELECT last FROM outbox_positions WHERE organization_id = $1").point();
const ORGANIZATIONS: Sql = Sql::system(
    "SELECT organization_id FROM outbox_positions WHERE organization_id > $1 ORDER BY organization_id LIMIT $2",
);
const ADD: Sql = Sql::tenant(
    "INSERT INTO outbox_log (organization_id, position, event_id, type) \
     SELECT p.organization_id, (item->>'position')::bigint, (item->>'event')::uuid, item->>'type' \
     FROM json_array_elements($2) AS chosen(item) JOIN outbox_positions p ON p.organization_id = $1",
)
.on_sqlite(
    "INSERT INTO outbox_log (organization_id, position, event_id, type) \
     SELECT p.organization_id, chosen.value->>'position', unhex(chosen.value->>'event'), chosen.value->>'type' \
     FROM json_each($2) AS chosen JOIN outbox_positions p ON p.organization_id = $1",
);
const AFTER: Sql = Sql::tenant(
    "SELECT position, event_id, type FROM outbox_log WHERE organization_id = $1 AND position > $2 ORDER BY position LIMIT 100",
)
.point();
const PLACE: Sql = Sql::tenant(
    "SELECT position FROM outbox_log WHERE organization_id = $1 AND event_id <= $2 ORDER BY event_id DESC LIMIT 1",
)
.point();
const FORGET: Sql = Sql::tenant(
    "DELETE FROM outbox_log WHERE organization_id = $1 AND event_id IN (SELECT l.event_id FROM outbox_log l \
     WHERE l.organization_id = $1 AND l.event_id < $2 ORDER BY l.event_id LIMIT $3)",
);

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[HOLD, ADVANCE, LAST, ORGANIZATIONS, ADD, AFTER, PLACE, FORGET];

/// An event's place among those of its organization.
#[derive(Debug, Clone)]
pub(crate) struct Placed {
    pub(crate) position: i64,
    pub(crate) event: EventId,
    pub(crate) kind: String,
}

/// Holds the organization's position until the unit ends; what it is.
pub(crate) async fn hold(uow: &UnitOfWork, organization: OrganizationId) -> Result<i64, DbError> {
    uow.scope(organization).reads().one(&HOLD, &[], |row| row.get(0)).await
}

/// Notes these events; `end` is the position of the last of them.
pub(crate) async fn append(
    uow: &UnitOfWork,
    organization: OrganizationId,
    events: &[Placed],
    end: i64,
) -> Result<(), DbError> {
    let items: Vec<_> = events
        .iter()
        .map(|one| json!({ "position": one.position, "event": super::simple(one.event), "type": one.kind }))
        .collect();
    let items = serde_json::Value::Array(items).to_string();
    let scope = uow.scope(organization);
    scope.send(&ADD, &[Value::Json(items.into())]).await?;
    scope.send(&ADVANCE, &[end.into()]).await
}

/// The position of the last event that was handed on.
pub(crate) async fn last(scope: Scope<'_>) -> Result<i64, DbError> {
    Ok(scope.optional(&LAST, &[], |row| row.get(0)).await?.unwrap_or(0))
}

/// The events after a position, at most a hundred.
pub(crate) async fn after(scope: Scope<'_>, position: i64) -> Result<Vec<Placed>, DbError> {
    scope
        .all(&AFTER, &[position.into()], |row| {
            Ok(Placed {
                position: row.get(0)?,
                event: row.id(1)?,
                kind: row.get(2)?,
            })
        })
        .await
}

/// The position of an event, or of the last before it that is kept.
pub(crate) async fn place(scope: Scope<'_>, event: EventId) -> Result<i64, DbError> {
    let found = scope.optional(&PLACE, &[Value::id(event)], |row| row.get(0)).await?;
    Ok(found.unwrap_or(0))
}

/// Organizations that ever had an event, in the order of their ids, after one.
pub(crate) async fn organizations(
    scope: Scope<'_>,
    after: OrganizationId,
    limit: i64,
) -> Result<Vec<OrganizationId>, DbError> {
    scope
        .all(&ORGANIZATIONS, &[after.as_uuid().into(), limit.into()], |row| row.id(0))
        .await
}

/// Removes some of the places of events that were made before `before`; how many.
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
