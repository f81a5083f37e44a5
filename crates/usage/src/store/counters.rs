//! The table `usage_counters`: what quotas are held against.

use contracts::catalog::QuotaPeriod;
use db::{DbError, Engine, Row, Scope, Sql, UnitOfWork, values};
use kernel::{OrganizationId, Timestamp};
use serde::Serialize;

use super::{Stamp, expanded};
use crate::domain::Window;

// One conditional upsert for everything that a unit takes: a row whose ceiling does not reach is neither made nor changed, and does
// not come back. A ceiling of the greatest integer is none: there the counter stands still rather than overflow.
const TAKE: Sql = Sql::tenant(
    "INSERT INTO usage_counters (organization_id, metric, period, starts_at, used, ceiling) \
     SELECT $1::uuid, c.metric, c.period, c.starts_at, c.quantity, c.ceiling \
     FROM json_to_recordset($2) AS c(metric text, period text, starts_at timestamptz, quantity bigint, ceiling bigint) \
     WHERE c.quantity <= c.ceiling ORDER BY c.metric, c.period, c.starts_at \
     ON CONFLICT (organization_id, metric, period, starts_at) DO UPDATE SET ceiling = excluded.ceiling, \
     changes = usage_counters.changes + 1, \
     used = CASE WHEN usage_counters.used > 9223372036854775807 - excluded.used \
     THEN 9223372036854775807 ELSE usage_counters.used + excluded.used END \
     WHERE excluded.ceiling = 9223372036854775807 OR usage_counters.used <= excluded.ceiling - excluded.used \
     RETURNING metric, period, starts_at, used, told, told_limit",
)
.on_sqlite(
    "INSERT INTO usage_counters (organization_id, metric, period, starts_at, used, ceiling) \
     SELECT $1, c.value ->> 'metric', c.value ->> 'period', c.value ->> 'starts_at', c.value ->> 'quantity', \
     c.value ->> 'ceiling' FROM json_each($2) AS c WHERE c.value ->> 'quantity' <= c.value ->> 'ceiling' \
     ON CONFLICT (organization_id, metric, period, starts_at) DO UPDATE SET ceiling = excluded.ceiling, \
     changes = usage_counters.changes + 1, \
     used = CASE WHEN usage_counters.used > 9223372036854775807 - excluded.used \
     THEN 9223372036854775807 ELSE usage_counters.used + excluded.used END \
     WHERE excluded.ceiling = 9223372036854775807 OR usage_counters.used <= excluded.ceiling - excluded.used \
     RETURNING metric, period, starts_at, used, told, told_limit",
);
const GIVE_BACK: Sql = Sql::tenant(
    "UPDATE usage_counters SET used = CASE WHEN used < $3 THEN 0 ELSE used - $3 END, changes = changes + 1 \
     WHERE organization_id = $1 AND metric = $2 AND (period = 'total' OR (period = 'hour' AND starts_at = $4) \
     OR (period = 'day' AND starts_at = $5) OR (period = 'month' AND starts_at = $6))",
);
const USED: Sql = Sql::tenant(
    "SELECT used FROM usage_counters WHERE organization_id = $1 AND metric = $2 AND period = $3 AND starts_at = $4",
)
.point();
const LOOK: Sql = Sql::tenant(
    "SELECT used, changes FROM usage_counters \
     WHERE organization_id = $1 AND metric = $2 AND period = 'total' AND starts_at = $3",
)
.point();
const TELL: Sql = Sql::tenant(
    "UPDATE usage_counters SET told = $5, told_limit = $6 \
     WHERE organization_id = $1 AND metric = $2 AND period = $3 AND starts_at = $4",
);
const HOLD: Sql = Sql::tenant(
    "SELECT metric, period, starts_at, used, changes FROM usage_counters \
     WHERE organization_id = $1 AND metric = $2 ORDER BY period, starts_at FOR UPDATE",
)
.on_sqlite(
    "SELECT metric, period, starts_at, used, changes FROM usage_counters \
     WHERE organization_id = $1 AND metric = $2 ORDER BY period, starts_at",
);
const SET: Sql = Sql::tenant(
    "INSERT INTO usage_counters (organization_id, metric, period, starts_at, used, ceiling) \
     VALUES ($1, $2, $3, $4, $5, 9223372036854775807) \
     ON CONFLICT (organization_id, metric, period, starts_at) DO UPDATE SET used = excluded.used, \
     changes = usage_counters.changes + 1",
);
const FORGET: Sql =
    Sql::tenant("DELETE FROM usage_counters WHERE organization_id = $1 AND period <> 'total' AND starts_at < $2");

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[TAKE, GIVE_BACK, USED, LOOK, TELL, HOLD, SET, FORGET];

/// How much of a metric is to be taken in a period, and what its use is not to exceed by that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Share<'m> {
    pub(crate) metric: &'m str,
    pub(crate) window: Window,
    pub(crate) quantity: i64,
    pub(crate) ceiling: i64,
}

#[derive(Serialize)]
struct ShareRow<'m> {
    metric: &'m str,
    period: &'static str,
    starts_at: Stamp,
    quantity: i64,
    ceiling: i64,
}

/// A counter after something was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) metric: String,
    pub(crate) window: Window,
    pub(crate) used: i64,
    /// The highest share, in percent, that was told of `told_limit`.
    pub(crate) told: i64,
    pub(crate) told_limit: i64,
}

/// Takes what fits; what does not come back did not.
pub(crate) async fn take(
    uow: &UnitOfWork,
    engine: Engine,
    organization: OrganizationId,
    shares: &[Share<'_>],
) -> Result<Vec<Taken>, DbError> {
    let rows: Vec<ShareRow<'_>> = shares
        .iter()
        .map(|share| ShareRow {
            metric: share.metric,
            period: share.window.period.as_str(),
            starts_at: Stamp(engine, share.window.starts_at),
            quantity: share.quantity,
            ceiling: share.ceiling,
        })
        .collect();
    let taken = |row: &Row<'_>| {
        Ok(Taken {
            metric: row.get(0)?,
            window: window(row, 1)?,
            used: row.get(3)?,
            told: row.get(4)?,
            told_limit: row.get(5)?,
        })
    };
    let scope = uow.scope(organization).reads();
    scope.all(&TAKE, &[expanded(&rows)?], taken).await
}

fn window(row: &Row<'_>, period: usize) -> Result<Window, DbError> {
    Ok(Window {
        period: QuotaPeriod::find(&row.get::<String>(period)?).ok_or_else(|| row.inconsistency(period))?,
        starts_at: row.get(period + 1)?,
    })
}

/// Gives back what was taken, in the periods of the instant; below nothing there is nothing.
pub(crate) async fn give_back(
    uow: &UnitOfWork,
    organization: OrganizationId,
    metric: &str,
    quantity: i64,
    at: Timestamp,
) -> Result<(), DbError> {
    let starts = |period| Window::at(period, at).starts_at;
    let values = values![
        metric,
        quantity,
        starts(QuotaPeriod::Hour),
        starts(QuotaPeriod::Day),
        starts(QuotaPeriod::Month),
    ];
    uow.scope(organization).send(&GIVE_BACK, &values).await
}

/// How much of a metric was used in a period.
pub(crate) async fn used(scope: Scope<'_>, metric: &str, window: Window) -> Result<i64, DbError> {
    let values = values![metric, window.period.as_str(), window.starts_at];
    let used = scope.optional(&USED, &values, |row| row.get(0)).await?;
    Ok(used.unwrap_or(0))
}

/// Remembers that a share of a limit was told.
pub(crate) async fn tell(
    uow: &UnitOfWork,
    organization: OrganizationId,
    taken: &Taken,
    share: i64,
    limit: i64,
) -> Result<(), DbError> {
    let window = taken.window;
    let values = values![
        taken.metric.as_str(),
        window.period.as_str(),
        window.starts_at,
        share,
        limit
    ];
    uow.scope(organization).send(&TELL, &values).await
}

/// A counter that is held until the unit ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) window: Window,
    pub(crate) used: i64,
    pub(crate) changes: i64,
}

/// Every counter of a metric.
pub(crate) async fn hold(uow: &UnitOfWork, organization: OrganizationId, metric: &str) -> Result<Vec<Held>, DbError> {
    let held = |row: &Row<'_>| {
        Ok(Held {
            window: window(row, 1)?,
            used: row.get(3)?,
            changes: row.get(4)?,
        })
    };
    uow.scope(organization).reads().all(&HOLD, &values![metric], held).await
}

/// Corrects a counter, or makes it.
pub(crate) async fn set(
    uow: &UnitOfWork,
    organization: OrganizationId,
    metric: &str,
    window: Window,
    used: i64,
) -> Result<(), DbError> {
    let values = values![metric, window.period.as_str(), window.starts_at, used];
    uow.scope(organization).send(&SET, &values).await
}

/// Deletes counters of periods that began before.
pub(crate) async fn forget(uow: &UnitOfWork, organization: OrganizationId, before: Timestamp) -> Result<u64, DbError> {
    uow.scope(organization).execute(&FORGET, &values![before]).await
}

/// A level as it was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Look {
    pub(crate) used: i64,
    /// How often it was changed; 0 when it never was.
    pub(crate) changes: i64,
}

/// Looks at a level, of which there is one counter.
pub(crate) async fn look(scope: Scope<'_>, metric: &str) -> Result<Look, DbError> {
    let look = |row: &Row<'_>| {
        Ok(Look {
            used: row.get(0)?,
            changes: row.get(1)?,
        })
    };
    Ok(scope
        .optional(&LOOK, &values![metric, Timestamp::UNIX_EPOCH], look)
        .await?
        .unwrap_or_default())
}
