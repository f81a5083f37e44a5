//! The table `usage_aggregates`: sums over quarters of an hour.

use db::{DbError, Engine, Row, Scope, Sql, UnitOfWork, values};
use kernel::{OrganizationId, Timestamp};
use serde::Serialize;

use super::events::{Sum, joined};
use super::{SLICE, Stamp, expanded};

// A sum beyond what an integer holds stands still at its greatest, on both engines.
const ADD: Sql = Sql::tenant(
    "INSERT INTO usage_aggregates (organization_id, metric, bucket, quantity, events) \
     SELECT $1::uuid, a.metric, a.bucket, a.quantity, a.events \
     FROM json_to_recordset($2) AS a(metric text, bucket timestamptz, quantity bigint, events bigint) \
     ORDER BY a.metric, a.bucket \
     ON CONFLICT (organization_id, metric, bucket) DO UPDATE SET events = usage_aggregates.events + excluded.events, \
     quantity = CASE WHEN excluded.quantity > 0 AND usage_aggregates.quantity > 9223372036854775807 - excluded.quantity \
     THEN 9223372036854775807 ELSE usage_aggregates.quantity + excluded.quantity END",
)
.on_sqlite(
    "INSERT INTO usage_aggregates (organization_id, metric, bucket, quantity, events) \
     SELECT $1, a.value ->> 'metric', a.value ->> 'bucket', a.value ->> 'quantity', a.value ->> 'events' \
     FROM json_each($2) AS a WHERE true \
     ON CONFLICT (organization_id, metric, bucket) DO UPDATE SET events = usage_aggregates.events + excluded.events, \
     quantity = CASE WHEN excluded.quantity > 0 AND usage_aggregates.quantity > 9223372036854775807 - excluded.quantity \
     THEN 9223372036854775807 ELSE usage_aggregates.quantity + excluded.quantity END",
);
const ENSURE: Sql = Sql::tenant(
    "INSERT INTO usage_aggregates (organization_id, metric, bucket, quantity, events) VALUES ($1, $2, $3, 0, 0) \
     ON CONFLICT (organization_id, metric, bucket) DO NOTHING",
);
const READ: Sql = Sql::tenant(
    "SELECT bucket, quantity FROM usage_aggregates \
     WHERE organization_id = $1 AND metric = $2 AND bucket > $3 AND bucket < $4 ORDER BY bucket LIMIT 5000",
)
.may_lag();
const HOLD: Sql = Sql::tenant(
    "SELECT metric, bucket, quantity, events FROM usage_aggregates \
     WHERE organization_id = $1 AND bucket >= $2 AND bucket < $3 \
     AND metric NOT IN ('users.active', 'api.requests', 'storage.bytes') ORDER BY metric, bucket FOR UPDATE",
)
.on_sqlite(
    "SELECT metric, bucket, quantity, events FROM usage_aggregates \
     WHERE organization_id = $1 AND bucket >= $2 AND bucket < $3 \
     AND metric NOT IN ('users.active', 'api.requests', 'storage.bytes') ORDER BY metric, bucket",
);
const SET: Sql = Sql::tenant(
    "UPDATE usage_aggregates SET quantity = $4, events = $5 WHERE organization_id = $1 AND metric = $2 AND bucket = $3",
);
const EDGES: Sql = Sql::tenant(
    "SELECT min(bucket), max(bucket) FROM usage_aggregates WHERE organization_id = $1 \
     AND metric NOT IN ('users.active', 'api.requests', 'storage.bytes')",
);
const METRICS: Sql = Sql::tenant(
    "SELECT DISTINCT metric FROM usage_aggregates WHERE organization_id = $1 \
     AND metric NOT IN ('users.active', 'api.requests', 'storage.bytes') ORDER BY metric",
);
const TOTAL: Sql = Sql::tenant(
    "SELECT coalesce(sum(quantity >> 32), 0)::bigint, coalesce(sum(quantity & 4294967295), 0)::bigint \
     FROM usage_aggregates WHERE organization_id = $1 AND metric = $2 AND bucket >= $3 AND bucket < $4",
)
.on_sqlite(
    "SELECT coalesce(sum(quantity >> 32), 0), coalesce(sum(quantity & 4294967295), 0) \
     FROM usage_aggregates WHERE organization_id = $1 AND metric = $2 AND bucket >= $3 AND bucket < $4",
);

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[ADD, ENSURE, READ, HOLD, SET, EDGES, METRICS, TOTAL];

#[derive(Serialize)]
struct NewRow<'s> {
    metric: &'s str,
    bucket: Stamp,
    quantity: i64,
    events: i64,
}

/// Adds to the sums, which are in the order of their keys.
pub(crate) async fn add(
    uow: &UnitOfWork,
    engine: Engine,
    organization: OrganizationId,
    sums: &[Sum],
) -> Result<(), DbError> {
    let rows: Vec<NewRow<'_>> = sums
        .iter()
        .map(|sum| NewRow {
            metric: &sum.metric,
            bucket: Stamp(engine, sum.bucket),
            quantity: sum.quantity,
            events: sum.events,
        })
        .collect();
    uow.scope(organization).send(&ADD, &[expanded(&rows)?]).await
}

/// The sums of one metric after a quarter of an hour and before another; fewer than [`SLICE`] when there are no more.
pub(crate) async fn read(
    scope: Scope<'_>,
    metric: &str,
    after: Timestamp,
    before: Timestamp,
) -> Result<Vec<(Timestamp, i64)>, DbError> {
    let values = values![metric, after, before];
    scope.all(&READ, &values, |row| Ok((row.get(0)?, row.get(1)?))).await
}

/// Whether a read came to its end.
pub(crate) fn is_last(rows: usize) -> bool {
    rows < SLICE
}

/// Makes sure that there is a row to hold.
pub(crate) async fn ensure(uow: &UnitOfWork, organization: OrganizationId, sum: &Sum) -> Result<(), DbError> {
    let values = values![sum.metric.as_str(), sum.bucket];
    uow.scope(organization).send(&ENSURE, &values).await
}

/// The sums of what is reported, from the one quarter of an hour until before the other, held until the unit ends.
pub(crate) async fn hold(
    uow: &UnitOfWork,
    organization: OrganizationId,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Sum>, DbError> {
    let sum = |row: &Row<'_>| {
        Ok(Sum {
            metric: row.get(0)?,
            bucket: row.get(1)?,
            quantity: row.get(2)?,
            events: row.get(3)?,
        })
    };
    uow.scope(organization)
        .reads()
        .all(&HOLD, &values![from, to], sum)
        .await
}

/// Corrects a sum.
pub(crate) async fn set(uow: &UnitOfWork, organization: OrganizationId, sum: &Sum) -> Result<(), DbError> {
    let values = values![sum.metric.as_str(), sum.bucket, sum.quantity, sum.events];
    uow.scope(organization).send(&SET, &values).await
}

/// The first and the last quarter of an hour with a sum of what is reported.
pub(crate) async fn edges(scope: Scope<'_>) -> Result<Option<(Timestamp, Timestamp)>, DbError> {
    let read = |row: &Row<'_>| Ok((row.get::<Option<Timestamp>>(0)?, row.get::<Option<Timestamp>>(1)?));
    let (first, last) = scope.one(&EDGES, &[], read).await?;
    Ok(first.zip(last))
}

/// Every metric that was reported.
pub(crate) async fn metrics(scope: Scope<'_>) -> Result<Vec<String>, DbError> {
    scope.all(&METRICS, &[], |row| row.get(0)).await
}

/// What a metric sums up to, from the one quarter of an hour until before the other.
pub(crate) async fn total(scope: Scope<'_>, metric: &str, from: Timestamp, to: Timestamp) -> Result<i64, DbError> {
    let halves = |row: &Row<'_>| Ok(joined(row.get(0)?, row.get(1)?));
    scope.one(&TOTAL, &values![metric, from, to], halves).await
}
