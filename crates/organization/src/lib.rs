//! Organizations: the customer companies of an installation, and the platform organization that operates it.
//!
//! This is the smallest whole context, and the one to copy. Read it from the inside out: [`domain`] decides from values,
//! [`app`] orders the steps of each use case, [`store`] names the table, [`http`](mod@self::http) names statuses and JSON, and
//! [`manifest`] is what the context declares about itself. What the rest of the program may use is below, and nothing else.

mod app;
mod directory;
mod domain;
mod http;
mod manifest;
mod measured;
mod operator;
mod scheduler;
mod store;
mod tenants;

use std::sync::Arc;
use std::time::Duration;

use ::http::{App, Job, Jobs, Module, Worker};
use contracts::organization::{OrganizationRegistry, Organizations};
use db::DbError;
use db::migrate::Migrations;
use kernel::OrganizationId;
use tokio_util::sync::CancellationToken;

pub use crate::http::{DOCUMENT_TEXT, NAME_TEXT, SLUG_TEXT};
pub use app::{platform, seed_platform};
pub use manifest::{
    JobRead, JobUpdate, MANIFEST, OrganizationCreate, OrganizationDelete, OrganizationRead, OrganizationUpdate,
    ProfileRead, ProfileUpdate, SupportCreate,
};
pub use operator::{
    NotChanged, Whereabouts, arrive, bury, deactivate, deactivated_at, find, freeze, leave, list, whereabouts,
};
pub use scheduler::{Ran, Scheduler};
pub use tenants::TenantDirectory;

/// The context, for the composition root.
#[must_use]
pub fn module() -> Module {
    Module {
        manifest: MANIFEST,
        migrations: Some(MIGRATIONS),
        statements: [store::organizations::STATEMENTS, store::jobs::STATEMENTS].concat(),
        lists: store::organizations::lists(),
        start: |foundation| {
            let measured = Arc::new(measured::Measured::default());
            measured.show(&foundation.metrics, Arc::clone(&foundation.generators.clock));
            foundation.ports.provide(measured);
            let directory = Arc::new(directory::Directory::new(foundation.db));
            foundation.ports.provide::<dyn Organizations>(directory.clone());
            foundation.ports.provide::<dyn OrganizationRegistry>(directory);
            Box::pin(std::future::ready(Ok(())))
        },
        routes: |app| {
            let groups = http::routes().into_iter();
            groups.map(|group| group.with_state(app.clone())).collect()
        },
        jobs: vec![CLEAN_UP, RECOUNT],
        workers: vec![Worker {
            name: "scheduler",
            run: |app, stop| Box::pin(work(app, stop)),
        }],
        ..Module::new(MANIFEST)
    }
}

const MIGRATIONS: Migrations =
    db::migrations!("organization": "0001_organizations", "0002_jobs", "0003_endings", "0004_organization_counts");

const CLEAN_UP: Job = Job {
    name: "storage-clean-up",
    description: "Removes idempotency records that are over, and changes that every node has heard of",
    every: Duration::from_secs(15 * 60),
    run: |app| Box::pin(async move { Ok(app.db().clean_up(required_platform(&app).await?).await?) }),
};

const RECOUNT: Job = Job {
    name: "organization-recount",
    description: "Counts the organizations anew where an older version made some",
    every: Duration::from_secs(60 * 60),
    run: |app| Box::pin(async move { Ok(app::recount(app.db(), required_platform(&app).await?).await?) }),
};

async fn required_platform(app: &App) -> Result<OrganizationId, DbError> {
    let found = platform(app.db()).await?;
    found.ok_or_else(|| DbError::Internal("there is no platform organization".into()))
}

async fn work(app: App, stop: CancellationToken) {
    match scheduler(app).await {
        Ok(scheduler) => scheduler.run(stop).await,
        Err(error) => tracing::error!(error = %error, "no jobs run on this node"),
    }
}

/// What runs the jobs of the installation on this node.
///
/// # Errors
/// [`DbError`], also when the program was put together without the list of its jobs.
pub async fn scheduler(app: App) -> Result<Scheduler, DbError> {
    let jobs = app.ports().get::<Jobs>()?;
    let platform = required_platform(&app).await?;
    Ok(Scheduler::new(app, jobs, platform))
}
