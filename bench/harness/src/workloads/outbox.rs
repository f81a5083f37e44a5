//! Deliveries: how long after a change the receiver hears of it, how many a second, and whether a backlog costs memory.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::json;

use super::installation::{Customer, Installation, Statement, customers};
use super::sink::Sink;
use super::text::{count, mebibytes, millis, per_second, percentile, rate};
use super::watch::{part, peak, thinned, watching};
use crate::client::Client;
use crate::process::{progress, sleep, wait_for};
use crate::workload::{Along, Course, Place, Row, Table};

/// Changes whose way to the receiver is timed.
const CHANGES: usize = 300;
/// The pause before each: what came of the one before is over by then.
const PAUSE: Duration = Duration::from_millis(60);
/// How many are recorded as delivered.
const DELIVERED: &str = "SELECT count(*) FROM webhook_deliveries WHERE status = 'delivered'";
/// How long nothing may arrive before deliveries count as lost.
const PATIENCE: Duration = Duration::from_secs(90);
/// The customers over whom the backlog is spread, each with an endpoint of its own.
const CUSTOMERS: usize = 8;

pub(super) fn run(place: &Place<'_>) -> anyhow::Result<Table> {
    let installation = Installation::new(place, "outbox")?;
    // Each at a port of its own, as customers have hosts of their own.
    let sink = Sink::open(CUSTOMERS)?;
    let server = installation.serve()?;
    let customers = customers(&server, "enterprise", CUSTOMERS)?;
    // What happened before there were endpoints is not theirs to wait for.
    wait_for("the events of onboarding", Duration::from_secs(30), || {
        let queued = installation.number("SELECT count(*) FROM outbox_queue")?;
        Ok((queued == 0).then_some(()))
    })?;
    for (customer, url) in customers.iter().zip(sink.urls()) {
        let body = json!({"url": url, "eventTypes": ["role.created"]});
        Client::connect(server.address, &customer.token)?
            .post("/api/v1/webhooks", &body)?
            .json(201)?;
    }
    let first = customers.first().context("no customer")?;
    let mut rows = vec![latency(server.address, first, &sink)?];
    server.stop()?;
    let backlog = u64::from(place.sizes.backlog);
    let mut courses = Vec::new();
    for (customers, backlog) in [(std::slice::from_ref(first), backlog / 10), (&customers[..], backlog)] {
        let drained = drain(&installation, &sink, customers, backlog)?;
        rows.extend(drained.rows);
        courses.push(drained.course);
        if !drained.whole {
            break;
        }
    }
    Ok(Table {
        title: "Outbox".to_owned(),
        method: "A receiver in the load generator's process answers 200 at once; deliveries are signed and their attempts kept as always. Latency: \
                 from sending a `POST /roles` to an idle server to the first byte at the receiver, so it includes the request and its commit. \
                 Backlog: events put into the tables while the server is down; counted until the last arrived, from the server's first ready answer."
            .to_owned(),
        rows,
        courses,
    })
}

/// From a change to the receiver, one change after the other.
fn latency(address: SocketAddr, customer: &Customer, sink: &Sink) -> anyhow::Result<Row> {
    let arrivals = sink.arrivals();
    let mut client = Client::connect(address, &customer.token)?;
    let (mut ways, mut answers) = (Vec::with_capacity(CHANGES), Vec::with_capacity(CHANGES));
    for number in 0..CHANGES + 10 {
        sleep(PAUSE)?;
        let body = json!({"name": format!("Timed {number}"), "code": format!("TIMED_{number}")});
        let sent = Instant::now();
        client.post("/api/v1/roles", &body)?.json(201)?;
        let answered = sent.elapsed();
        let arrived = arrivals
            .recv_timeout(Duration::from_secs(10))
            .context("a delivery did not arrive")?;
        // The first few find connections that are not open yet.
        if number >= 10 {
            ways.push(arrived.saturating_duration_since(sent));
            answers.push(answered);
        }
    }
    let p99 = percentile(&ways, 99);
    let row = Row::new(
        "Change to the receiver's first byte, idle server",
        format!("p50 {}, p99 {}", millis(percentile(&ways, 50)), millis(p99)),
    );
    Ok(row
        .against("p99 <= 100 ms", p99 <= Duration::from_millis(100))
        .noting(format!(
            "the change's own answer: p50 {}",
            millis(percentile(&answers, 50))
        )))
}

/// What came of draining a backlog.
struct Drained {
    rows: Vec<Row>,
    course: Course,
    /// Whether nothing was left.
    whole: bool,
}

/// Puts events of these customers into the tables, starts the server and waits until all have arrived.
fn drain(
    installation: &Installation<'_>,
    sink: &Sink,
    customers: &[Customer],
    backlog: u64,
) -> anyhow::Result<Drained> {
    let each = backlog / customers.len() as u64;
    let waiting = each * customers.len() as u64;
    progress(format_args!("  a backlog of {waiting}"));
    let before = installation.number(DELIVERED)?;
    for (customer, number) in customers.iter().zip(0..) {
        // Each filling has its own milliseconds: an id is an event's for ever.
        installation.sql(&events(&customer.id, each, before + number))?;
    }
    installation.settle()?;
    let begun = sink.taken();
    let server = installation.serve()?;
    let (idle, cpu) = (server.resident_kib()?, server.cpu()?);
    let limit = Duration::from_secs(installation.place.sizes.drain_seconds);
    let ((took, taken), samples) = watching(server.pid(), Duration::from_millis(200), || {
        sink.wait_for(begun + waiting, PATIENCE, limit)
    })?;
    let used = server.cpu()?.saturating_sub(cpu);
    let arrived = taken - begun;
    let whole = arrived >= waiting;
    if whole {
        // What came of the last attempts is written after they were answered.
        let kept = wait_for("the deliveries' records", Duration::from_secs(30), || {
            let kept = installation.number(DELIVERED)? - before;
            Ok((kept >= waiting).then_some(kept))
        })?;
        ensure!(
            kept == waiting,
            "{kept} deliveries are recorded, and {waiting} events were waiting"
        );
    }
    server.stop()?;
    let whose = match customers.len() {
        1 => "one endpoint".to_owned(),
        many => format!("{many} endpoints of {many} organizations"),
    };
    let left = if whole {
        String::new()
    } else {
        format!("; {} were left after {} s", count(waiting - arrived), limit.as_secs())
    };
    let per_delivery = used.as_secs_f64() * 1e6 / arrived.max(1) as f64;
    let (early, late) = (peak(&part(&samples, 0.05, 0.5)), peak(&part(&samples, 0.5, 1.0)));
    let rows = vec![
        Row::new(
            format!("Deliveries of a backlog of {}, {whose}", count(waiting)),
            per_second(arrived, took),
        )
        .against(">= 5,000/s", rate(arrived, took) >= 5_000.0)
        .noting(format!("{per_delivery:.0} µs of the server's CPU each{left}")),
        Row::new(
            format!("Most memory in the first and in the second half, {whose}"),
            format!("{}, {}", mebibytes(early), mebibytes(late)),
        )
        // A tenth, or what an allocator may keep: a backlog in memory would be hundreds of bytes an event.
        .against("flat", late <= early + (early / 10).max(8 * 1024))
        .noting(format!("{} at the first ready answer", mebibytes(idle))),
    ];
    let course = Course {
        what: format!("resident memory, MiB: {whose}"),
        along: Along::Seconds,
        points: thinned(&samples),
    };
    Ok(Drained { rows, course, whole })
}

/// Events of a customer that wait to be handed on. `shift` keeps their ids apart from those of another filling.
fn events(organization: &str, events: u64, shift: u64) -> Statement {
    let bare = organization.replace('-', "");
    let now = jiff::Timestamp::now();
    // An hour ago, and each filling in milliseconds of its own.
    let begin = now.as_millisecond() - 3_600_000 + i64::try_from(shift % 1_000_000).unwrap_or_default();
    let micros = now.as_microsecond();
    let data = format!(
        r#"{{"id": "{organization}", "organizationId": "{organization}", "name": "Waiting", "code": "WAITING", "description": null, "isSystem": false, "createdAt": "{now}", "updatedAt": "{now}"}}"#
    );
    let last = events.saturating_sub(1);
    Statement {
        postgres: format!(
            "WITH numbered AS (SELECT (lpad(to_hex({begin} + n / 4096), 12, '0') || '7' || lpad(to_hex(n % 4096), 3, '0') || '8' \
             || lpad(to_hex(n), 15, '0'))::uuid AS id FROM generate_series(0, {last}) AS n), \
             queued AS (INSERT INTO outbox_queue (organization_id, event_id) SELECT '{organization}', id FROM numbered) \
             INSERT INTO outbox_events (organization_id, id, occurred_at, type, subject_kind, subject_id, data) \
             SELECT '{organization}', id, '{now}', 'role.created', 'role', '{organization}', '{data}' FROM numbered"
        ),
        sqlite: format!(
            "BEGIN; CREATE TEMP TABLE numbered AS WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < {last}) \
             SELECT unhex(printf('%012x7%03x8%015x', {begin} + n / 4096, n % 4096, n)) AS id FROM numbers; \
             INSERT INTO outbox_queue (organization_id, event_id) SELECT x'{bare}', id FROM numbered; \
             INSERT INTO outbox_events (organization_id, id, occurred_at, type, subject_kind, subject_id, data) \
             SELECT x'{bare}', id, {micros}, 'role.created', 'role', x'{bare}', '{data}' FROM numbered; COMMIT"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_engines_are_told_of_the_same_events() {
        let statement = events("01234567-89ab-7def-8123-456789abcdef", 10, 3);
        assert!(
            statement.postgres.contains("generate_series(0, 9)"),
            "{}",
            statement.postgres
        );
        assert!(statement.sqlite.contains("n < 9)"), "{}", statement.sqlite);
        assert!(
            statement.sqlite.contains("x'0123456789ab7def8123456789abcdef'"),
            "{}",
            statement.sqlite
        );
    }
}
