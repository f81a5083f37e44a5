//! The order of a run of load on the servers: prepare, take turns, measure.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::engine::Engine;
use crate::load::Generator;
use crate::machine::Circumstances;
use crate::postgres::Postgres;
use crate::prepared::Prepared;
use crate::process::progress;
use crate::results::Run;
use crate::scenario::{Drive, Scenario};
use crate::subject::{Kind, Subject};
use crate::turn::Turn;
use crate::workspace::Workspace;

/// What to measure.
#[derive(Debug)]
pub struct Plan {
    /// On which engines.
    pub engines: Vec<Engine>,
    /// With how many organizations.
    pub organizations: Vec<usize>,
    /// What to ask; everything when empty.
    pub scenarios: Vec<Scenario>,
    /// One or two servers; the first is compared with the second.
    pub subjects: Vec<Subject>,
    /// How many turns each server gets.
    pub rounds: usize,
    /// How long each measurement takes (whole seconds).
    pub measure: Duration,
    /// How long the load runs before it counts (whole seconds).
    pub warmup: Duration,
    /// Connections of the load generator.
    pub connections: usize,
    /// Threads of the load generator.
    pub threads: usize,
    /// Where the databases go.
    pub work: PathBuf,
}

impl Plan {
    /// # Errors
    /// When the plan measures nothing, or cannot be filled.
    pub fn check(&self) -> anyhow::Result<()> {
        ensure!(
            self.rounds > 0 && self.measure >= Duration::from_secs(1),
            "--rounds and --seconds start at 1"
        );
        ensure!(
            self.threads > 0 && self.connections >= self.threads,
            "--connections must be at least --threads, and that at least 1"
        );
        ensure!(
            self.connections <= 200,
            "--connections: there are 200 sessions to continue"
        );
        ensure!(
            self.organizations.iter().all(|count| (50..100_000).contains(count)),
            "a list of 50 needs at least 50 organizations, and their names have five digits"
        );
        Ok(())
    }

    /// The scenarios in the order in which they are measured.
    pub(crate) fn chosen(&self) -> impl Iterator<Item = Scenario> {
        Scenario::ALL
            .into_iter()
            .filter(|scenario| self.scenarios.is_empty() || self.scenarios.contains(scenario))
    }

    /// How long the load alone takes.
    #[must_use]
    pub fn estimate(&self) -> Duration {
        let mut turn = Duration::ZERO;
        for subject in &self.subjects {
            for scenario in self.chosen() {
                turn += match (scenario.drive(), subject.kind) {
                    (Drive::Wrk, _) => self.warmup + self.measure,
                    // What the cores can do is measured beside it; a storm is compared with the quiet before it.
                    (Drive::Harness, Kind::Lastro) => self.warmup + self.measure * 2,
                    (Drive::Harness, Kind::Limit) => Duration::ZERO,
                };
            }
        }
        let turns = self.engines.len() * self.organizations.len() * self.rounds;
        turn * u32::try_from(turns).unwrap_or(u32::MAX)
    }
}

/// Measures what the plan says; `done` takes what came out of each database as soon as it is there, so that a later failure loses nothing.
///
/// # Errors
/// When something does not start, answers differ between the servers, or an acknowledged write is missing.
pub fn run(
    plan: &Plan,
    circumstances: &Circumstances,
    mut done: impl FnMut(Run) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    progress(format_args!(
        "about {} s of load, and as much again for preparing and checking at most",
        plan.estimate().as_secs()
    ));
    let workspace = Workspace::create(&plan.work)?;
    let generator = Generator::new(&workspace, plan.connections, plan.threads)?;
    let empty = || Run {
        circumstances: circumstances.clone(),
        servers: plan.subjects.iter().map(|subject| subject.name.clone()).collect(),
        rounds: plan.rounds,
        seconds: plan.measure.as_secs(),
        warmup_seconds: plan.warmup.as_secs(),
        connections: plan.connections,
        threads: plan.threads,
        samples: Vec::new(),
        starts: Vec::new(),
        ceilings: Vec::new(),
        storms: Vec::new(),
        fillings: Vec::new(),
    };
    for engine in &plan.engines {
        let postgres = match engine {
            Engine::Postgres => Some(Postgres::start(&workspace)?),
            Engine::Sqlite => None,
        };
        for organizations in &plan.organizations {
            let prepared = Prepared::new(&workspace, *engine, postgres.as_ref(), *organizations)?;
            let mut run = empty();
            run.fillings.push(prepared.filling.clone());
            let mut expected = BTreeMap::new();
            for round in 1..=plan.rounds {
                for subject in &plan.subjects {
                    let turn = Turn {
                        plan,
                        generator: &generator,
                        prepared: &prepared,
                        subject,
                        round,
                    };
                    turn.take(&mut expected, &mut run)
                        .with_context(|| format!("{engine}, {organizations} organizations, {}", subject.name))?;
                }
            }
            prepared.remove()?;
            done(run)?;
        }
        if let Some(postgres) = postgres {
            postgres.stop()?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_that_cannot_be_measured_is_refused() {
        let mut plan = Plan {
            engines: vec![Engine::Sqlite],
            organizations: vec![100],
            scenarios: vec![Scenario::Login, Scenario::Get],
            subjects: vec![
                Subject::new(Kind::Lastro, "lastro".to_owned()),
                Subject::new(Kind::Limit, "limit".to_owned()),
            ],
            rounds: 3,
            measure: Duration::from_secs(4),
            warmup: Duration::from_secs(1),
            connections: 64,
            threads: 2,
            work: PathBuf::new(),
        };
        assert!(plan.check().is_ok());
        assert_eq!(plan.chosen().collect::<Vec<_>>(), [Scenario::Get, Scenario::Login]);
        assert_eq!(plan.estimate(), Duration::from_secs(3 * (5 + 9 + 5)));
        plan.organizations = vec![100, 49];
        assert!(plan.check().unwrap_err().to_string().contains("at least 50"));
    }
}
