//! The table `jobs`.

use db::{DbError, Row, Scope, Sql, UnitOfWork, Value, values};
use kernel::Timestamp;
use uuid::Uuid;

use crate::domain::{JobId, JobState};

const ALL: Sql = Sql::global(
    "SELECT name, id, next_run_at, holder, leased_until, started_at, finished_at, done, failure FROM jobs ORDER BY name",
);
const ADD: Sql =
    Sql::global("INSERT INTO jobs (name, id, next_run_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING");
const CLAIM: Sql = Sql::global(
    "UPDATE jobs SET holder = $2, leased_until = $3, started_at = $4 \
     WHERE name = $1 AND next_run_at <= $4 AND (leased_until IS NULL OR leased_until <= $4)",
);
const RENEW: Sql = Sql::global("UPDATE jobs SET leased_until = $3 WHERE name = $1 AND holder = $2");
const FINISH: Sql = Sql::global(
    "UPDATE jobs SET holder = NULL, leased_until = NULL, finished_at = $3, done = $4, failure = $5, next_run_at = $6 \
     WHERE name = $1 AND holder = $2",
);
const REQUEST: Sql = Sql::global("UPDATE jobs SET next_run_at = $2 WHERE name = $1");

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[ALL, ADD, CLAIM, RENEW, FINISH, REQUEST];

/// Every job that any version of the program has declared: a handful.
pub(crate) async fn all(scope: Scope<'_>) -> Result<Vec<JobState>, DbError> {
    scope.all(&ALL, &[], job).await
}

/// Adds a job that is not there yet; another node may add it at the same moment.
pub(crate) async fn add(uow: &UnitOfWork, name: &str, id: JobId, next_run_at: Timestamp) -> Result<(), DbError> {
    uow.global()
        .send(&ADD, &[name.into(), Value::id(id), next_run_at.into()])
        .await
}

/// Leases a job that is due; false when somebody else was faster.
pub(crate) async fn claim(
    uow: &UnitOfWork,
    name: &str,
    holder: Uuid,
    until: Timestamp,
    now: Timestamp,
) -> Result<bool, DbError> {
    let claimed = uow.global().execute(&CLAIM, &values![name, holder, until, now]).await?;
    Ok(claimed == 1)
}

/// Holds on to a lease; false when it is somebody else's by now.
pub(crate) async fn renew(uow: &UnitOfWork, name: &str, holder: Uuid, until: Timestamp) -> Result<bool, DbError> {
    let renewed = uow.global().execute(&RENEW, &values![name, holder, until]).await?;
    Ok(renewed == 1)
}

/// What a run came to.
pub(crate) struct Outcome<'o> {
    pub(crate) finished_at: Timestamp,
    pub(crate) done: Option<i64>,
    pub(crate) failure: Option<&'o str>,
    pub(crate) next_run_at: Timestamp,
}

/// Gives the lease back.
pub(crate) async fn finish(uow: &UnitOfWork, name: &str, holder: Uuid, outcome: &Outcome<'_>) -> Result<(), DbError> {
    let Outcome {
        finished_at,
        done,
        failure,
        next_run_at,
    } = *outcome;
    uow.global()
        .send(&FINISH, &values![name, holder, finished_at, done, failure, next_run_at])
        .await
}

/// Makes it due now.
pub(crate) async fn request(uow: &UnitOfWork, name: &str, now: Timestamp) -> Result<(), DbError> {
    uow.global().send(&REQUEST, &values![name, now]).await
}

fn job(row: &Row<'_>) -> Result<JobState, DbError> {
    let holder: Option<Uuid> = row.get(3)?;
    let leased_until: Option<Timestamp> = row.get(4)?;
    Ok(JobState {
        name: row.get(0)?,
        id: row.id(1)?,
        next_run_at: row.get(2)?,
        lease: holder.zip(leased_until),
        started_at: row.get(5)?,
        finished_at: row.get(6)?,
        done: row.get(7)?,
        failure: row.get(8)?,
    })
}
