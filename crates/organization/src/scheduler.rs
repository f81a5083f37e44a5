//! Who does the periodic work: on every node a scheduler looks at the table of jobs, and leases what is due.
//!
//! Of all nodes one does a job at a time. It holds a lease of 20 s and renews it every 5 s; one that died is replaced when its lease
//! ran out, and one that finds its lease gone stops at once. So jobs must be safe to be dropped and done again.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use db::{Db, DbError, UnitContext};
use http::{App, Job, Jobs};
use kernel::{Actor, OrganizationId, Timestamp};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::domain::{JobId, LEASE, RENEWAL};
use crate::measured::Measured;
use crate::store::jobs;

/// How often the table is looked at. With the lease it bounds how long a dead node's job waits: 22 s.
const LOOK: Duration = Duration::from_secs(2);
/// The pause before a job that failed is tried again, unless its own is shorter.
const AFTER_FAILURE: Duration = Duration::from_secs(60);
/// The most of an error's text that is kept.
const FAILURE_LENGTH: usize = 500;

/// Why a unit about leases needs no entry in the trail.
const LEASES: &str = "which node does periodic work is no change of anybody's data";

/// Runs the installation's jobs as one node.
#[derive(Clone)]
pub struct Scheduler {
    app: App,
    jobs: Arc<Jobs>,
    platform: OrganizationId,
    /// This node, as long as it runs.
    holder: Uuid,
}

/// What one attempt to do a job came to.
#[derive(Debug)]
pub enum Ran {
    /// It was done; there was so much to do.
    Done(u64),
    /// Another node is at it, or it is not due.
    NotNow,
    /// It failed, in words for the operator.
    Failed(String),
}

impl Scheduler {
    /// A scheduler for this node. `platform` is where its work is booked.
    #[must_use]
    pub fn new(app: App, jobs: Arc<Jobs>, platform: OrganizationId) -> Self {
        let holder: JobId = app.generators().id();
        Self {
            app,
            jobs,
            platform,
            holder: holder.into(),
        }
    }

    /// Adds jobs that the table does not know yet. They are due after their first interval, so that a node which starts is not
    /// busy with all of them.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn declare(&self) -> Result<(), DbError> {
        let known = jobs::all(self.db().global()).await?;
        let missing: Vec<Job> = self
            .jobs
            .iter()
            .filter(|job| known.iter().all(|state| state.name != job.name))
            .copied()
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        self.db()
            .write(self.unit(), move |uow| {
                let missing = missing.clone();
                async move {
                    for job in missing {
                        let id: JobId = uow.generators().id();
                        jobs::add(&uow, job.name, id, uow.now().plus(job.every)).await?;
                    }
                    Ok::<_, DbError>(())
                }
            })
            .await
    }

    /// Does what is due until told to stop; then what it is at is dropped, and taken up by another node or the next start. Jobs do
    /// not wait for each other: a long one delays none.
    pub async fn run(self, stop: CancellationToken) {
        let mut running: JoinSet<&'static str> = JoinSet::new();
        let mut names: HashSet<&'static str> = HashSet::new();
        let mut declared = false;
        loop {
            let round = async {
                if !declared {
                    self.declare().await?;
                    declared = true;
                }
                self.due().await
            };
            let due = tokio::select! {
                () = stop.cancelled() => return,
                due = round => due,
            };
            match due {
                Ok(due) => {
                    for job in due.into_iter().filter(|job| names.insert(job.name)) {
                        let scheduler = self.clone();
                        running.spawn(async move {
                            scheduler.attempt_and_tell(&job).await;
                            job.name
                        });
                    }
                }
                Err(error) => tracing::warn!(error = %error, "the jobs could not be looked at"),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            while let Some(ended) = running.try_join_next() {
                match ended {
                    Ok(name) => {
                        names.remove(name);
                    }
                    // Which one it was is in the log beside the panic; the others are looked at anew, under their leases.
                    Err(_) => names.clear(),
                }
            }
        }
    }

    async fn attempt_and_tell(&self, job: &Job) {
        match self.attempt(job).await {
            Ok(Ran::Failed(failure)) => tracing::error!(job = job.name, failure, "a job failed"),
            Ok(Ran::Done(_) | Ran::NotNow) => {}
            Err(error) => tracing::warn!(job = job.name, error = %error, "a job could not be leased or given back"),
        }
    }

    /// The jobs that are due. Those of another version of the program, which may still run beside this one, are not known here.
    async fn due(&self) -> Result<Vec<Job>, DbError> {
        let now = self.now();
        let states = jobs::all(self.db().global()).await?;
        if let Some(measured) = self.app.ports().find::<Measured>() {
            measured.saw(&states, &self.jobs);
        }
        let due = states.iter().filter(|state| state.is_due(now));
        Ok(due.filter_map(|state| self.jobs.find(&state.name).copied()).collect())
    }

    /// Does each job that is due, one after the other.
    ///
    /// # Errors
    /// [`DbError`] when the table cannot be read.
    pub async fn run_due(&self) -> Result<(), DbError> {
        for job in self.due().await? {
            self.attempt_and_tell(&job).await;
        }
        Ok(())
    }

    /// Leases a job that is due, does it, and gives it back.
    ///
    /// # Errors
    /// [`DbError`] when the lease cannot be taken or given back.
    pub async fn attempt(&self, job: &Job) -> Result<Ran, DbError> {
        if !self.claim(job).await? {
            return Ok(Ran::NotNow);
        }
        let work = (job.run)(self.app.clone());
        let result = tokio::select! {
            result = work => result.map_err(|error| failure(error.as_ref())),
            lost = self.hold(job) => return lost.map(|()| Ran::NotNow),
        };
        let now = self.now();
        let pause = match &result {
            Ok(_) => job.every,
            Err(_) => job.every.min(AFTER_FAILURE),
        };
        self.finish(job, &result, now, now.plus(pause)).await?;
        Ok(match result {
            Ok(done) => Ran::Done(done),
            Err(failure) => Ran::Failed(failure),
        })
    }

    /// As [`attempt`](Self::attempt), for a job that need not be due: it is made due first.
    ///
    /// # Errors
    /// As [`attempt`](Self::attempt).
    pub async fn attempt_now(&self, job: &Job) -> Result<Ran, DbError> {
        let name = job.name;
        self.db()
            .write(self.unit(), move |uow| async move {
                jobs::request(&uow, name, uow.now()).await
            })
            .await?;
        self.attempt(job).await
    }

    async fn claim(&self, job: &Job) -> Result<bool, DbError> {
        let (name, holder) = (job.name, self.holder);
        self.db()
            .write(self.unit(), move |uow| async move {
                let now = uow.now();
                jobs::claim(&uow, name, holder, now.plus(LEASE), now).await
            })
            .await
    }

    /// Renews the lease until it is lost.
    async fn hold(&self, job: &Job) -> Result<(), DbError> {
        let (name, holder) = (job.name, self.holder);
        let mut held_until = self.now().plus(LEASE);
        loop {
            tokio::time::sleep(RENEWAL).await;
            let renewed = self
                .db()
                .write(self.unit(), move |uow| async move {
                    jobs::renew(&uow, name, holder, uow.now().plus(LEASE)).await
                })
                .await;
            match renewed {
                Ok(true) => held_until = self.now().plus(LEASE),
                Ok(false) => return Ok(()),
                // The database may come back before the lease is over.
                Err(error) if self.now() < held_until => {
                    tracing::warn!(job = name, error = %error, "a lease could not be renewed");
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn finish(
        &self,
        job: &Job,
        result: &Result<u64, String>,
        finished_at: Timestamp,
        next_run_at: Timestamp,
    ) -> Result<(), DbError> {
        let (name, holder, result) = (job.name, self.holder, result.clone());
        self.db()
            .write(self.unit(), move |uow| {
                let result = result.clone();
                async move {
                    let outcome = jobs::Outcome {
                        finished_at,
                        done: result
                            .as_ref()
                            .ok()
                            .map(|done| i64::try_from(*done).unwrap_or(i64::MAX)),
                        failure: result.as_ref().err().map(String::as_str),
                        next_run_at,
                    };
                    jobs::finish(&uow, name, holder, &outcome).await
                }
            })
            .await
    }

    fn db(&self) -> &Db {
        self.app.db()
    }

    fn now(&self) -> Timestamp {
        self.app.generators().now()
    }

    fn unit(&self) -> UnitContext {
        UnitContext::tenant(Actor::system("scheduler"), self.platform).unaudited(LEASES)
    }
}

/// An error with its causes, shortened.
fn failure(error: &(dyn std::error::Error + Send + Sync + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text.chars().take(FAILURE_LENGTH).collect()
}
