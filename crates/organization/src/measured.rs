//! How late jobs are and which fail, on the metrics page.

use std::sync::Arc;

use http::{Jobs, Metrics};
use kernel::{Clock, Timestamp};
use parking_lot::Mutex;

use crate::domain::JobState;

/// The jobs as this node's scheduler saw them at its last look at their table: of each when it is due, and whether its last run
/// failed. So every node tells the same, whichever did them.
#[derive(Debug, Default)]
pub(crate) struct Measured(Mutex<Vec<Seen>>);

#[derive(Debug, Clone, Copy)]
struct Seen {
    name: &'static str,
    due_at: Timestamp,
    failed: bool,
}

impl Measured {
    /// Takes in a look at the table.
    pub(crate) fn saw(&self, states: &[JobState], jobs: &Jobs) {
        let seen = states.iter().filter_map(|state| {
            Some(Seen {
                name: jobs.find(&state.name)?.name,
                due_at: state.next_run_at,
                failed: state.failure.is_some(),
            })
        });
        *self.0.lock() = seen.collect();
    }

    /// Shows it on the page.
    pub(crate) fn show(self: &Arc<Self>, metrics: &Metrics, clock: Arc<dyn Clock>) {
        let seen = Arc::clone(self);
        metrics.gauges(
            "job_overdue_seconds",
            "For how long a job has been due, the run that is under way included",
            "name",
            move || seen.overdue(clock.now()),
        );
        let seen = Arc::clone(self);
        metrics.gauges(
            "job_failing",
            "1 where the last run of a job failed",
            "name",
            move || {
                let jobs = seen.0.lock();
                jobs.iter().map(|job| (job.name, i64::from(job.failed))).collect()
            },
        );
    }

    fn overdue(&self, now: Timestamp) -> Vec<(&'static str, i64)> {
        let late = |job: &Seen| i64::try_from(now.since(job.due_at).as_secs()).unwrap_or(i64::MAX);
        self.0.lock().iter().map(|job| (job.name, late(job))).collect()
    }
}
