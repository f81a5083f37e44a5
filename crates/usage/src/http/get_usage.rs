//! `GET /usage`

use std::time::Duration;

use ::http::{Answer, ApiError, Doc, Query, Requires};
use contracts::usage::API_REQUESTS;
use kernel::{Rule, RuleViolation, Timestamp};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::inputs::Fineness;
use crate::app::report;
use crate::domain::{Granularity, Interval, MAX_INTERVALS, Metric, Zone, intervals};
use crate::manifest::ReportRead;
use crate::meter::Meter;

/// How far back a report goes when nobody says.
const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);

::http::filters! {
    /// What a report is asked for by.
    pub(crate) struct UsageFilter {
        /// What was counted. `users.active` and `storage.bytes` are levels: their quantity is what they were at the end of
        /// each interval. Every other metric adds up.
        metric: Metric = "metric" (required),
        /// Since when; 30 days before `to`, if it is not said. Rounded down to a quarter of an hour.
        from: Timestamp = "from",
        /// Until when; until now, the quarter of an hour that goes on included, if it is not said. Rounded up to a quarter of an
        /// hour.
        to: Timestamp = "to",
        /// How long the intervals are; `day`, if it is not said. There are at most 10,000 of them.
        granularity: Fineness = "granularity",
        /// In whose hours, days and months: a name of the IANA time zone database; `UTC`, if it is not said.
        time_zone: Zone = "timeZone",
    }
}

/// What was used in a stretch of time.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UsageInterval, rename_all = "camelCase")]
struct IntervalView {
    /// Its beginning.
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    /// Its end, which does not belong to it.
    #[schema(value_type = String, format = DateTime)]
    to: Timestamp,
    /// How much was used; 0 where nothing was.
    quantity: i64,
}

pub(super) fn doc() -> Doc {
    Doc::new("getUsage", "Report what was used")
        .describe(
            "The hours, days or months between `from` and `to`, each with what was used in it, also where that is nothing. The \
             first and the last interval go only as far as was asked for.",
        )
        .query::<Query<UsageFilter>>()
        .answers_all::<IntervalView>(
            "The intervals, the first one first",
            json!([
                { "from": "2026-11-20T03:00:00.000000Z", "to": "2026-11-21T03:00:00.000000Z", "quantity": 41 },
                { "from": "2026-11-21T03:00:00.000000Z", "to": "2026-11-22T03:00:00.000000Z", "quantity": 0 }
            ]),
        )
}

pub(super) async fn handle(
    caller: Requires<ReportRead>,
    Query(filter): Query<UsageFilter>,
) -> Result<Answer, ApiError> {
    let organization = caller.granted().organization();
    let (metric, intervals) = understood(filter, caller.app().generators().now())?;
    if metric.as_str() == API_REQUESTS {
        caller.app().port::<Meter>()?.flush(organization).await?;
    }
    let told = report(caller.app().db(), organization, &metric, intervals).await?;
    let views: Vec<IntervalView> = told.into_iter().map(IntervalView::from).collect();
    Answer::ok(&views)
}

impl From<(Interval, i64)> for IntervalView {
    fn from((Interval { from, to }, quantity): (Interval, i64)) -> Self {
        Self { from, to, quantity }
    }
}

/// What is asked for, with what nobody said.
fn understood(filter: UsageFilter, now: Timestamp) -> Result<(Metric, Vec<Interval>), ApiError> {
    // Beyond now, so that the quarter of an hour that has just begun belongs to it.
    let to = filter.to.unwrap_or_else(|| now.plus(Duration::from_micros(1)));
    let from = filter.from.unwrap_or_else(|| to.minus(MONTH));
    let granularity = filter.granularity.map_or(Granularity::Day, Granularity::from);
    let zone = filter.time_zone.unwrap_or(Zone::UTC);
    let mut problems = Vec::new();
    if filter.metric.is_none() {
        problems.push(RuleViolation::new("metric", Rule::Required));
    }
    let intervals = if from < to {
        intervals(&zone, granularity, from, to).ok_or(Rule::TooManyItems { max: MAX_INTERVALS })
    } else {
        Err(Rule::Invalid)
    };
    match (filter.metric, intervals) {
        (Some(metric), Ok(intervals)) => Ok((metric, intervals)),
        (_, intervals) => {
            problems.extend(intervals.err().map(|rule| RuleViolation::new("to", rule)));
            Err(ApiError::violations(problems))
        }
    }
}
