//! Mixed load for minutes: what a server holds may not grow with what it did.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use super::installation::{Customer, Installation, Statement, customers};
use super::requests::{Load, Request};
use super::sink::Sink;
use super::text::{count, mebibytes, millis, per_second};
use super::watch::{is_flat, slope};
use crate::client::{Client, text};
use crate::fill::PASSWORD;
use crate::proc;
use crate::process::{progress, sleep};
use crate::subject::Server;
use crate::workload::{Along, Course, Place, Row, Table};
use crate::wrk::Outcome;

/// Organizations that take part.
const CUSTOMERS: usize = 16;
/// Connections of the load.
const CONNECTIONS: usize = 16;
/// How often the server is looked at, unless the whole takes less than a hundred times as long.
const LOOK: Duration = Duration::from_secs(5);

/// What the server held at an instant.
#[derive(Debug, Clone, Copy)]
struct Held {
    at: Duration,
    resident_kib: u64,
    files: usize,
    connections: Option<u64>,
}

pub(super) fn run(place: &Place<'_>) -> anyhow::Result<Table> {
    let installation = Installation::new(place, "soak")?;
    let load = Load::new(place.workspace)?;
    let sink = Sink::open(CUSTOMERS)?;
    let server = installation.serve()?;
    let customers = customers(&server, "enterprise", CUSTOMERS)?;
    let requests = mixture(&server, &customers, &sink)?;
    let duration = Duration::from_secs(place.sizes.soak_seconds.max(10));
    // Caches fill and connections open in the first seconds: that is no growth.
    load.run(server.address, &requests, CONNECTIONS, Duration::from_secs(5))?
        .all_good("warm-up")?;
    progress(format_args!("  mixed load for {} s", duration.as_secs()));
    let (outcome, held) = hold(&installation, &server, duration, || {
        load.run(server.address, &requests, CONNECTIONS, duration)?
            .all_good("mixed load")
    })?;
    server.stop()?;
    let rows = told(place, &outcome, &held, sink.taken())?;
    Ok(Table {
        title: "Soak".to_owned(),
        method: format!(
            "{CONNECTIONS} connections of {CUSTOMERS} organizations ask without a pause: users, lists, checks, usage events, changes with webhooks, new \
             groups, the audit trail, logins. Growth is the slope of the straight line that fits best over the second half, an hour of it; flat is what on average \
             held no more in the last quarter than in the third, a tenth aside."
        ),
        rows,
        courses: courses(place, &held),
    })
}

/// What the server held, for the plots.
fn courses(place: &Place<'_>, held: &[Held]) -> Vec<Course> {
    let course = |what: &str, of: fn(&Held) -> f64| Course {
        what: what.to_owned(),
        along: Along::Seconds,
        points: held
            .iter()
            .map(|held| (held.at.as_secs_f64().round(), of(held)))
            .collect(),
    };
    let mut courses = vec![
        course("resident memory, MiB", resident),
        course("open files", |held| held.files as f64),
    ];
    if place.postgres.is_some() {
        courses.push(course("database connections", |held| {
            held.connections.unwrap_or_default() as f64
        }));
    }
    courses
}

fn resident(held: &Held) -> f64 {
    (held.resident_kib as f64 / 1024.0 * 10.0).round() / 10.0
}

/// What the organizations ask for, each line as often as it stands here.
fn mixture(server: &Server, customers: &[Customer], sink: &Sink) -> anyhow::Result<Vec<Request>> {
    let mut requests = Vec::new();
    for (customer, url) in customers.iter().zip(sink.urls()) {
        let Customer {
            id: _,
            slug,
            admin,
            token,
        } = customer;
        let mut client = Client::connect(server.address, token)?;
        let webhook = json!({"url": url, "eventTypes": ["role.updated"]});
        client.post("/api/v1/webhooks", &webhook)?.json(201)?;
        let role = json!({"name": "Changing", "code": "CHANGING"});
        let role = text(&client.post("/api/v1/roles", &role)?.json(201)?, "/data/id")?;
        let events: Vec<Value> = (0..5)
            .map(|number| json!({"metric": "documents.signed", "quantity": 1, "idempotencyKey": format!("{{n}}-{number}")}))
            .collect();
        let get = |path: String| Request::get(path, token);
        let post = |path: &str, body: &Value| Request::post(path, token, body);
        let change = Request {
            method: "PATCH",
            ..Request::post(
                format!("/api/v1/roles/{role}"),
                token,
                &json!({"description": "Changed for the time {n}"}),
            )
        };
        let login = json!({"organizationSlug": slug, "email": format!("admin@{slug}.example"), "password": PASSWORD});
        for (times, request) in [
            (40, get(format!("/api/v1/users/{admin}"))),
            (10, get("/api/v1/users?limit=20".to_owned())),
            (10, get("/api/v1/roles?limit=20".to_owned())),
            (
                10,
                post("/api/v1/access/check", &json!({"permission": "FINANCE_INVOICE_READ"})),
            ),
            (5, post("/api/v1/usage/events", &json!({"events": events}))),
            (5, change),
            (2, post("/api/v1/groups", &json!({"name": "Group {n}", "code": "G{n}"}))),
            (2, get("/api/v1/audit-logs?limit=20".to_owned())),
            (2, get("/api/v1/auth/me".to_owned())),
            (1, Request::post("/api/v1/auth/login", "", &login)),
        ] {
            requests.extend(std::iter::repeat_n(request, times));
        }
    }
    Ok(requests)
}

/// Does `work` while the server is looked at.
fn hold(
    installation: &Installation<'_>,
    server: &Server,
    duration: Duration,
    work: impl FnOnce() -> anyhow::Result<Outcome>,
) -> anyhow::Result<(Outcome, Vec<Held>)> {
    let stop = AtomicBool::new(false);
    let pid = server.pid();
    let interval = LOOK.min(duration / 100);
    thread::scope(|scope| {
        let looking = scope.spawn(|| -> anyhow::Result<Vec<Held>> {
            let started = Instant::now();
            let mut held = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                held.push(Held {
                    at: started.elapsed(),
                    resident_kib: proc::resident_kib(pid)?,
                    files: fs::read_dir(format!("/proc/{pid}/fd"))?.count(),
                    connections: connections(installation)?,
                });
                sleep(interval)?;
            }
            Ok(held)
        });
        let outcome = work();
        stop.store(true, Ordering::Relaxed);
        let held = looking.join().unwrap_or_else(|_| bail!("the watch panicked"))?;
        Ok((outcome?, held))
    })
}

/// Connections to the database, but for the one that asks.
fn connections(installation: &Installation<'_>) -> anyhow::Result<Option<u64>> {
    if installation.place.postgres.is_none() {
        return Ok(None);
    }
    let asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let answer = installation.sql(&Statement::same(asked))?;
    Ok(Some(answer.parse()?))
}

/// What came of it.
fn told(place: &Place<'_>, outcome: &Outcome, held: &[Held], delivered: u64) -> anyhow::Result<Vec<Row>> {
    let half = held.get(held.len() / 2..).context("nothing was looked at")?;
    let (first, last) = half.first().zip(half.last()).context("nothing was looked at")?;
    ensure!(last.at > first.at, "the server was looked at only once");
    let growth = |of: &dyn Fn(&Held) -> f64| -> anyhow::Result<f64> {
        let points: Vec<(f64, f64)> = half.iter().map(|held| (held.at.as_secs_f64(), of(held))).collect();
        Ok(slope(&points)? * 3_600.0)
    };
    let over = |of: &dyn Fn(&Held) -> f64| {
        half.iter().map(of).fold((f64::INFINITY, 0.0), |(least, most), value| {
            (f64::min(least, value), f64::max(most, value))
        })
    };
    let files = |held: &Held| held.files as f64;
    let flat = |of: &dyn Fn(&Held) -> f64, little: f64| is_flat(&half.iter().map(of).collect::<Vec<_>>(), little);
    let hourly = growth(&resident)?;
    let (least, most) = over(&resident);
    let mut rows = vec![
        Row::new(
            format!("Answers within {} s", held.last().map_or(0, |held| held.at.as_secs())),
            format!(
                "{}, none of them an error",
                per_second(outcome.requests, outcome.elapsed)
            ),
        )
        .noting(format!(
            "p50 {}, p99 {}; {} webhooks delivered",
            millis(outcome.p50),
            millis(outcome.p99),
            count(delivered)
        )),
        Row::new("Growth of the resident memory", format!("{hourly:+.1} MiB an hour"))
            .against("flat", flat(&resident, 8.0))
            .noting(format!(
                "{} to {} in the second half; {} at its begin",
                mebibytes((least * 1024.0) as u64),
                mebibytes((most * 1024.0) as u64),
                mebibytes(held.first().map_or(0, |held| held.resident_kib))
            )),
    ];
    let (least, most) = over(&files);
    rows.push(
        Row::new("Growth of open files", format!("{:+.1} an hour", growth(&files)?))
            .against("flat", flat(&files, 8.0))
            .noting(format!("{least:.0} to {most:.0} in the second half, sockets included")),
    );
    if place.postgres.is_some() {
        let connections = |held: &Held| held.connections.unwrap_or_default() as f64;
        let (least, most) = over(&connections);
        rows.push(
            Row::new(
                "Growth of database connections",
                format!("{:+.1} an hour", growth(&connections)?),
            )
            .against("flat", flat(&connections, 4.0))
            .noting(format!("{least:.0} to {most:.0} in the second half")),
        );
    }
    Ok(rows)
}
