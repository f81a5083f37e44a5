//! Periodic work, and when it is somebody's turn.

use std::time::Duration;

use kernel::Timestamp;
use uuid::Uuid;

kernel::id!(
    /// A job of the installation.
    pub(crate) struct JobId = "job"
);

/// How long a node that does a job counts as alive after it last said so. A job of a node that died is taken up within this and
/// one look at the table.
pub(crate) const LEASE: Duration = Duration::from_secs(20);
/// How often a node that does a job says so.
pub(crate) const RENEWAL: Duration = Duration::from_secs(5);

/// A job as the table knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JobState {
    pub(crate) name: String,
    pub(crate) id: JobId,
    pub(crate) next_run_at: Timestamp,
    pub(crate) lease: Option<(Uuid, Timestamp)>,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) finished_at: Option<Timestamp>,
    pub(crate) done: Option<i64>,
    pub(crate) failure: Option<String>,
}

impl JobState {
    /// Whether a node is at it.
    pub(crate) fn is_running(&self, now: Timestamp) -> bool {
        self.lease.is_some_and(|(_, until)| now < until)
    }

    /// Whether it is time, and nobody is at it.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        self.next_run_at <= now && !self.is_running(now)
    }
}

#[cfg(test)]
mod tests {
    use kernel::Id as _;

    use super::*;

    fn job(lease: Option<i64>) -> JobState {
        JobState {
            name: "clean-up".to_owned(),
            id: JobId::from_uuid(Uuid::from_u128(1)),
            next_run_at: Timestamp::from_micros(100),
            lease: lease.map(|until| (Uuid::from_u128(2), Timestamp::from_micros(until))),
            started_at: None,
            finished_at: None,
            done: None,
            failure: None,
        }
    }

    #[test]
    fn a_job_is_due_from_its_instant_on() {
        assert!(!job(None).is_due(Timestamp::from_micros(99)));
        assert!(job(None).is_due(Timestamp::from_micros(100)));
    }

    #[test]
    fn a_job_that_somebody_is_at_is_due_again_when_the_lease_ran_out() {
        let leased = job(Some(200));
        assert!(leased.is_running(Timestamp::from_micros(199)) && !leased.is_due(Timestamp::from_micros(199)));
        assert!(!leased.is_running(Timestamp::from_micros(200)) && leased.is_due(Timestamp::from_micros(200)));
    }
}
