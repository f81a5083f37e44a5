//! A context as the composition root sees it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use contracts::{Manifest, Ports};
use db::Db;
use db::Sql;
use db::migrate::Migrations;
use futures_util::future::BoxFuture;
use kernel::{Generators, OrganizationId};
use tokio_util::sync::CancellationToken;

use crate::app::{App, HttpConfig};
use crate::metrics::Metrics;
use crate::routes::Routes;
use crate::sealed::SealedColumn;

/// What a context brings. Each context's crate has a function `module()` that says it.
pub struct Module {
    /// What it declares: permissions and events.
    pub manifest: Manifest,
    /// Its tables, if it has any of its own.
    pub migrations: Option<Migrations>,
    /// Its statements, so that a test can prepare each of them on both engines.
    pub statements: Vec<Sql<'static>>,
    /// The texts of the lists that it composes, for the same test.
    pub lists: Vec<String>,
    /// Provides its ports, before any route or worker exists. Contexts start in the order of their migrations; what one needs
    /// of a later one it asks the ports for when it needs it.
    pub start: fn(Foundation) -> BoxFuture<'static, Result<(), StartFailed>>,
    /// Its routes.
    pub routes: fn(App) -> Vec<Routes>,
    /// Its periodic work: each run by one node at a time.
    pub jobs: Vec<Job>,
    /// What it does all the time, on every node.
    pub workers: Vec<Worker>,
    /// What it keeps sealed under the master key.
    pub sealed: Vec<SealedColumn>,
}

impl Module {
    /// A context that only declares. The rest is added with the syntax for the remaining fields: `..Module::new(MANIFEST)`.
    #[must_use]
    pub fn new(manifest: Manifest) -> Self {
        Self {
            manifest,
            migrations: None,
            statements: Vec::new(),
            lists: Vec::new(),
            start: |_| Box::pin(std::future::ready(Ok(()))),
            routes: |_| Vec::new(),
            jobs: Vec::new(),
            workers: Vec::new(),
            sealed: Vec::new(),
        }
    }
}

/// What contexts start on: the migrated and seeded database, and each other.
#[derive(Clone)]
pub struct Foundation {
    /// The database.
    pub db: Db,
    /// Clock, randomness and ids.
    pub generators: Generators,
    /// What others provide, and where one's own is provided. A context's configuration is a part of its own that the composition
    /// root provides before contexts start.
    pub ports: Arc<Ports>,
    /// The platform organization.
    pub platform: OrganizationId,
    /// What the operator set about HTTP, such as the address that links are made from.
    pub http: HttpConfig,
    /// Counters and histograms.
    pub metrics: Metrics,
}

/// Why a context did not start.
pub type StartFailed = Box<dyn std::error::Error + Send + Sync>;

/// Periodic work. It is leased in the database: of all nodes one runs it, and a node that dies is replaced within 30 s.
#[derive(Clone, Copy)]
pub struct Job {
    /// Its name: lower case, with hyphens.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub description: &'static str,
    /// How often it runs.
    pub every: Duration,
    /// Does it once, and tells how much there was to do. It must be safe to be run again, and to be dropped at any await.
    pub run: fn(App) -> BoxFuture<'static, Result<u64, StartFailed>>,
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("name", &self.name)
            .field("every", &self.every)
            .finish_non_exhaustive()
    }
}

/// The periodic work of all contexts. The composition root provides it as a port.
#[derive(Debug, Default)]
pub struct Jobs(Vec<Job>);

impl Jobs {
    /// The jobs of these contexts.
    #[must_use]
    pub fn of(modules: &[Module]) -> Self {
        Self(modules.iter().flat_map(|module| module.jobs.iter().copied()).collect())
    }

    /// The job with the name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Job> {
        self.0.iter().find(|job| job.name == name)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Job> {
        self.0.iter()
    }
}

/// Work that goes on on every node while the server runs: a dispatcher of what waits.
#[derive(Clone, Copy)]
pub struct Worker {
    /// Its name, for the log.
    pub name: &'static str,
    /// Works until it is told to stop, and then finishes what it began.
    pub run: fn(App, CancellationToken) -> BoxFuture<'static, ()>,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
