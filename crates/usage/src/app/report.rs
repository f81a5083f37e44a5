//! Reports what was used.

use db::{Db, DbError};
use kernel::{OrganizationId, Timestamp};

use crate::domain::{Interval, Metric, Report, is_level};
use crate::store::aggregates;

/// What was used of the metric in each of the stretches, which follow one another.
pub(crate) async fn report(
    db: &Db,
    organization: OrganizationId,
    metric: &Metric,
    intervals: Vec<Interval>,
) -> Result<Vec<(Interval, i64)>, DbError> {
    let ends = intervals.first().zip(intervals.last());
    let Some((from, to)) = ends.map(|(first, last)| (first.from, last.to)) else {
        return Ok(Vec::new());
    };
    let is_level = is_level(metric.as_str());
    // A level is what all of its changes come to.
    let first = if is_level { Timestamp::MIN } else { from };
    let mut report = Report::new(intervals, is_level);
    // Buckets are read after one, and begin at whole quarters of an hour.
    let mut after = Timestamp::from_micros(first.as_micros() - 1);
    loop {
        let rows = aggregates::read(db.scope(organization), metric.as_str(), after, to).await?;
        for (bucket, quantity) in &rows {
            report.add(*bucket, *quantity);
            after = *bucket;
        }
        if aggregates::is_last(rows.len()) {
            return Ok(report.finish().collect());
        }
    }
}
