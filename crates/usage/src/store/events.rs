//! The table `usage_events`.

use db::{DbError, Scope, Sql, UnitOfWork, values};
use kernel::{OrganizationId, Timestamp};
use serde::Serialize;
use uuid::Uuid;

use super::{SLICE, Stamp, expanded};

const ADD: Sql = Sql::tenant(
    "INSERT INTO usage_events (organization_id, occurred_at, id, metric, quantity, idempotency_key, recorded_at) \
     SELECT $1::uuid, e.at, e.id, e.metric, e.quantity, e.key, $3::timestamptz \
     FROM json_to_recordset($2) AS e(at timestamptz, id uuid, metric text, quantity bigint, key text)",
)
.on_sqlite(
    "INSERT INTO usage_events (organization_id, occurred_at, id, metric, quantity, idempotency_key, recorded_at) \
     SELECT $1, e.value ->> 'at', unhex(e.value ->> 'id', '-'), e.value ->> 'metric', e.value ->> 'quantity', \
     e.value ->> 'key', $3 FROM json_each($2) AS e",
);
// The two halves of a quantity are summed up by themselves: neither sum can overflow.
const SUMS: Sql = Sql::tenant(
    "SELECT metric, date_bin('15 minutes', occurred_at, TIMESTAMPTZ '2000-01-01 00:00:00+00') AS bucket, \
     sum(quantity >> 32)::bigint, sum(quantity & 4294967295)::bigint, count(*) FROM usage_events \
     WHERE organization_id = $1 AND occurred_at >= $2 AND occurred_at < $3 GROUP BY 1, 2 ORDER BY 1, 2",
)
.on_sqlite(
    "SELECT metric, occurred_at - occurred_at % 900000000 AS bucket, \
     sum(quantity >> 32), sum(quantity & 4294967295), count(*) FROM usage_events \
     WHERE organization_id = $1 AND occurred_at >= $2 AND occurred_at < $3 GROUP BY 1, 2 ORDER BY 1, 2",
);
const EDGES: Sql = Sql::tenant(
    "SELECT (SELECT min(occurred_at) FROM usage_events WHERE organization_id = $1), \
     (SELECT max(occurred_at) FROM usage_events WHERE organization_id = $1)",
);
const EXPORT: Sql = Sql::tenant(
    "SELECT occurred_at, id, metric, quantity, idempotency_key, recorded_at FROM usage_events \
     WHERE organization_id = $1 AND (occurred_at, id) > ($2, $3) AND occurred_at < $4 ORDER BY occurred_at, id LIMIT 5000",
)
.may_lag();
const FORGET: Sql = Sql::tenant(
    "DELETE FROM usage_events WHERE organization_id = $1 AND (occurred_at, id) IN \
     (SELECT occurred_at, id FROM usage_events WHERE organization_id = $1 AND occurred_at < $2 \
      ORDER BY occurred_at, id LIMIT 5000)",
);

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[ADD, SUMS, EDGES, EXPORT, FORGET];

/// An event about to be recorded.
#[derive(Debug, Serialize)]
pub(crate) struct NewEvent<'e> {
    pub(crate) at: Stamp,
    pub(crate) id: Uuid,
    pub(crate) metric: &'e str,
    pub(crate) quantity: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<&'e str>,
}

pub(crate) async fn add(
    uow: &UnitOfWork,
    organization: OrganizationId,
    events: &[NewEvent<'_>],
) -> Result<(), DbError> {
    let values = [expanded(events)?, uow.now().into()];
    uow.scope(organization).send(&ADD, &values).await
}

/// What was recorded of a metric in a quarter of an hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) metric: String,
    pub(crate) bucket: Timestamp,
    pub(crate) quantity: i64,
    pub(crate) events: i64,
}

/// The sums of what occurred from the one instant until before the other, in the order of their keys.
pub(crate) async fn sums(scope: Scope<'_>, from: Timestamp, to: Timestamp) -> Result<Vec<Sum>, DbError> {
    scope
        .all(&SUMS, &values![from, to], |row| {
            Ok(Sum {
                metric: row.get(0)?,
                bucket: row.get(1)?,
                quantity: joined(row.get(2)?, row.get(3)?),
                events: row.get(4)?,
            })
        })
        .await
}

/// The sum whose upper and lower halves were added up; the greatest integer stands for all beyond it.
pub(super) fn joined(upper: i64, lower: i64) -> i64 {
    let sum = (i128::from(upper) << 32) + i128::from(lower);
    i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX })
}

/// When the first and the last event occurred.
pub(crate) async fn edges(scope: Scope<'_>) -> Result<Option<(Timestamp, Timestamp)>, DbError> {
    let read = |row: &db::Row<'_>| Ok((row.get::<Option<Timestamp>>(0)?, row.get::<Option<Timestamp>>(1)?));
    let (first, last) = scope.one(&EDGES, &[], read).await?;
    Ok(first.zip(last))
}

/// An event as it is exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recorded {
    pub(crate) occurred_at: Timestamp,
    pub(crate) id: Uuid,
    pub(crate) metric: String,
    pub(crate) quantity: i64,
    pub(crate) key: Option<String>,
    pub(crate) recorded_at: Timestamp,
}

/// The next events after one of them, before an instant; fewer than [`SLICE`] when there are no more.
pub(crate) async fn after(
    scope: Scope<'_>,
    last: (Timestamp, Uuid),
    before: Timestamp,
) -> Result<Vec<Recorded>, DbError> {
    scope
        .all(&EXPORT, &values![last.0, last.1, before], |row| {
            Ok(Recorded {
                occurred_at: row.get(0)?,
                id: row.get(1)?,
                metric: row.get(2)?,
                quantity: row.get(3)?,
                key: row.get(4)?,
                recorded_at: row.get(5)?,
            })
        })
        .await
}

/// Deletes events that occurred before; how many, and whether there are more.
pub(crate) async fn forget(
    uow: &UnitOfWork,
    organization: OrganizationId,
    before: Timestamp,
) -> Result<(u64, bool), DbError> {
    let done = uow.scope(organization).execute(&FORGET, &values![before]).await?;
    Ok((done, done >= SLICE as u64))
}

#[cfg(test)]
mod tests {
    use super::joined;

    #[test]
    fn halves_join_to_the_sum_they_were_of() {
        for quantities in [
            &[0][..],
            &[1, 2, 3],
            &[9_007_199_254_740_991; 1_000],
            &[-5, 3],
            &[4_294_967_295, 1],
        ] {
            let upper = quantities.iter().map(|quantity: &i64| quantity >> 32).sum();
            let lower = quantities.iter().map(|quantity| quantity & 0xFFFF_FFFF).sum();
            assert_eq!(joined(upper, lower), quantities.iter().sum::<i64>(), "{quantities:?}");
        }
        assert_eq!(joined(i64::MAX, i64::MAX), i64::MAX);
        assert_eq!(joined(i64::MIN, 0), i64::MIN);
    }
}
