//! The order of a run: prepare, take turns, measure.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::ValueEnum;
use serde::Serialize;
use serde_json::{Value, json};

use crate::load::{Errors, Generator, Outcome, Scenario, Target};
use crate::machine::{self, Machine};
use crate::micro::Pair;
use crate::postgres::Postgres;
use crate::proc;
use crate::process::{progress, sleep};
use crate::subject::{Kind, Server, Subject};
use crate::workspace::{Workspace, copy_folder};

/// A database engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// A private server in a temporary folder.
    Postgres,
    /// A file, `synchronous=FULL`.
    Sqlite,
}

impl fmt::Display for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Postgres => "postgres",
            Self::Sqlite => "sqlite",
        })
    }
}

/// What to measure.
#[derive(Debug)]
pub struct Plan {
    /// On which engines.
    pub engines: Vec<Engine>,
    /// With how many organizations.
    pub organizations: Vec<usize>,
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
    /// Measure although `work` is in memory.
    pub allow_memory_disk: bool,
}

impl Plan {
    /// # Errors
    /// When the plan measures nothing.
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
            self.organizations.iter().all(|count| *count >= 50),
            "a list of 50 needs at least 50 organizations"
        );
        Ok(())
    }

    /// How long the load alone takes.
    #[must_use]
    pub fn estimate(&self) -> Duration {
        let measurements =
            self.engines.len() * self.organizations.len() * self.subjects.len() * self.rounds * Scenario::ALL.len();
        (self.measure + self.warmup) * u32::try_from(measurements).unwrap_or(u32::MAX)
    }
}

/// One measurement.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    /// The engine.
    pub engine: Engine,
    /// How many organizations the database held.
    pub organizations: usize,
    /// Which round, from 1.
    pub round: usize,
    /// The server's name.
    pub server: String,
    /// What was asked.
    pub scenario: Scenario,
    /// Answers received.
    pub requests: u64,
    /// Answers a second.
    pub requests_per_second: f64,
    /// Median latency in µs.
    pub p50_micros: f64,
    /// 99th percentile of the latency in µs.
    pub p99_micros: f64,
    /// Requests that failed.
    pub errors: Errors,
    /// CPU time of the server per request in µs.
    pub server_cpu_micros: f64,
    /// CPU time of the database per request in µs; none where it runs inside the server.
    pub database_cpu_micros: Option<f64>,
    /// How many cores other programs took meanwhile: on a quiet machine next to none.
    pub foreign_cores: f64,
    /// Resident memory of the server after the load, in KiB.
    pub resident_kib: u64,
}

/// One start of a server on an existing database.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Start {
    /// The engine.
    pub engine: Engine,
    /// How many organizations the database held.
    pub organizations: usize,
    /// The server's name.
    pub server: String,
    /// From the start of the process to its first ready answer, in ms.
    pub ready_millis: f64,
    /// Resident memory half a second later, before any load, in KiB.
    pub idle_resident_kib: u64,
}

/// Everything that came out of a run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Results {
    /// When the run ended, UTC.
    pub date: String,
    /// The machine.
    pub machine: Machine,
    /// What was measured and what measured it.
    pub versions: Vec<(String, String)>,
    /// The names of the servers; the first is compared with the second.
    pub servers: Vec<String>,
    /// Turns of each server.
    pub rounds: usize,
    /// Seconds of each measurement.
    pub seconds: u64,
    /// Uncounted seconds before each measurement.
    pub warmup_seconds: u64,
    /// Connections of the load generator.
    pub connections: usize,
    /// Threads of the load generator.
    pub threads: usize,
    /// All measurements.
    pub samples: Vec<Sample>,
    /// All starts.
    pub starts: Vec<Start>,
    /// The micro-benchmarks.
    pub micro: Vec<Pair>,
}

/// The frame of the results, without a measurement.
///
/// # Errors
/// When the machine or a version cannot be read.
pub fn nothing(plan: &Plan) -> anyhow::Result<Results> {
    let mut versions = machine::versions()?;
    for subject in &plan.subjects {
        if let Ok(version) = subject.kind.version() {
            versions.push((subject.name.clone(), version));
        }
    }
    Ok(Results {
        date: jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string(),
        machine: Machine::look(&plan.work, plan.allow_memory_disk)?,
        versions,
        servers: plan.subjects.iter().map(|subject| subject.name.clone()).collect(),
        rounds: plan.rounds,
        seconds: plan.measure.as_secs(),
        warmup_seconds: plan.warmup.as_secs(),
        connections: plan.connections,
        threads: plan.threads,
        samples: Vec::new(),
        starts: Vec::new(),
        micro: Vec::new(),
    })
}

/// Measures what the plan says.
///
/// # Errors
/// When something does not start, answers differ between the servers, or an acknowledged write is missing.
pub fn run(plan: &Plan) -> anyhow::Result<Results> {
    let mut results = nothing(plan)?;
    progress(format_args!(
        "about {} s of load, and as much again for preparing and checking at most",
        plan.estimate().as_secs()
    ));
    let workspace = Workspace::create(&plan.work)?;
    let generator = Generator::new(&workspace, plan.connections, plan.threads)?;
    for engine in &plan.engines {
        let postgres = match engine {
            Engine::Postgres => Some(Postgres::start(&workspace)?),
            Engine::Sqlite => None,
        };
        for organizations in &plan.organizations {
            let prepared = Prepared::new(&workspace, *engine, postgres.as_ref(), *organizations)?;
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
                    turn.take(&mut expected, &mut results)
                        .with_context(|| format!("{engine}, {organizations} organizations, {}", subject.name))?;
                }
            }
            prepared.remove()?;
        }
        if let Some(postgres) = postgres {
            postgres.stop()?;
        }
    }
    jiff::Timestamp::now()
        .strftime("%Y-%m-%d %H:%M UTC")
        .to_string()
        .clone_into(&mut results.date);
    Ok(results)
}

/// A filled database that every turn gets a copy of.
struct Prepared<'a> {
    engine: Engine,
    postgres: Option<&'a Postgres>,
    organizations: usize,
    workspace: &'a Workspace,
    /// The name of the database and of the data folder.
    name: String,
    ids: Vec<String>,
    ids_file: PathBuf,
}

impl<'a> Prepared<'a> {
    /// Lets Lastro migrate an empty database and creates the organizations over its API: the rows are those that it writes,
    /// audit entries and events included.
    fn new(
        workspace: &'a Workspace,
        engine: Engine,
        postgres: Option<&'a Postgres>,
        organizations: usize,
    ) -> anyhow::Result<Self> {
        progress(format_args!(
            "{engine}: filling a database with {organizations} organizations"
        ));
        let name = format!("{engine}-{organizations}");
        let ids_file = workspace.join(format!("{name}.ids"));
        let mut prepared = Self {
            engine,
            postgres,
            organizations,
            workspace,
            name,
            ids: Vec::new(),
            ids_file,
        };
        let maker = Subject::new(Kind::Lastro, "lastro".to_owned());
        fs::create_dir(workspace.join(&prepared.name))?;
        if let Some(postgres) = postgres {
            postgres.create(&prepared.name)?;
        }
        let server = maker.start(&prepared.url(&prepared.name), &workspace.join(&prepared.name))?;
        prepared.ids = fill(&server, organizations)?;
        fs::write(&prepared.ids_file, prepared.ids.join("\n") + "\n")?;
        server.stop()?;
        Ok(prepared)
    }

    fn url(&self, name: &str) -> String {
        match self.postgres {
            Some(postgres) => postgres.url(name),
            None => format!("sqlite://{}", self.workspace.join(name).join("lastro.db").display()),
        }
    }

    fn remove(self) -> anyhow::Result<()> {
        if let Some(postgres) = self.postgres {
            postgres.remove(&self.name)?;
        }
        fs::remove_dir_all(self.workspace.join(&self.name))?;
        Ok(())
    }
}

/// Creates `count` organizations over eight connections and returns their ids.
fn fill(server: &Server, count: usize) -> anyhow::Result<Vec<String>> {
    const CONNECTIONS: usize = 8;
    let fill_share = |share: usize| -> anyhow::Result<Vec<String>> {
        let mut client = server.client()?;
        (share..count)
            .step_by(CONNECTIONS)
            .map(|number| {
                sleep(Duration::ZERO)?;
                let body = json!({"name": format!("Organization {number:05} Ltda"), "slug": format!("organization-{number:05}")});
                let created = client.post("/api/v1/organizations", &body)?.json(201)?;
                Ok(created.pointer("/data/id").and_then(Value::as_str).context("a created organization without an id")?.to_owned())
            })
            .collect()
    };
    let shares = std::thread::scope(|scope| {
        let fill_share = &fill_share;
        let threads: Vec<_> = (0..CONNECTIONS)
            .map(|share| scope.spawn(move || fill_share(share)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| bail!("a filling thread panicked")))
            .collect::<anyhow::Result<Vec<_>>>()
    })?;
    Ok(shares.concat())
}

/// One server's turn.
struct Turn<'a> {
    plan: &'a Plan,
    generator: &'a Generator,
    prepared: &'a Prepared<'a>,
    subject: &'a Subject,
    round: usize,
}

impl Turn<'_> {
    /// Starts the server on a fresh copy, checks its answers, measures, stops it, removes the copy.
    fn take(&self, expected: &mut BTreeMap<String, Value>, results: &mut Results) -> anyhow::Result<()> {
        let Self { prepared, subject, .. } = self;
        let name = format!("turn-{}-{}", prepared.name, results.starts.len());
        let folder = prepared.workspace.join(&name);
        copy_folder(&prepared.workspace.join(&prepared.name), &folder)?;
        if let Some(postgres) = prepared.postgres {
            postgres.copy(&prepared.name, &name)?;
        }
        let server = subject.start(&prepared.url(&name), &folder)?;
        sleep(Duration::from_millis(500))?;
        results.starts.push(Start {
            engine: prepared.engine,
            organizations: prepared.organizations,
            server: subject.name.clone(),
            ready_millis: server.ready_after.as_secs_f64() * 1e3,
            idle_resident_kib: server.resident_kib()?,
        });
        self.compare(&server, expected)?;
        let tokens = folder.join("tokens");
        fs::write(&tokens, format!("{}\n", server.token))?;
        for scenario in Scenario::ALL {
            let sample = self.measure(&server, scenario, &tokens)?;
            progress(format_args!(
                "{} {} round {}/{} {:<6} {:<12} {:>8.0}/s  p99 {:>7.2} ms  errors {}, others on {:.1} cores",
                prepared.engine,
                prepared.organizations,
                self.round,
                self.plan.rounds,
                scenario.name(),
                subject.name,
                sample.requests_per_second,
                sample.p99_micros / 1e3,
                sample.errors.total(),
                sample.foreign_cores
            ));
            results.samples.push(sample);
        }
        server.stop()?;
        if let Some(postgres) = prepared.postgres {
            postgres.remove(&name)?;
        }
        fs::remove_dir_all(folder)?;
        Ok(())
    }

    /// Servers that answer differently do not do the same work. The next page's cursor is opaque and may differ.
    fn compare(&self, server: &Server, expected: &mut BTreeMap<String, Value>) -> anyhow::Result<()> {
        let mut client = server.client()?;
        let some = self
            .prepared
            .ids
            .iter()
            .step_by(self.prepared.ids.len().div_ceil(5).max(1));
        let paths = some
            .map(|id| format!("/api/v1/organizations/{id}"))
            .chain(["/api/v1/organizations?limit=50".to_owned()]);
        for path in paths {
            let mut answer = client.get(&path)?.json(200).with_context(|| path.clone())?;
            if let Some(Value::String(cursor)) = answer.pointer_mut("/meta/nextCursor") {
                cursor.clear();
            }
            let first = expected.entry(path).or_insert_with_key(|_| answer.clone());
            if let Some(difference) = difference(first, &answer, &mut String::new()) {
                bail!("the servers answer differently: {difference}");
            }
        }
        Ok(())
    }

    fn measure(&self, server: &Server, scenario: Scenario, tokens: &Path) -> anyhow::Result<Sample> {
        let target = Target {
            address: server.address,
            ids: &self.prepared.ids_file,
            tokens,
        };
        if !self.plan.warmup.is_zero() {
            self.generator.run(scenario, target, self.plan.warmup, "warm-up")?;
        }
        let before = total(server)?;
        let started = self.costs(server)?;
        let outcome = self.generator.run(scenario, target, self.plan.measure, "measured")?;
        let costs = self.costs(server)?.since(&started);
        if scenario == Scenario::Create {
            self.check_writes(&outcome, total(server)? - before)?;
        }
        ensure!(outcome.requests > 0, "{}: not one answer", scenario.name());
        let per_request = |cpu: Duration| cpu.as_secs_f64() * 1e6 / outcome.requests as f64;
        Ok(Sample {
            engine: self.prepared.engine,
            organizations: self.prepared.organizations,
            round: self.round,
            server: self.subject.name.clone(),
            scenario,
            requests: outcome.requests,
            requests_per_second: outcome.per_second(),
            p50_micros: outcome.p50.as_secs_f64() * 1e6,
            p99_micros: outcome.p99.as_secs_f64() * 1e6,
            errors: outcome.errors,
            server_cpu_micros: per_request(costs.server),
            database_cpu_micros: self.prepared.postgres.map(|_| per_request(costs.database)),
            foreign_cores: costs.foreign().as_secs_f64() / outcome.elapsed.as_secs_f64(),
            resident_kib: server.resident_kib()?,
        })
    }

    fn costs(&self, server: &Server) -> anyhow::Result<Costs> {
        Ok(Costs {
            server: server.cpu()?,
            database: self
                .prepared
                .postgres
                .map(|postgres| proc::cpu(postgres.pid()))
                .transpose()?
                .unwrap_or_default(),
            load: proc::own_cpu()?,
            machine: proc::machine_cpu()?,
        })
    }

    /// Every acknowledged creation must be there; beyond them at most what was in flight when the warm-up and the load ended.
    fn check_writes(&self, outcome: &Outcome, grown: u64) -> anyhow::Result<()> {
        let acknowledged = outcome.requests - outcome.errors.status.min(outcome.requests);
        let most = acknowledged + 2 * self.plan.connections as u64;
        ensure!(
            (acknowledged..=most).contains(&grown),
            "{acknowledged} creations were acknowledged, and the table grew by {grown}"
        );
        Ok(())
    }
}

/// The first place where two answers differ.
fn difference(left: &Value, right: &Value, at: &mut String) -> Option<String> {
    let length = at.len();
    let mut inside = |step: &str, left: &Value, right: &Value| {
        at.push('/');
        at.push_str(step);
        let found = difference(left, right, at);
        at.truncate(length);
        found
    };
    match (left, right) {
        // Fields in another order are a difference: rendering them so is another answer's work.
        (Value::Object(left), Value::Object(right)) if left.keys().eq(right.keys()) => left
            .iter()
            .zip(right.values())
            .find_map(|((name, left), right)| inside(name, left, right)),
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => left
            .iter()
            .zip(right)
            .enumerate()
            .find_map(|(index, (left, right))| inside(&index.to_string(), left, right)),
        (Value::Object(_), Value::Object(_)) => Some(format!("{at}: {left} and {right}")),
        _ if left == right => None,
        _ => Some(format!("{at}: {left} and {right}")),
    }
}

/// CPU time by who used it.
struct Costs {
    server: Duration,
    database: Duration,
    load: Duration,
    machine: Duration,
}

impl Costs {
    fn since(&self, start: &Self) -> Self {
        Self {
            server: self.server.saturating_sub(start.server),
            database: self.database.saturating_sub(start.database),
            load: self.load.saturating_sub(start.load),
            machine: self.machine.saturating_sub(start.machine),
        }
    }

    /// What nobody here used.
    fn foreign(&self) -> Duration {
        self.machine.saturating_sub(self.server + self.database + self.load)
    }
}

fn total(server: &Server) -> anyhow::Result<u64> {
    let list = server.client()?.get("/api/v1/organizations?limit=1")?.json(200)?;
    list.pointer("/meta/total")
        .and_then(Value::as_u64)
        .context("a list without a total")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_named_by_its_place() {
        let left = json!({"data": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}], "meta": {"total": 2}});
        let mut right = left.clone();
        assert_eq!(difference(&left, &right, &mut String::new()), None);
        right["data"][1]["name"] = json!("c");
        let found = difference(&left, &right, &mut String::new());
        assert_eq!(found.as_deref(), Some(r#"/data/1/name: "b" and "c""#));
        assert!(difference(&json!({"a": 1, "b": 2}), &json!({"b": 2, "a": 1}), &mut String::new()).is_some());
    }

    #[test]
    fn a_plan_that_cannot_be_measured_is_refused() {
        let mut plan = Plan {
            engines: vec![Engine::Sqlite],
            organizations: vec![100],
            subjects: vec![Subject::new(Kind::Limit, "limit".to_owned())],
            rounds: 3,
            measure: Duration::from_secs(4),
            warmup: Duration::from_secs(1),
            connections: 64,
            threads: 2,
            work: PathBuf::new(),
            allow_memory_disk: false,
        };
        assert!(plan.check().is_ok());
        assert_eq!(plan.estimate(), Duration::from_secs(3 * 4 * 5));
        plan.organizations = vec![100, 49];
        assert!(plan.check().unwrap_err().to_string().contains("at least 50"));
    }
}
