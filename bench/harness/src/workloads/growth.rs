//! The same load on databases of different sizes.
//!
//! All of them are there at the same time, each with a server of its own that only works in its turns, so that whatever the machine does beside
//! touches them alike. As many users are active in each, in the smallest two of every organization: beside that, what grows is
//! what lies in the tables. The load is far from what the server can do: how long answers take where both cores are full is a matter of who gets them,
//! and differs between two runs of one size by more than between the sizes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::json;

use super::installation::Installation;
use super::text::count;
use crate::chance::Chance;
use crate::client::Client;
use crate::drive;
use crate::fill::{Population, USERS};
use crate::process::{self, progress};
use crate::scenario::Scenario;
use crate::stats::{median, range, ratios};
use crate::subject::Server;
use crate::workload::{Along, Course, Place, Row, Table};
use crate::wrk::Outcome;

/// What is asked: the routes with a goal but logins, refreshes and new organizations, none of which finds more rows to look at.
const ROUTES: [Scenario; 6] = [
    Scenario::Get,
    Scenario::List,
    Scenario::User,
    Scenario::Users,
    Scenario::Me,
    Scenario::Role,
];
/// The databases, the smallest first: their names, and what part of the organizations each has.
const SIZES: [(&str, usize); 3] = [("growth-small", 100), ("growth-middle", 10), ("growth-large", 1)];
/// A list of 50 needs as many.
const FEWEST: usize = 50;
/// Requests a second: a good tenth of what two cores can do of the dearest of the reads.
const PER_SECOND: f64 = 1_000.0;
/// Connections they are spread over.
const CONNECTIONS: usize = 8;
/// Logged-in users who ask, in organizations that lie far apart.
const ACTIVE: usize = 200;
/// A server rests when it used no more of a core than this for [`REST`].
const RESTING: f64 = 0.03;
const REST: Duration = Duration::from_secs(3);
/// For how long that is waited for.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long a load runs before it counts.
const WARMUP: Duration = Duration::from_secs(1);
/// By how much p99 may grow, in percent.
const GOAL: f64 = 20.0;

/// A database and its server.
struct Size<'a> {
    organizations: usize,
    population: Population,
    server: Server,
    // Its folder is removed with it.
    _installation: Installation<'a>,
}

/// p50 and p99 of each round, in ms.
#[derive(Default)]
struct Times {
    p50: Vec<f64>,
    p99: Vec<f64>,
}

pub(super) fn run(place: &Place<'_>) -> anyhow::Result<Table> {
    let sizes = SIZES
        .iter()
        .map(|(name, part)| Size::prepare(place, name, (place.sizes.customers / part).max(FEWEST)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let measure = place.measure.max(Duration::from_secs(5));
    let unique = AtomicU64::new(0);
    for size in &sizes {
        size.visit_everybody(&unique)?;
    }
    progress(format_args!("  waiting until what was begun by filling is done"));
    for size in &sizes {
        size.wait_for_rest()?;
    }
    let mut rows = Vec::new();
    let mut courses = Vec::new();
    for scenario in ROUTES {
        let mut times: Vec<Times> = sizes.iter().map(|_| Times::default()).collect();
        for round in 0..place.sizes.growth_rounds {
            // Each is the first now and then: what was idle before is not to matter more for one than for another.
            for turn in 0..sizes.len() {
                let at = (round + turn) % sizes.len();
                let (Some(size), Some(times)) = (sizes.get(at), times.get_mut(at)) else {
                    continue;
                };
                size.drive(scenario, WARMUP, &unique)?;
                let outcome = size.drive(scenario, measure, &unique)?;
                ensure!(outcome.errors.total() == 0, "requests failed: {outcome:?}");
                times.p50.push(outcome.p50.as_secs_f64() * 1e3);
                times.p99.push(outcome.p99.as_secs_f64() * 1e3);
            }
        }
        rows.push(row(scenario, &times)?);
        progress(format_args!("  {}", rows.last().map_or("", |row| &row.measured)));
        courses.push(Course {
            what: format!("p99 of {}, ms", scenario.request().replace('`', "")),
            along: Along::Organizations,
            points: sizes
                .iter()
                .zip(&times)
                .map(|(size, times)| (size.organizations as f64, median(&times.p99)))
                .collect(),
        });
    }
    let title = "Growth".to_owned();
    let method = format!(
        "Databases with {} organizations of {USERS} users each, all on this machine, each with a server of its own. In turn each is asked {} times a second over \
         {CONNECTIONS} connections for {} s, {} times; who asks varies over {ACTIVE} logged-in users of organizations that lie far apart, and what is asked for over what they see. Medians over the \
         rounds. The change is the median of the rounds' changes from the smallest to the largest (smallest to largest).",
        sizes
            .iter()
            .map(|size| count(size.organizations as u64))
            .collect::<Vec<_>>()
            .join(", "),
        count(PER_SECOND as u64),
        measure.as_secs(),
        place.sizes.growth_rounds,
    );
    for size in sizes {
        size.server.stop()?;
    }
    Ok(Table {
        title,
        method,
        rows,
        courses,
    })
}

fn row(scenario: Scenario, times: &[Times]) -> anyhow::Result<Row> {
    let (Some(smallest), Some(largest)) = (times.first(), times.last()) else {
        anyhow::bail!("no sizes");
    };
    let changes: Vec<f64> = ratios(&largest.p99, &smallest.p99)
        .iter()
        .map(|ratio| (ratio - 1.0) * 100.0)
        .collect();
    let change = median(&changes);
    let (low, high) = range(&changes);
    let each = |of: fn(&Times) -> &Vec<f64>| {
        let texts = times.iter().map(|times| format!("{:.2}", median(of(times))));
        texts.collect::<Vec<_>>().join(", ")
    };
    Ok(Row::new(
        format!("p99 of {}", scenario.request()),
        format!("{change:+.0} % ({low:+.0} to {high:+.0})"),
    )
    .against(format!("< {GOAL:.0} %"), change < GOAL)
    .noting(format!(
        "p99 {} ms, p50 {} ms",
        each(|times| &times.p99),
        each(|times| &times.p50)
    )))
}

impl<'a> Size<'a> {
    fn prepare(place: &'a Place<'a>, name: &'static str, organizations: usize) -> anyhow::Result<Self> {
        progress(format_args!("  filling {organizations} organizations"));
        let (installation, mut population) = Installation::filled(place, name, organizations)?;
        let step = population.members.len() / ACTIVE;
        population.members = population
            .members
            .into_iter()
            .step_by(step.max(1))
            .take(ACTIVE)
            .collect();
        let server = installation.serve()?;
        Ok(Self {
            organizations,
            population,
            server,
            _installation: installation,
        })
    }

    /// Everybody asks for everything once: a server that runs for longer than a minute knows who uses it.
    fn visit_everybody(&self, unique: &AtomicU64) -> anyhow::Result<()> {
        let mut client = self.server.anonymous()?;
        for member in &self.population.members {
            client.bear(&member.access_token);
            for path in ["/api/v1/auth/me".to_owned(), format!("/api/v1/users/{}", member.id)] {
                client.get(&path)?.json(200)?;
            }
        }
        // And what writes has written.
        self.drive(Scenario::Role, WARMUP, unique).map(drop)
    }

    /// Logins and new roles have mails sent and trails sealed.
    fn wait_for_rest(&self) -> anyhow::Result<()> {
        let mut before = self.server.cpu()?;
        process::wait_for("a server at rest", PATIENCE, || {
            process::sleep(REST)?;
            let now = self.server.cpu()?;
            let used = now.saturating_sub(std::mem::replace(&mut before, now));
            Ok((used.as_secs_f64() <= RESTING * REST.as_secs_f64()).then_some(()))
        })
    }

    /// Asks at the fixed rate for so long.
    fn drive(&self, scenario: Scenario, duration: Duration, unique: &AtomicU64) -> anyhow::Result<Outcome> {
        let connections = (0..CONNECTIONS)
            .map(|_| {
                let places = Chance::beginning(unique.fetch_add(1, Ordering::Relaxed));
                Ok((self.server.anonymous()?, places))
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        drive::paced(connections, PER_SECOND, duration, |(client, chance)| {
            let asked = self.population.ask(scenario, chance)?;
            let asked = asked.context("a route that is not asked like this")?;
            let member = asked.by.and_then(|member| self.population.members.get(member));
            client.bear(member.map_or(&self.server.token, |member| &member.access_token));
            let status = answer(client, asked.method, &asked.path, unique)?;
            ensure!(matches!(status, 200 | 201), "{} was answered {status}", asked.path);
            Ok(())
        })
    }
}

fn answer(client: &mut Client, method: &str, path: &str, unique: &AtomicU64) -> anyhow::Result<u16> {
    let answer = match method {
        "GET" => client.get(path)?,
        _ => {
            let number = unique.fetch_add(1, Ordering::Relaxed);
            client.post(
                path,
                &json!({"name": format!("Role {number}"), "code": format!("ROLE_{number}")}),
            )?
        }
    };
    Ok(answer.status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_change_is_that_of_the_rounds_and_not_of_the_medians() {
        let of = |p99: [f64; 3]| Times {
            p50: vec![0.25; 3],
            p99: p99.to_vec(),
        };
        let row = row(
            Scenario::User,
            &[of([1.0, 2.0, 4.0]), of([9.0; 3]), of([1.1, 2.5, 5.6])],
        )
        .unwrap();
        assert_eq!(row.measured, "+25 % (+10 to +40)");
        assert!(!row.goal.unwrap().met);
        assert_eq!(row.note, "p99 2.00, 9.00, 2.50 ms, p50 0.25, 0.25, 0.25 ms");
    }
}
