//! One server's turn.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use crate::ceiling::{self, Rate};
use crate::chance::Chance;
use crate::client::Client;
use crate::drive;
use crate::fill::{PASSWORD, USERS};
use crate::load::{Generator, Target};
use crate::postgres::Postgres;
use crate::prepared::{Copied, Prepared};
use crate::proc;
use crate::process::{progress, sleep};
use crate::results::{Ceiling, Run, Sample, Start, Storm};
use crate::run::Plan;
use crate::scenario::{Drive, Scenario};
use crate::subject::{Kind, Server, Subject};
use crate::wrk::Outcome;

/// How many reads a second the storm scenario asks for: a modest load, a tenth of what two cores can do.
const READS_PER_SECOND: f64 = 500.0;
/// Connections of these reads.
const READERS: usize = 16;
/// Connections that log in meanwhile without a pause, many times more than there are threads that hash.
const STORM: usize = 32;
/// How much longer logins are warmed up, and a third of how much longer they are measured, than the rest.
const SLOW: Duration = Duration::from_secs(1);

/// What a turn needs.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) generator: &'a Generator,
    pub(crate) prepared: &'a Prepared<'a>,
    pub(crate) subject: &'a Subject,
    pub(crate) round: usize,
}

impl Turn<'_> {
    /// Starts the server on a fresh copy, checks its answers, measures, stops it, removes the copy.
    pub(crate) fn take(&self, expected: &mut BTreeMap<String, Value>, run: &mut Run) -> anyhow::Result<()> {
        let Self { prepared, subject, .. } = self;
        let copied = prepared.copy(&format!(
            "turn-{}-{}-{}",
            prepared.engine,
            prepared.organizations(),
            run.starts.len()
        ))?;
        let mut server = subject.boot(&copied.url, &copied.folder, &[])?;
        // Idle is who has not been asked anything.
        sleep(Duration::from_millis(500))?;
        run.starts.push(Start {
            engine: prepared.engine,
            organizations: prepared.organizations(),
            server: subject.name.clone(),
            ready_millis: server.ready_after.as_secs_f64() * 1e3,
            idle_resident_kib: server.resident_kib()?,
        });
        server.log_in(subject)?;
        let tokens = prepared.tokens(subject.kind, &server.token)?;
        self.compare(&server, &tokens, expected)?;
        let tokens_file = copied.folder.join("tokens");
        fs::write(&tokens_file, tokens.join("\n") + "\n")?;
        for scenario in self.plan.chosen() {
            match (scenario.drive(), subject.kind) {
                (Drive::Wrk, _) => self.by_wrk(&server, &copied, scenario, &tokens_file, run)?,
                (Drive::Harness, Kind::Lastro) => self.by_harness(&server, scenario, run)?,
                (Drive::Harness, Kind::Limit) => {}
            }
        }
        server.stop()?;
        copied.remove()
    }

    /// Servers that answer differently do not do the same work. The next page's cursor is opaque and may differ.
    fn compare(
        &self,
        server: &Server,
        tokens: &[String],
        expected: &mut BTreeMap<String, Value>,
    ) -> anyhow::Result<()> {
        let population = &self.prepared.population;
        let organizations = &population.organizations;
        let step = organizations.len().div_ceil(5).max(1);
        let mut asked: Vec<(usize, String)> = organizations
            .iter()
            .step_by(step)
            .map(|organization| (0, format!("/api/v1/organizations/{}", organization.id)))
            .collect();
        asked.push((0, "/api/v1/organizations?limit=50".to_owned()));
        let mut chance = Chance::new();
        for _ in 0..5 {
            let (number, member) = chance.pick_numbered(&population.members)?;
            let user = self.prepared.population.colleague(member, &mut chance)?;
            asked.push((number + 1, format!("/api/v1/users/{user}")));
            asked.push((number + 1, "/api/v1/users?limit=50".to_owned()));
            asked.push((number + 1, "/api/v1/auth/me".to_owned()));
        }
        for (number, path) in asked {
            let token = tokens.get(number).context("a member without a token")?;
            let mut answer = server
                .client_of(token)?
                .get(&path)?
                .json(200)
                .with_context(|| path.clone())?;
            if let Some(Value::String(cursor)) = answer.pointer_mut("/meta/nextCursor") {
                cursor.clear();
            }
            let first = expected
                .entry(format!("{number} {path}"))
                .or_insert_with(|| answer.clone());
            if let Some(difference) = difference(first, &answer, &mut String::new()) {
                bail!("the servers answer differently to {path}: {difference}");
            }
        }
        Ok(())
    }

    fn by_wrk(
        &self,
        server: &Server,
        copied: &Copied<'_>,
        scenario: Scenario,
        tokens: &Path,
        run: &mut Run,
    ) -> anyhow::Result<()> {
        let requests = self.prepared.requests_file(scenario);
        let target = Target {
            address: server.address,
            requests: &requests,
            tokens,
        };
        if !self.plan.warmup.is_zero() {
            self.generator.run(target, self.plan.warmup, "warm-up")?;
        }
        let table = match scenario {
            Scenario::Create => Some("organizations"),
            Scenario::Role => Some("roles"),
            _ => None,
        };
        let before = table.map(|table| copied.rows(table)).transpose()?;
        let sample = self.sample(server, scenario, |meter| {
            meter.mark()?;
            let outcome = self.generator.run(target, self.plan.measure, "measured")?;
            meter.mark()?;
            Ok(outcome)
        })?;
        if let (Some(table), Some(before)) = (table, before) {
            self.check_writes(&sample, copied.rows(table)?.saturating_sub(before))?;
        }
        run.samples.push(sample);
        Ok(())
    }

    fn by_harness(&self, server: &Server, scenario: Scenario, run: &mut Run) -> anyhow::Result<()> {
        let Plan { warmup, measure, .. } = self.plan;
        let (sample, rate) = match scenario {
            Scenario::Refresh => {
                let connections = self.continuing(server)?;
                let sample = self.sample(server, scenario, |meter| {
                    drive::closed(
                        connections,
                        *warmup,
                        *measure,
                        || meter.mark(),
                        |(client, token)| {
                            let answer = client
                                .post("/api/v1/auth/refresh", &json!({"refreshToken": token}))?
                                .json(200)?;
                            let next = answer.pointer("/data/refreshToken").and_then(Value::as_str);
                            next.context("no next token")?.clone_into(token);
                            Ok(())
                        },
                    )
                })?;
                (sample, ceiling::signatures(*measure)?)
            }
            Scenario::Login => {
                let connections = self.entering(server, self.plan.connections)?;
                // An answer takes most of a second: all wait for the same few cores.
                let (warmup, measure) = (*warmup + SLOW, *measure + SLOW * 3);
                let sample = self.sample(server, scenario, |meter| {
                    drive::closed(
                        connections,
                        warmup,
                        measure,
                        || meter.mark(),
                        |(client, chance)| self.log_in(client, chance),
                    )
                })?;
                (
                    sample,
                    ceiling::hashes(&self.prepared.population.hash, PASSWORD, measure)?,
                )
            }
            _ => {
                let storm = self.storm(server)?;
                progress(format_args!(
                    "{} {:<8} p99 {:>7.2} ms quiet, {:>7.2} ms beside {:.0} logins/s, errors {}",
                    self.place(),
                    scenario.name(),
                    storm.quiet_p99_micros / 1e3,
                    storm.storm_p99_micros / 1e3,
                    storm.logins_per_second,
                    storm.errors
                ));
                run.storms.push(storm);
                return Ok(());
            }
        };
        let Rate { what, per_second } = rate;
        progress(format_args!("  {per_second:.0} {what}/s are what the cores can do"));
        run.samples.push(sample);
        run.ceilings.push(Ceiling {
            engine: self.prepared.engine,
            organizations: self.prepared.organizations(),
            round: self.round,
            scenario,
            what,
            per_second,
        });
        Ok(())
    }

    /// A connection and the newest refresh token of a session of its own.
    fn continuing(&self, server: &Server) -> anyhow::Result<Vec<(Client, String)>> {
        let members = self.prepared.population.members.iter().take(self.plan.connections);
        members
            .map(|member| Ok((server.anonymous()?, member.refresh_token.clone())))
            .collect()
    }

    /// Connections that each log in other users, in an order of their own.
    fn entering(&self, server: &Server, count: usize) -> anyhow::Result<Vec<(Client, Chance)>> {
        (0..count as u64)
            .map(|number| Ok((server.anonymous()?, Chance::beginning(number))))
            .collect()
    }

    fn log_in(&self, client: &mut Client, chance: &mut Chance) -> anyhow::Result<()> {
        let organization = chance.pick(&self.prepared.population.organizations)?;
        let user = chance.below(USERS)?;
        let credentials = organization.credentials(user);
        client.log_in(&credentials).map(drop)
    }

    /// Reads at a fixed rate for the measure's length, by themselves and then beside logins.
    fn storm(&self, server: &Server) -> anyhow::Result<Storm> {
        let Plan { warmup, measure, .. } = self.plan;
        let quiet = self.reads(server, *measure)?;
        let connections = self.entering(server, STORM)?;
        let stop = AtomicBool::new(false);
        // Longer than the reads take; they end it.
        let longest = *warmup + *measure * 10;
        let (reads, logins) = std::thread::scope(|scope| {
            let logins = scope.spawn(|| {
                drive::until(connections, longest, &stop, |(client, chance)| {
                    self.log_in(client, chance)
                })
            });
            let reads = sleep(*warmup).and_then(|()| self.reads(server, *measure));
            stop.store(true, Ordering::Relaxed);
            let logins = logins.join().unwrap_or_else(|_| bail!("the storm's thread panicked"));
            (reads, logins)
        });
        let (reads, logins) = (reads?, logins?);
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        Ok(Storm {
            engine: self.prepared.engine,
            organizations: self.prepared.organizations(),
            round: self.round,
            server: self.subject.name.clone(),
            reads_per_second: READS_PER_SECOND,
            login_connections: STORM,
            logins_per_second: logins.per_second(),
            quiet_p50_micros: micros(quiet.p50),
            quiet_p99_micros: micros(quiet.p99),
            storm_p50_micros: micros(reads.p50),
            storm_p99_micros: micros(reads.p99),
            errors: quiet.errors.total() + reads.errors.total() + logins.errors.total(),
        })
    }

    fn reads(&self, server: &Server, measure: Duration) -> anyhow::Result<Outcome> {
        let members = &self.prepared.population.members;
        let readers = members.iter().zip(0_u64..).take(READERS);
        let connections = readers
            .map(|(member, number)| {
                Ok((
                    server.client_of(&member.access_token)?,
                    member,
                    Chance::beginning(number),
                ))
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        drive::paced(connections, READS_PER_SECOND, measure, |(client, member, chance)| {
            let user = self.prepared.population.colleague(member, chance)?;
            let answer = client.get(&format!("/api/v1/users/{user}"))?;
            ensure!(answer.status == 200, "a read was answered {}", answer.status);
            Ok(())
        })
    }

    /// Measures what `load` does: its outcome with what it cost, between the marks that it sets.
    fn sample(
        &self,
        server: &Server,
        scenario: Scenario,
        load: impl FnOnce(&mut Meter<'_>) -> anyhow::Result<Outcome>,
    ) -> anyhow::Result<Sample> {
        let postgres = self.prepared.postgres;
        let mut meter = Meter {
            server,
            postgres,
            marks: Vec::new(),
        };
        let outcome = load(&mut meter)?;
        let costs = match meter.marks.as_slice() {
            [started, ended] => ended.since(started),
            marks => bail!("{scenario}: {} marks where it takes two", marks.len()),
        };
        ensure!(outcome.requests > 0, "{scenario}: not one answer");
        let per_request = |cpu: Duration| cpu.as_secs_f64() * 1e6 / outcome.requests as f64;
        let sample = Sample {
            engine: self.prepared.engine,
            organizations: self.prepared.organizations(),
            round: self.round,
            server: self.subject.name.clone(),
            scenario,
            requests: outcome.requests,
            requests_per_second: outcome.per_second(),
            p50_micros: outcome.p50.as_secs_f64() * 1e6,
            p99_micros: outcome.p99.as_secs_f64() * 1e6,
            errors: outcome.errors,
            server_cpu_micros: per_request(costs.server),
            database_cpu_micros: postgres.map(|_| per_request(costs.database)),
            foreign_cores: costs.foreign().as_secs_f64() / outcome.elapsed.as_secs_f64(),
            resident_kib: server.resident_kib()?,
        };
        progress(format_args!(
            "{} {:<8} {:>8.0}/s  p99 {:>7.2} ms  errors {}, others on {:.1} cores",
            self.place(),
            scenario.name(),
            sample.requests_per_second,
            sample.p99_micros / 1e3,
            sample.errors.total(),
            sample.foreign_cores
        ));
        Ok(sample)
    }

    fn place(&self) -> String {
        format!(
            "{} {} round {}/{} {:<12}",
            self.prepared.engine,
            self.prepared.organizations(),
            self.round,
            self.plan.rounds,
            self.subject.name
        )
    }

    /// Every acknowledged creation must be there; beyond them at most what was in flight when the warm-up and the load ended.
    fn check_writes(&self, sample: &Sample, grown: u64) -> anyhow::Result<()> {
        let acknowledged = sample.requests.saturating_sub(sample.errors.status);
        let most = acknowledged + 2 * self.plan.connections as u64;
        ensure!(
            (acknowledged..=most).contains(&grown),
            "{acknowledged} creations were acknowledged, and the table grew by {grown}"
        );
        Ok(())
    }
}

/// Reads what has been spent so far.
struct Meter<'a> {
    server: &'a Server,
    postgres: Option<&'a Postgres>,
    marks: Vec<Costs>,
}

impl Meter<'_> {
    fn mark(&mut self) -> anyhow::Result<()> {
        self.marks.push(Costs::read(self.server, self.postgres)?);
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
    fn read(server: &Server, postgres: Option<&Postgres>) -> anyhow::Result<Self> {
        let database = postgres.map(|postgres| proc::cpu(postgres.pid())).transpose()?;
        Ok(Self {
            server: server.cpu()?,
            database: database.unwrap_or_default(),
            load: proc::own_cpu()?,
            machine: proc::machine_cpu()?,
        })
    }

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
}
