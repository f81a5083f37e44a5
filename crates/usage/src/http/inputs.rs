//! What bodies and queries are made of.

use ::http::{Int, Problems, TextSchema};
use deserr::{Deserr, IntoValue, MergeWithError as _, Value, ValuePointerRef};
use kernel::{Rule, RuleViolation};

use crate::domain::{Event, Granularity, IdempotencyKey, Metric, ReportedMetric, Zone};

/// The most events of one batch.
pub(crate) const MAX_EVENTS: usize = 1_000;

const METRIC: TextSchema = TextSchema {
    min_length: Some(1),
    max_length: Some(64),
    pattern: Some(Metric::PATTERN),
    format: None,
    description: None,
    example: Metric::EXAMPLE,
};

::http::text_value! { Metric, Metric::new, METRIC }
::http::text_value! { ReportedMetric, ReportedMetric::new, METRIC }
::http::text_value! {
    IdempotencyKey, IdempotencyKey::new,
    TextSchema::line(1, 255, "signature-4711")
}
::http::text_value! {
    Zone, Zone::new,
    TextSchema { example: "America/Sao_Paulo", ..Default::default() }
}

::http::choice! {
    /// How fine a report is.
    pub(crate) enum Fineness { Hour = "hour", Day = "day", Month = "month" }
}

impl From<Fineness> for Granularity {
    fn from(fineness: Fineness) -> Self {
        match fineness {
            Fineness::Hour => Self::Hour,
            Fineness::Day => Self::Day,
            Fineness::Month => Self::Month,
        }
    }
}

::http::input! {
    /// Something that was consumed.
    pub(crate) struct UsageEvent {
        /// What. Any name will do but those that the platform counts by itself: `users.active`, `api.requests`, `storage.bytes`.
        metric: ReportedMetric,
        /// How much: a whole number that every JSON parser keeps, up to 2^53 - 1.
        quantity: Int<0, 9_007_199_254_740_991>,
        /// Names the event: for 32 days another one with the same key is counted as a duplicate, and nothing else.
        idempotency_key: Option<IdempotencyKey>,
        /// When it occurred, at most 32 days ago and at most 5 minutes ahead; now, if it is not said.
        occurred_at: Option<::http::TimeText>,
    }
}

impl From<UsageEvent> for Event {
    fn from(event: UsageEvent) -> Self {
        Self {
            metric: event.metric,
            quantity: event.quantity.get(),
            key: event.idempotency_key,
            occurred_at: event.occurred_at.map(|text| text.0),
        }
    }
}

/// 1 to [`MAX_EVENTS`] events.
#[derive(Debug, Clone)]
pub(crate) struct Batch(pub(crate) Vec<Event>);

impl Deserr<Problems> for Batch {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, location: ValuePointerRef<'_>) -> Result<Self, Problems> {
        let events = Vec::<UsageEvent>::deserialize_from_value(value, location)?;
        let rule = match events.len() {
            0 => Rule::TooFewItems { min: 1 },
            1..=MAX_EVENTS => return Ok(Self(events.into_iter().map(Event::from).collect())),
            _ => Rule::TooManyItems { max: MAX_EVENTS },
        };
        Err(deserr::take_cf_content(Problems::merge(
            None,
            RuleViolation::new("", rule),
            location,
        )))
    }
}
