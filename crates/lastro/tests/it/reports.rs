//! Errors to Sentry, traces over OTLP and log lines: what arrives, and what must never.

use std::sync::Arc;

use kernel::{Clock, ManualClock, Timestamp};
use lastro::config::{Environment, LogFormat};
use lastro::telemetry::{Settings, Telemetry};
use secrecy::SecretString;

use crate::sinks::{HttpSink, Log, Received};

const CPF: &str = "529.982.247-25";
const EMAIL: &str = "marcada@example.com.br";
const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtYXJjYWRhIn0.c2lnbmF0dXJl";
const API_KEY: &str = "lak_4fJ2k9Qw7ZtB1xYv8Rm3Nc6P";
const MARKS: [&str; 4] = [CPF, EMAIL, TOKEN, API_KEY];

struct Observed {
    telemetry: Telemetry,
    log: Log,
    sentry: HttpSink,
    collector: HttpSink,
}

impl Observed {
    fn new() -> Self {
        let (log, sentry, collector) = (Log::default(), HttpSink::start(), HttpSink::start());
        let settings = Settings {
            filter: "info".into(),
            format: LogFormat::Json,
            colors: false,
            environment: Environment::Staging,
            sentry_dsn: Some(SecretString::from(format!("http://public@{}/42", sentry.address))),
            otlp_endpoint: Some(SecretString::from(format!("http://{}/", collector.address))),
        };
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(Timestamp::from_micros(1_763_768_700_123_456)));
        let telemetry = Telemetry::build(&settings, &clock, Box::new(log.clone())).expect("telemetry");
        Self {
            telemetry,
            log,
            sentry,
            collector,
        }
    }
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    hexadecimal
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn assert_unmarked(what: &str, sent: &Received) {
    for mark in MARKS {
        assert!(
            !sent.contains(mark.as_bytes()),
            "{what} tells {mark}:\n{}",
            String::from_utf8_lossy(&sent.body)
        );
    }
}

/// Everything a careless programmer could write.
fn fail_carelessly() {
    let span = tracing::info_span!(
        target: "lastro::test",
        "request",
        request_id = "req-1",
        route = "/api/v1/organizations/{id}",
        status = tracing::field::Empty,
        email = EMAIL,
        note = format!("of {EMAIL}"),
    );
    let _entered = span.enter();
    span.record("status", 500);
    tracing::info!(target: "lastro::test", "looking for {EMAIL} with Bearer {TOKEN}");
    tracing::error!(
        target: "lastro::test",
        cpf = CPF,
        error = format!("duplicate key: ({CPF})"),
        authorization = format!("Bearer {TOKEN}"),
        url = format!("https://example.com/?access_token={API_KEY}&page=1"),
        attempts = 3,
        "customer {CPF} <{EMAIL}> failed with {API_KEY}"
    );
}

#[test]
fn an_error_reaches_log_sentry_and_collector_without_personal_data_or_secrets() {
    let observed = Observed::new();
    tracing::dispatcher::with_default(observed.telemetry.dispatch(), fail_carelessly);
    observed.telemetry.shutdown();

    let report = observed.sentry.next();
    assert!(report.head.starts_with("POST /api/42/envelope/"), "{}", report.head);
    assert_unmarked("Sentry", &report);
    let envelope = String::from_utf8(report.body).unwrap();
    let event: serde_json::Value = serde_json::from_str(envelope.lines().nth(2).unwrap()).unwrap();
    assert_eq!(
        event["message"],
        "customer [redacted] <[redacted]> failed with [redacted]"
    );
    assert_eq!(event["environment"], "staging");
    assert_eq!(event["logger"], "lastro::test");
    assert_eq!(event["extra"]["request_id"], "req-1");
    assert_eq!(event["extra"]["status"], 500);
    assert_eq!(event["extra"]["attempts"], 3);
    assert_eq!(event["extra"]["cpf"], "[redacted]");
    assert!(
        event["threads"]["values"][0]["stacktrace"]["frames"]
            .as_array()
            .is_some_and(|frames| !frames.is_empty())
    );
    for absent in ["user", "request", "server_name"] {
        assert!(event.get(absent).is_none(), "{event:#}");
    }
    assert!(observed.sentry.is_empty(), "only errors are reported");

    let traces = observed.collector.next();
    assert!(traces.head.starts_with("POST /v1/traces "), "{}", traces.head);
    assert!(
        traces
            .head
            .to_ascii_lowercase()
            .contains("content-type: application/x-protobuf"),
        "{}",
        traces.head
    );
    assert_unmarked("the trace", &traces);
    for present in [
        "request",
        "req-1",
        "/api/v1/organizations/{id}",
        "lastro",
        "staging",
        "service.version",
    ] {
        assert!(traces.contains(present.as_bytes()), "no {present} in the trace");
    }

    for mark in MARKS {
        assert!(
            !observed.log.text().contains(mark),
            "the log tells {mark}: {}",
            observed.log.text()
        );
    }
    let lines = observed.log.lines();
    assert_eq!(lines[0]["message"], "looking for [redacted] with Bearer [redacted]");
    let line = &lines[1];
    assert_eq!(line["timestamp"], "2025-11-21T23:45:00.123456Z");
    assert_eq!(line["level"], "ERROR");
    assert_eq!(line["requestId"], "req-1");
    assert_eq!(line["status"], 500);
    assert_eq!(line["route"], "/api/v1/organizations/{id}");
    assert_eq!(line["email"], "[redacted]");
    assert_eq!(line["note"], "of [redacted]");
    assert_eq!(line["url"], "https://example.com/?access_token=[redacted]&page=1");
    let trace_id = line["traceId"].as_str().unwrap();
    assert!(traces.contains(&bytes(trace_id)), "the log names the exported trace");
}
