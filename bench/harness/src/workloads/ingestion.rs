//! Usage events in batches, from one and from many organizations.

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::installation::{Customer, Installation, customers};
use super::requests::{Load, Request};
use super::text::{millis, per_second, rate};
use crate::client::Client;
use crate::engine::Engine;
use crate::proc;
use crate::subject::Server;
use crate::workload::{Place, Row, Table};

/// Events of a batch.
const BATCH: u64 = 100;
/// Organizations that report.
const CUSTOMERS: usize = 16;
/// Batches under way at a time.
const CONNECTIONS: usize = 16;
/// Metrics in each batch.
const METRICS: [&str; 4] = ["documents.signed", "pages.printed", "messages.sent", "minutes.used"];

pub(super) fn run(place: &Place<'_>) -> anyhow::Result<Table> {
    let installation = Installation::new(place, "ingestion")?;
    let load = Load::new(place.workspace)?;
    let server = installation.serve()?;
    let customers = customers(&server, "enterprise", CUSTOMERS)?;
    let one = customers.get(..1).context("no customer")?;
    let mut rows = Vec::new();
    for (whose, customers, keyed) in [
        (
            format!("{CUSTOMERS} organizations, each event with a key"),
            &customers[..],
            true,
        ),
        (format!("{CUSTOMERS} organizations, no keys"), &customers[..], false),
        ("one organization, each event with a key".to_owned(), one, true),
    ] {
        let requests: Vec<Request> = customers.iter().map(|customer| batch(customer, keyed)).collect();
        let before = sum(&server, customers)?;
        let (cpu, database) = (server.cpu()?, database_cpu(place)?);
        let outcome = load
            .run(server.address, &requests, CONNECTIONS, place.measure)?
            .all_good("batches")?;
        let events = outcome.requests * BATCH;
        let per_event = |used: std::time::Duration| used.as_secs_f64() * 1e6 / events as f64;
        let costs = match database_cpu(place)?.zip(database) {
            Some((after, before)) => format!(
                "server {:.1} µs, database {:.1} µs of CPU an event",
                per_event(server.cpu()?.saturating_sub(cpu)),
                per_event(after.saturating_sub(before))
            ),
            None => format!("{:.1} µs of CPU an event", per_event(server.cpu()?.saturating_sub(cpu))),
        };
        let grown = sum(&server, customers)? - before;
        let most = events + CONNECTIONS as u64 * BATCH;
        ensure!(
            (events..=most).contains(&grown),
            "{events} events were acknowledged, and {grown} are counted"
        );
        let measured = rate(events, outcome.elapsed);
        let row = Row::new(format!("Usage events, {whose}"), per_second(events, outcome.elapsed)).noting(format!(
            "a batch: p50 {}, p99 {}; {costs}",
            millis(outcome.p50),
            millis(outcome.p99)
        ));
        rows.push(if place.engine == Engine::Postgres {
            row.against(">= 10,000/s", measured >= 10_000.0)
        } else {
            row
        });
    }
    server.stop()?;
    Ok(Table {
        title: "Usage ingestion".to_owned(),
        method: format!(
            "`POST /usage/events` with {BATCH} events of {} metrics, {CONNECTIONS} batches at a time. The sums that are reported afterwards are compared with \
             what was acknowledged.",
            METRICS.len()
        ),
        rows,
        courses: Vec::new(),
    })
}

fn database_cpu(place: &Place<'_>) -> anyhow::Result<Option<std::time::Duration>> {
    place.postgres.map(|postgres| proc::cpu(postgres.pid())).transpose()
}

/// A batch whose keys no other batch has.
fn batch(customer: &Customer, keyed: bool) -> Request {
    let events: Vec<Value> = METRICS
        .iter()
        .cycle()
        .zip(0..BATCH)
        .map(|(metric, number)| {
            let mut event = json!({"metric": metric, "quantity": 1});
            if let (true, Some(fields)) = (keyed, event.as_object_mut()) {
                fields.insert("idempotencyKey".to_owned(), format!("{{n}}-{number}").into());
            }
            event
        })
        .collect();
    Request::post("/api/v1/usage/events", &customer.token, &json!({"events": events}))
}

/// What is reported of all metrics of these customers.
fn sum(server: &Server, customers: &[Customer]) -> anyhow::Result<u64> {
    let mut sum = 0;
    for customer in customers {
        let mut client = Client::connect(server.address, &customer.token)?;
        for metric in METRICS {
            let answer = client
                .get(&format!("/api/v1/usage?metric={metric}&granularity=day"))?
                .json(200)?;
            let days = answer.pointer("/data").and_then(Value::as_array).context("no report")?;
            sum += days
                .iter()
                .filter_map(|day| day.pointer("/quantity").and_then(Value::as_u64))
                .sum::<u64>();
        }
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_has_a_hundred_events_and_as_many_keys() {
        let customer = Customer {
            id: String::new(),
            slug: String::new(),
            admin: String::new(),
            token: String::new(),
        };
        for (keyed, keys) in [(true, 100), (false, 0)] {
            let body: Value = serde_json::from_str(&batch(&customer, keyed).body).unwrap();
            let events = body["events"].as_array().unwrap();
            assert_eq!(events.len(), 100);
            let found: std::collections::HashSet<_> = events
                .iter()
                .filter_map(|event| event["idempotencyKey"].as_str())
                .collect();
            assert_eq!(found.len(), keys);
        }
    }
}
