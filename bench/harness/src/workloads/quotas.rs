//! Quotas: how many reservations a second, of one organization by one and by many consumers, and whether the count is exact.

use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::installation::{Customer, Installation, customers};
use super::requests::{Load, Request};
use super::text::{count, millis, per_second, rate};
use crate::client::Client;
use crate::process::progress;
use crate::subject::Server;
use crate::workload::{Place, Row, Table};
use crate::wrk::Outcome;

/// Consumers of the largest load.
const CONSUMERS: usize = 64;
/// The quota that is exhausted.
const SCARCE: u64 = 5_000;

pub(super) fn run(place: &Place<'_>) -> anyhow::Result<Table> {
    let installation = Installation::new(place, "quotas")?;
    let load = Load::new(place.workspace)?;
    let server = installation.serve()?;
    let quota = |metric: &str, limit: u64| json!({"metric": metric, "limit": limit, "period": "month", "mode": "hard"});
    let package = json!({
        "code": "measured",
        "name": "Measured",
        "modules": [],
        "quotas": [quota("documents.signed", 1 << 40), quota("documents.scarce", SCARCE)],
    });
    server.client()?.post("/api/v1/packages", &package)?.json(201)?;
    let customers = customers(&server, "measured", CONSUMERS)?;
    let first = customers.first().context("no customer")?;
    let consume = |customers: &[Customer], consumers: usize| -> anyhow::Result<Outcome> {
        let requests: Vec<Request> = customers
            .iter()
            .map(|customer| reservation(customer, "documents.signed"))
            .collect();
        load.run(server.address, &requests, consumers, place.measure)?
            .all_good("reservations")
    };
    consume(&customers, CONSUMERS).context("warm-up")?;
    let used = used(&server, first, "documents.signed")?;
    let mut rows = Vec::new();
    let (mut acknowledged, mut in_flight, mut crowded) = (0, 0, 0.0);
    for consumers in [1, 8, CONSUMERS] {
        let outcome = consume(std::slice::from_ref(first), consumers)?;
        acknowledged += outcome.requests;
        in_flight += consumers as u64;
        crowded = rate(outcome.requests, outcome.elapsed);
        rows.push(reservations(
            &format!("{consumers} at a time, one organization"),
            &outcome,
        ));
    }
    let grown = self::used(&server, first, "documents.signed")? - used;
    ensure!(
        (acknowledged..=acknowledged + in_flight).contains(&grown),
        "{acknowledged} reservations were acknowledged, at most {in_flight} more were under way, and {grown} are counted"
    );
    let outcome = consume(&customers, CONSUMERS)?;
    let spread = rate(outcome.requests, outcome.elapsed);
    rows.push(reservations(
        &format!("{CONSUMERS} at a time, {CONSUMERS} organizations"),
        &outcome,
    ));
    rows.push(
        Row::new(
            format!("One organization against {CONSUMERS}, {CONSUMERS} consumers"),
            format!("{:.2}", crowded / spread),
        )
        .against(">= 0.50", crowded >= spread / 2.0),
    );
    rows.push(exhaust(&load, &server, first, place.measure)?);
    server.stop()?;
    Ok(Table {
        title: "Quotas".to_owned(),
        method: "`POST /usage/events` with one event of a metric that has a hard quota: each request is one reservation in a transaction of its own. \
                 Acknowledged reservations are compared with what is counted; then a quota is exhausted by 64 consumers at once."
            .to_owned(),
        rows,
        courses: Vec::new(),
    })
}

fn reservation(customer: &Customer, metric: &str) -> Request {
    let body = json!({"events": [{"metric": metric, "quantity": 1}]});
    Request::post("/api/v1/usage/events", &customer.token, &body)
}

fn reservations(whose: &str, outcome: &Outcome) -> Row {
    Row::new(
        format!("Reservations, {whose}"),
        per_second(outcome.requests, outcome.elapsed),
    )
    .noting(format!("p50 {}, p99 {}", millis(outcome.p50), millis(outcome.p99)))
}

/// What is counted of a metric.
fn used(server: &Server, customer: &Customer, metric: &str) -> anyhow::Result<u64> {
    let answer = Client::connect(server.address, &customer.token)?
        .get("/api/v1/usage/quotas")?
        .json(200)?;
    let quotas = answer.pointer("/data").and_then(Value::as_array).context("no quotas")?;
    let quota = quotas
        .iter()
        .find(|quota| quota.pointer("/metric").and_then(Value::as_str) == Some(metric))
        .with_context(|| format!("no quota of {metric}: {answer}"))?;
    quota
        .pointer("/used")
        .and_then(Value::as_u64)
        .context("a quota without its use")
}

/// Takes from a quota until every request is refused: exactly the limit may have been granted.
fn exhaust(load: &Load, server: &Server, customer: &Customer, step: Duration) -> anyhow::Result<Row> {
    progress(format_args!("  exhausting a quota"));
    let request = [reservation(customer, "documents.scarce")];
    let mut granted = 0;
    for _ in 0..20 {
        let outcome = load.run(server.address, &request, CONSUMERS, step)?;
        granted += outcome.good();
        if outcome.good() == 0 {
            let used = used(server, customer, "documents.scarce")?;
            ensure!(used == SCARCE, "{used} are counted of a limit of {SCARCE}");
            // What was under way when a load ended was perhaps granted and not heard of.
            ensure!(granted <= SCARCE, "{granted} were granted of a limit of {SCARCE}");
            return Ok(Row::new(
                format!("A quota of {} taken by {CONSUMERS} at once", count(SCARCE)),
                format!("{} counted, {} acknowledged", count(used), count(granted)),
            )
            .against("exact", used == SCARCE));
        }
    }
    anyhow::bail!("after {granted} the quota of {SCARCE} is not exhausted")
}
