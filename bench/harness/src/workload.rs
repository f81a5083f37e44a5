//! The frame of the additional workloads: what one is given, and what it yields.
//!
//! A workload is an entry of [`crate::workloads::ALL`]: a name and a function. It is called once for each engine, in a workspace of its own, and
//! answers with a [`Table`]. Everything else is done here: choosing (`bench/run workloads --only`), starting and stopping PostgreSQL, storing the
//! table under `workloads` in `results.json`, rendering it in `RESULTS.md`. A workload that is run again replaces its own table of that engine
//! and nothing else.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::postgres::Postgres;
use crate::process::progress;
use crate::results::Measured;
use crate::site::Site;
use crate::workloads::{self, Sizes};
use crate::workspace::Workspace;

/// One measurement beside those of the servers' routes.
#[derive(Debug, Clone, Copy)]
pub struct Workload {
    /// What `--only` chooses it by, and its key in `results.json`: lower case, words joined by `-`.
    pub name: &'static str,
    /// Does the work on one engine.
    pub run: fn(&Place<'_>) -> anyhow::Result<Table>,
}

/// Where a workload works.
#[derive(Debug)]
pub struct Place<'a> {
    /// On which engine.
    pub engine: Engine,
    /// Its folder, removed afterwards.
    pub workspace: &'a Workspace,
    /// The private server, where the engine is PostgreSQL.
    pub postgres: Option<&'a Postgres>,
    /// For how long a rate is measured, where the workload has no length of its own.
    pub measure: Duration,
    /// How large the workload is to be.
    pub sizes: Sizes,
}

impl Place<'_> {
    /// Makes an empty database called `name` and the data folder beside it.
    ///
    /// # Errors
    /// When there is one of this name already.
    pub fn site(&self, name: &str) -> anyhow::Result<Site> {
        Site::create(self.workspace, self.postgres, name)
    }
}

/// What a workload found out on one engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Table {
    /// The heading.
    pub title: String,
    /// How it was measured, in a sentence or two of Markdown; the same on every engine.
    pub method: String,
    /// The findings.
    pub rows: Vec<Row>,
    /// What is worth a plot: how something went on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub courses: Vec<Course>,
}

/// Along what a value went on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Along {
    /// Seconds since the begin.
    #[default]
    Seconds,
    /// Organizations in the database.
    Organizations,
}

/// How a value went on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Course {
    /// What it is, with its unit.
    pub what: String,
    /// Along what.
    #[serde(default)]
    pub along: Along,
    /// The place, and the value there.
    pub points: Vec<(f64, f64)>,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// The number with its unit.
    pub measured: String,
    /// What it must be, where there is a goal.
    pub goal: Option<Goal>,
    /// What a reader has to know beside it; mostly empty.
    pub note: String,
}

/// What a number must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Goal {
    /// As a reader sees it: `>= 5,000/s`.
    pub text: String,
    /// Whether it is met.
    pub met: bool,
}

impl Row {
    /// A finding without a goal.
    #[must_use]
    pub fn new(what: impl Into<String>, measured: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            measured: measured.into(),
            goal: None,
            note: String::new(),
        }
    }

    /// The same, held against a goal.
    #[must_use]
    pub fn against(mut self, goal: impl Into<String>, met: bool) -> Self {
        self.goal = Some(Goal { text: goal.into(), met });
        self
    }

    /// The same, with a remark.
    #[must_use]
    pub fn noting(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }
}

/// What to run.
#[derive(Debug)]
pub struct Plan {
    /// On which engines.
    pub engines: Vec<Engine>,
    /// The names of the workloads; all when empty.
    pub only: Vec<String>,
    /// See [`Place::measure`].
    pub measure: Duration,
    /// See [`Place::sizes`].
    pub sizes: Sizes,
    /// Where the databases go.
    pub work: PathBuf,
}

impl Plan {
    /// # Errors
    /// When a name is unknown.
    pub fn check(&self) -> anyhow::Result<()> {
        let known: Vec<&str> = workloads::ALL.iter().map(|workload| workload.name).collect();
        for name in &self.only {
            ensure!(
                known.contains(&name.as_str()),
                "unknown workload {name}: there are {}",
                known.join(", ")
            );
        }
        Ok(())
    }

    fn chosen(&self) -> impl Iterator<Item = &'static Workload> {
        workloads::ALL
            .iter()
            .filter(|workload| self.only.is_empty() || self.only.iter().any(|name| name == workload.name))
    }
}

/// Runs what the plan says; `done` takes each table as soon as it is there, so that a later failure loses nothing.
///
/// # Errors
/// What a workload or `done` says.
pub fn run(plan: &Plan, mut done: impl FnMut(Measured<'_>) -> anyhow::Result<()>) -> anyhow::Result<()> {
    for workload in plan.chosen() {
        for engine in &plan.engines {
            progress(format_args!("workload {} on {engine}", workload.name));
            let workspace = Workspace::create(&plan.work)?;
            let postgres = match engine {
                Engine::Postgres => Some(Postgres::start(&workspace)?),
                Engine::Sqlite => None,
            };
            let place = Place {
                engine: *engine,
                workspace: &workspace,
                postgres: postgres.as_ref(),
                measure: plan.measure,
                sizes: plan.sizes,
            };
            let table = (workload.run)(&place).with_context(|| format!("workload {} on {engine}", workload.name))?;
            for row in &table.rows {
                progress(format_args!("  {}: {}", row.what, row.measured));
            }
            if let Some(postgres) = postgres {
                postgres.stop()?;
            }
            done(Measured::Workload {
                name: workload.name,
                engine: *engine,
                table,
            })?;
        }
    }
    Ok(())
}
