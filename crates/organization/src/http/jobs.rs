//! `GET /jobs` and `POST /jobs/{name}/run`: the installation's periodic work.

use http::{Answer, ApiError, App, Doc, Job, Jobs, NoBody, PathText, Requires, Routes};
use kernel::Timestamp;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::app::request_job;
use crate::domain::JobState;
use crate::manifest::{JobRead, JobUpdate};
use crate::store::jobs;

pub(super) fn routes() -> Routes<App> {
    Routes::new(
        "Jobs",
        "The periodic work of the installation, done by one node at a time",
    )
    .get("/jobs", list, list_doc())
    .post("/jobs/{name}/run", run, run_doc())
}

/// A job, and how its last run went.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Job, rename_all = "camelCase")]
struct JobView {
    /// Its name.
    name: &'static str,
    /// What it does.
    description: &'static str,
    /// How often it runs: `10s`, `15m`, `1h`, `7d`.
    every: String,
    /// Whether a node is at it.
    is_running: bool,
    /// When it is due.
    #[schema(value_type = String, format = DateTime)]
    next_run_at: Timestamp,
    /// When its last run began.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_started_at: Option<Timestamp>,
    /// When the last run that came to an end did so.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_finished_at: Option<Timestamp>,
    /// How much that run did: rows, or whatever the job counts.
    last_done: Option<i64>,
    /// Why that run failed; `null` when it did not.
    last_failure: Option<String>,
}

impl JobView {
    fn new(job: &Job, state: JobState, now: Timestamp) -> Self {
        Self {
            name: job.name,
            description: job.description,
            every: kernel::format_duration(job.every),
            is_running: state.is_running(now),
            next_run_at: state.next_run_at,
            last_started_at: state.started_at,
            last_finished_at: state.finished_at,
            last_done: state.done,
            last_failure: state.failure,
        }
    }
}

/// The job that an event's documentation shows.
pub(crate) fn requested_example() -> serde_json::Value {
    json!({ "id": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e41", "name": "idempotency-expiry" })
}

fn example() -> serde_json::Value {
    json!({
        "name": "sessions-clean-up",
        "description": "Removes sessions that are over",
        "every": "1h",
        "isRunning": false,
        "nextRunAt": "2026-11-21T13:00:00.000000Z",
        "lastStartedAt": "2026-11-21T12:00:00.000000Z",
        "lastFinishedAt": "2026-11-21T12:00:00.500000Z",
        "lastDone": 17,
        "lastFailure": null
    })
}

fn list_doc() -> Doc {
    Doc::new("listJobs", "List the jobs")
        .describe("All periodic work of the installation, by name. There are few, so there are no pages.")
        .answers_all::<JobView>("The jobs", json!([example()]))
}

async fn list(caller: Requires<JobRead>) -> Result<Answer, ApiError> {
    let declared = caller.app().port::<Jobs>()?;
    let now = caller.app().generators().now();
    let states = jobs::all(caller.app().db().global()).await?;
    let views: Vec<JobView> = states
        .into_iter()
        .filter_map(|state| Some(JobView::new(declared.find(&state.name)?, state, now)))
        .collect();
    Answer::ok(&views)
}

fn run_doc() -> Doc {
    Doc::new("runJob", "Run a job now")
        .describe("Makes the job due; a node takes it up within seconds.")
        .accepts::<JobView>("The job, which is due now", example())
}

async fn run(caller: Requires<JobUpdate>, PathText(name): PathText, _: NoBody) -> Result<Answer, ApiError> {
    let declared = caller.app().port::<Jobs>()?;
    let job = *declared.find(&name).ok_or_else(ApiError::not_found)?;
    let states = jobs::all(caller.app().db().global()).await?;
    let state = states
        .into_iter()
        .find(|state| state.name == name)
        .ok_or_else(ApiError::not_found)?;
    let granted = caller.granted().clone();
    caller
        .write(move |uow| {
            let (granted, mut state) = (granted.clone(), state.clone());
            async move {
                request_job(&granted, &uow, &state).await?;
                state.next_run_at = uow.now();
                Answer::accepted(&JobView::new(&job, state, uow.now()))
            }
        })
        .await
}
