//! The table `webhook_attempts`.

use db::{DbError, Row, Scope, Sql, UnitOfWork, Value};
use kernel::{OrganizationId, Timestamp};
use serde_json::json;
use uuid::Uuid;

use crate::domain::DeliveryId;
use crate::store::deliveries::Tried;

// Only whoever holds a delivery writes its attempts. An instant is written as microseconds, which both engines read exactly.
const ADD: Sql = Sql::tenant(
    "INSERT INTO webhook_attempts (organization_id, delivery_id, number, at, status, latency_ms, error, response_body) \
     SELECT d.organization_id, d.id, d.attempts + 1, timestamptz 'epoch' + (item->>'at')::bigint * interval '1 microsecond', \
     (item->>'status')::bigint, (item->>'latency')::bigint, item->>'error', item->>'body' \
     FROM json_array_elements($2) AS tried(item) JOIN webhook_deliveries d ON d.organization_id = $1 \
     AND d.id = ANY (ARRAY(SELECT (one->>'id')::uuid FROM json_array_elements($2) AS listed(one))) AND d.id = (item->>'id')::uuid \
     AND d.lease = (item->>'lease')::uuid",
)
.on_sqlite(
    "INSERT INTO webhook_attempts (organization_id, delivery_id, number, at, status, latency_ms, error, response_body) \
     SELECT d.organization_id, d.id, d.attempts + 1, tried.value->>'at', tried.value->>'status', tried.value->>'latency', \
     tried.value->>'error', tried.value->>'body' FROM json_each($2) AS tried CROSS JOIN webhook_deliveries d \
     WHERE d.organization_id = $1 AND d.id = unhex(tried.value->>'id') AND d.lease = unhex(tried.value->>'lease')",
);
const OF: Sql = Sql::tenant(
    "SELECT delivery_id, at, status, latency_ms, error, response_body FROM webhook_attempts WHERE organization_id = $1 \
     AND delivery_id = ANY (ARRAY(SELECT value::uuid FROM json_array_elements_text($2) AS chosen(value))) ORDER BY delivery_id, number",
)
.on_sqlite(
    "SELECT delivery_id, at, status, latency_ms, error, response_body FROM webhook_attempts WHERE organization_id = $1 \
     AND delivery_id IN (SELECT unhex(value) FROM json_each($2)) ORDER BY delivery_id, number",
);
const FORGET: Sql = Sql::tenant("DELETE FROM webhook_attempts WHERE organization_id = $1 AND delivery_id = ANY \
     (ARRAY(SELECT value::uuid FROM json_array_elements_text($2) AS chosen(value)))")
.on_sqlite(
    "DELETE FROM webhook_attempts WHERE organization_id = $1 AND delivery_id IN (SELECT unhex(value) FROM json_each($2))",
);

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[ADD, OF, FORGET];

/// One attempt, as it is kept.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) delivery: Uuid,
    pub(crate) at: Timestamp,
    pub(crate) status: Option<i64>,
    pub(crate) latency_ms: i64,
    pub(crate) error: Option<String>,
    pub(crate) response_body: Option<String>,
}

/// Notes attempts, before [`deliveries::settle`](super::deliveries::settle) counts them.
pub(crate) async fn add(uow: &UnitOfWork, organization: OrganizationId, tried: &[&Tried]) -> Result<(), DbError> {
    let items: Vec<_> = tried
        .iter()
        .map(|one| {
            json!({
                "id": super::simple(one.id),
                "lease": one.lease.simple().to_string(),
                "at": one.at.as_micros(),
                "status": one.status,
                "latency": one.latency_ms,
                "error": one.error,
                "body": one.response_body,
            })
        })
        .collect();
    let items = serde_json::Value::Array(items).to_string();
    uow.scope(organization).send(&ADD, &[Value::Json(items.into())]).await
}

/// The attempts of these deliveries, of each in their order.
pub(crate) async fn of(scope: Scope<'_>, deliveries: &[DeliveryId]) -> Result<Vec<Attempt>, DbError> {
    let ids = super::list(deliveries.iter().copied());
    scope.all(&OF, &[Value::Json(ids.into())], attempt).await
}

/// Removes the attempts of these deliveries.
pub(crate) async fn forget(
    uow: &UnitOfWork,
    organization: OrganizationId,
    deliveries: &[DeliveryId],
) -> Result<(), DbError> {
    let ids = super::list(deliveries.iter().copied());
    uow.scope(organization).send(&FORGET, &[Value::Json(ids.into())]).await
}

fn attempt(row: &Row<'_>) -> Result<Attempt, DbError> {
    Ok(Attempt {
        delivery: row.get(0)?,
        at: row.get(1)?,
        status: row.get(2)?,
        latency_ms: row.get(3)?,
        error: row.get(4)?,
        response_body: row.get(5)?,
    })
}
