//! What came out, and how a run joins what earlier runs left.
//!
//! `results.json` has three parts: `servers` (a list of runs), `micro`, and `workloads` (by name and engine). Measuring something again replaces
//! what was known of exactly that: a scenario on an engine with a number of organizations, the micro-benchmarks, a workload on an engine. All else
//! stays, each with the circumstances of its own run.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::machine::Circumstances;
use crate::micro::Pair;
use crate::scenario::Scenario;
use crate::workload::Table;
use crate::wrk::Errors;

/// Everything that is known.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Results {
    /// The load on the servers, run by run, the newest last.
    #[serde(default)]
    pub servers: Vec<Run>,
    /// The micro-benchmarks.
    #[serde(default)]
    pub micro: Option<Micro>,
    /// The additional workloads: by name, then by engine.
    #[serde(default)]
    pub workloads: BTreeMap<String, BTreeMap<Engine, Finding>>,
}

/// One run of load on the servers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// When, where, with which versions.
    pub circumstances: Circumstances,
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
    /// What the cores can do of the cryptography alone.
    pub ceilings: Vec<Ceiling>,
    /// Reads beside a storm of logins.
    pub storms: Vec<Storm>,
    /// How long the databases took to fill.
    pub fillings: Vec<Filling>,
}

/// One measurement.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Serialize, Deserialize)]
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

/// How often a second all cores together can do the cryptography of one request, and nothing else.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ceiling {
    /// The engine of the turn in which it was measured; the cores do not care.
    pub engine: Engine,
    /// How many organizations the database of that turn held.
    pub organizations: usize,
    /// Which round, from 1.
    pub round: usize,
    /// The scenario that it bounds.
    pub scenario: Scenario,
    /// What was done.
    pub what: String,
    /// How often a second.
    pub per_second: f64,
}

/// `GET /users/{id}` at a fixed rate, by itself and while people log in beside it as fast as they are let.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Storm {
    /// The engine.
    pub engine: Engine,
    /// How many organizations the database held.
    pub organizations: usize,
    /// Which round, from 1.
    pub round: usize,
    /// The server's name.
    pub server: String,
    /// How many reads a second were asked for.
    pub reads_per_second: f64,
    /// Connections that logged in without a pause.
    pub login_connections: usize,
    /// Logins a second during the storm.
    pub logins_per_second: f64,
    /// Median latency of the reads by themselves, in µs.
    pub quiet_p50_micros: f64,
    /// 99th percentile of the reads by themselves, in µs.
    pub quiet_p99_micros: f64,
    /// Median latency of the reads beside the storm, in µs.
    pub storm_p50_micros: f64,
    /// 99th percentile of the reads beside the storm, in µs.
    pub storm_p99_micros: f64,
    /// Reads and logins that failed.
    pub errors: u64,
}

/// The filling of one database.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Filling {
    /// The engine.
    pub engine: Engine,
    /// How many organizations it holds.
    pub organizations: usize,
    /// How many users it holds.
    pub users: usize,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// The micro-benchmarks with their circumstances.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Micro {
    /// When, where, with which versions.
    pub circumstances: Circumstances,
    /// The cases.
    pub pairs: Vec<Pair>,
}

/// What a workload found on one engine, with its circumstances.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// When, where, with which versions.
    pub circumstances: Circumstances,
    /// The table.
    pub table: Table,
}

/// A measurement that is to join the results.
#[derive(Debug)]
pub enum Measured<'a> {
    /// Load on the servers.
    Servers(Box<Run>),
    /// The micro-benchmarks.
    Micro(Vec<Pair>),
    /// A workload.
    Workload {
        /// Its name.
        name: &'a str,
        /// On which engine.
        engine: Engine,
        /// What it found.
        table: Table,
    },
}

/// What a sample, a ceiling or a storm belongs to: measured again, it is replaced as a whole.
type Subject = (Engine, usize, Scenario);

impl Run {
    /// Everything that this run measured.
    fn subjects(&self) -> Vec<Subject> {
        let samples = self
            .samples
            .iter()
            .map(|sample| (sample.engine, sample.organizations, sample.scenario));
        let storms = self
            .storms
            .iter()
            .map(|storm| (storm.engine, storm.organizations, Scenario::Storm));
        let mut subjects: Vec<Subject> = samples.chain(storms).collect();
        subjects.sort_unstable();
        subjects.dedup();
        subjects
    }

    /// Takes out what a newer run measured too. A database that was filled or started again is known anew.
    fn forget(&mut self, newer: &Self) {
        let subjects = newer.subjects();
        let stays = |subject: Subject| subjects.binary_search(&subject).is_err();
        self.samples
            .retain(|sample| stays((sample.engine, sample.organizations, sample.scenario)));
        self.ceilings
            .retain(|ceiling| stays((ceiling.engine, ceiling.organizations, ceiling.scenario)));
        self.storms
            .retain(|storm| stays((storm.engine, storm.organizations, Scenario::Storm)));
        let started = |start: &Start| (start.engine, start.organizations, start.server.clone());
        let again: Vec<_> = newer.starts.iter().map(started).collect();
        self.starts.retain(|start| !again.contains(&started(start)));
        let filled = |filling: &Filling| (filling.engine, filling.organizations);
        let again: Vec<_> = newer.fillings.iter().map(filled).collect();
        self.fillings.retain(|filling| !again.contains(&filled(filling)));
    }
}

impl Run {
    /// Whether both are of one run: each database hands its part over when it is done.
    fn is_part_of(&self, other: &Self) -> bool {
        let frame = |run: &Self| {
            let Self {
                circumstances, servers, ..
            } = run;
            let numbers = (
                run.rounds,
                run.seconds,
                run.warmup_seconds,
                run.connections,
                run.threads,
            );
            (circumstances.clone(), servers.clone(), numbers)
        };
        frame(self) == frame(other)
    }

    fn append(&mut self, mut other: Self) {
        self.samples.append(&mut other.samples);
        self.starts.append(&mut other.starts);
        self.ceilings.append(&mut other.ceilings);
        self.storms.append(&mut other.storms);
        self.fillings.append(&mut other.fillings);
    }
}

impl Results {
    /// What the file says; nothing where there is none.
    ///
    /// # Errors
    /// When it is of another make: then it has to be moved away by hand, since writing it anew would lose what it says.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        match fs::read_to_string(path) {
            Ok(text) => serde_json::from_str(&text)
                .with_context(|| format!("{} is of another make: move it away", path.display())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| path.display().to_string()),
        }
    }

    /// Takes a measurement in, made under `circumstances`.
    pub fn join(&mut self, measured: Measured<'_>, circumstances: &Circumstances) {
        let circumstances = circumstances.clone();
        match measured {
            Measured::Servers(run) => {
                for older in &mut self.servers {
                    older.forget(&run);
                }
                self.servers
                    .retain(|older| !older.samples.is_empty() || !older.storms.is_empty());
                match self.servers.iter_mut().find(|older| older.is_part_of(&run)) {
                    Some(older) => older.append(*run),
                    None => self.servers.push(*run),
                }
            }
            Measured::Micro(pairs) => self.micro = Some(Micro { circumstances, pairs }),
            Measured::Workload { name, engine, table } => {
                let finding = Finding { circumstances, table };
                self.workloads
                    .entry(name.to_owned())
                    .or_default()
                    .insert(engine, finding);
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::machine::Machine;
    use crate::workload::Row;

    pub(crate) fn circumstances(date: &str) -> Circumstances {
        Circumstances {
            date: date.to_owned(),
            machine: Machine {
                cpu: "CPU".to_owned(),
                cores: 2,
                memory_mib: 4096,
                kernel: "6".to_owned(),
                file_system: "ext2/ext3".to_owned(),
                sync_micros: 300,
            },
            versions: vec![("wrk".to_owned(), "4".to_owned())],
        }
    }

    pub(crate) fn sample(round: usize, server: &str, scenario: Scenario, rate: f64) -> Sample {
        Sample {
            engine: Engine::Postgres,
            organizations: 100,
            round,
            server: server.to_owned(),
            scenario,
            requests: 1000,
            requests_per_second: rate,
            p50_micros: 1500.0,
            p99_micros: 4200.0,
            errors: Errors::default(),
            server_cpu_micros: 20.0,
            database_cpu_micros: Some(30.0),
            foreign_cores: 0.1,
            resident_kib: 20_480,
        }
    }

    pub(crate) fn run(date: &str, samples: Vec<Sample>) -> Run {
        Run {
            circumstances: circumstances(date),
            servers: vec!["lastro".to_owned(), "limit".to_owned()],
            rounds: 3,
            seconds: 3,
            warmup_seconds: 1,
            connections: 64,
            threads: 2,
            starts: vec![Start {
                engine: Engine::Postgres,
                organizations: 100,
                server: "lastro".to_owned(),
                ready_millis: 42.0,
                idle_resident_kib: 20_480,
            }],
            samples,
            ceilings: Vec::new(),
            storms: Vec::new(),
            fillings: Vec::new(),
        }
    }

    fn boxed(date: &str, samples: Vec<Sample>) -> Box<Run> {
        Box::new(run(date, samples))
    }

    fn table(measured: &str) -> Table {
        Table {
            title: "Audit".to_owned(),
            method: String::new(),
            rows: vec![Row::new("what", measured)],
            courses: Vec::new(),
        }
    }

    #[test]
    fn a_scenario_that_is_measured_again_replaces_itself_and_nothing_else() {
        let mut results = Results::default();
        let first = vec![
            sample(1, "lastro", Scenario::Get, 1.0),
            sample(1, "lastro", Scenario::List, 2.0),
        ];
        let now = circumstances("later");
        results.join(Measured::Servers(boxed("first", first)), &now);
        let larger = Sample {
            organizations: 1000,
            ..sample(1, "lastro", Scenario::Get, 4.0)
        };
        let second = vec![sample(1, "lastro", Scenario::Get, 3.0), larger];
        results.join(Measured::Servers(boxed("second", second)), &now);
        let left = |run: &Run| -> Vec<f64> { run.samples.iter().map(|sample| sample.requests_per_second).collect() };
        assert_eq!(
            results.servers.iter().map(left).collect::<Vec<_>>(),
            [vec![2.0], vec![3.0, 4.0]]
        );
        assert_eq!(results.servers[0].starts.len() + results.servers[1].starts.len(), 1);
        results.join(
            Measured::Servers(boxed("third", vec![sample(1, "lastro", Scenario::List, 5.0)])),
            &now,
        );
        let more = vec![sample(1, "lastro", Scenario::Noop, 6.0)];
        results.join(Measured::Servers(boxed("third", more)), &now);
        let dates = results.servers.iter().map(|run| run.circumstances.date.as_str());
        assert_eq!(
            dates.collect::<Vec<_>>(),
            ["second", "third"],
            "a run of which nothing is left goes"
        );
    }

    #[test]
    fn parts_survive_each_other_and_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.json");
        let now = circumstances("now");
        let mut results = Results::read(&path).unwrap();
        results.join(
            Measured::Servers(boxed("now", vec![sample(1, "lastro", Scenario::Get, 1.0)])),
            &now,
        );
        for (engine, measured) in [(Engine::Postgres, "1"), (Engine::Sqlite, "2"), (Engine::Postgres, "3")] {
            let name = "audit";
            let table = table(measured);
            results.join(Measured::Workload { name, engine, table }, &now);
        }
        fs::write(&path, serde_json::to_string(&results).unwrap()).unwrap();
        results = Results::read(&path).unwrap();
        results.join(Measured::Micro(Vec::new()), &now);
        assert_eq!(results.servers.len(), 1);
        let audit = &results.workloads["audit"];
        assert_eq!(audit[&Engine::Postgres].table, table("3"));
        assert_eq!(audit[&Engine::Sqlite].table, table("2"));
        fs::write(&path, r#"{"servers": 5}"#).unwrap();
        assert!(Results::read(&path).unwrap_err().to_string().contains("move it away"));
    }
}
