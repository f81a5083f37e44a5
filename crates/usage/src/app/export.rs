//! Exports recorded events, however many: they are read in slices, and handed on as they come.

use db::{Db, DbError};
use kernel::{OrganizationId, Timestamp};
use serde::Serialize;
use uuid::Uuid;

use crate::domain::Metric;
use crate::store::events::{self, Recorded};

/// An event as it is exported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventRecord {
    /// Its id.
    pub id: Uuid,
    /// What was counted.
    pub metric: String,
    /// How much.
    pub quantity: i64,
    /// The client's name for it.
    pub idempotency_key: Option<String>,
    /// When it occurred.
    pub occurred_at: Timestamp,
    /// When it was reported.
    pub recorded_at: Timestamp,
}

impl From<Recorded> for EventRecord {
    fn from(event: Recorded) -> Self {
        Self {
            id: event.id,
            metric: event.metric,
            quantity: event.quantity,
            idempotency_key: event.key,
            occurred_at: event.occurred_at,
            recorded_at: event.recorded_at,
        }
    }
}

/// Hands every event that occurred from the one instant until before the other to `take`, of one metric where one is named, in the
/// order in which they occurred; how many there were.
///
/// # Errors
/// [`DbError`], also as a text where the metric is not one; that of `take`.
pub async fn export<E: From<DbError>>(
    db: &Db,
    organization: OrganizationId,
    metric: Option<&str>,
    (from, to): (Timestamp, Timestamp),
    mut take: impl FnMut(&EventRecord) -> Result<(), E>,
) -> Result<u64, E> {
    if let Some(metric) = metric {
        Metric::new(metric).map_err(|violation| DbError::Internal(violation.to_string()))?;
    }
    // Behind the last instant before: no id is greater than the greatest.
    let mut last = (Timestamp::from_micros(from.as_micros().saturating_sub(1)), Uuid::max());
    let mut taken = 0;
    loop {
        let slice = events::after(db.scope(organization), last, to).await?;
        let is_last = slice.len() < crate::store::SLICE;
        for event in slice {
            last = (event.occurred_at, event.id);
            if metric.is_none_or(|metric| metric == event.metric) {
                take(&event.into())?;
                taken += 1;
            }
        }
        if is_last {
            return Ok(taken);
        }
    }
}
