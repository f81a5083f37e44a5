//! Making a job due at once.

use authz::Granted;
use contracts::organization::JobSummary;
use db::UnitOfWork;
use kernel::{DomainEvent, Subject};

use super::Refusal;
use crate::domain::JobState;
use crate::manifest::{JOB_REQUESTED, JobUpdate};
use crate::store::jobs;

/// Makes the job due now; a node takes it up at its next look. One that is running is run once more after that.
///
/// # Errors
/// [`Refusal::Storage`].
pub(crate) async fn request_job(granted: &Granted<JobUpdate>, uow: &UnitOfWork, job: &JobState) -> Result<(), Refusal> {
    jobs::request(uow, &job.name, uow.now()).await?;
    let event = DomainEvent {
        kind: JOB_REQUESTED,
        subject: Subject::from(job.id),
        changes: Vec::new(),
    };
    let summary = JobSummary {
        id: job.id.into(),
        name: job.name.clone(),
    };
    uow.record_all(granted.organization(), [event], &summary)?;
    Ok(())
}
