//! What decides from values alone: what is counted, in which stretch of time, and against which limit.

mod event;
mod limits;
mod metric;
mod report;
mod window;

pub(crate) use event::{Event, IdempotencyKey, MAX_AGE, Untimely, timeliness};
pub(crate) use limits::{Limits, TOLD, ceiling, level_reached};
pub(crate) use metric::{Metric, ReportedMetric, is_level};
pub(crate) use report::{Granularity, Interval, MAX_INTERVALS, Report, Zone, intervals};
pub(crate) use window::{Window, bucket_of, windows};
