//! Traces through the whole binary: the caller's goes on here, and a collector that is away hurts nobody.

use crate::binary::Installation;
use crate::sinks::HttpSink;

const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits = hexadecimal.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hexadecimal"))
        .collect()
}

#[test]
fn the_callers_trace_goes_on_in_the_server() {
    let collector = HttpSink::start();
    let lastro = Installation::new().with("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{}", collector.address));
    let server = lastro.serve(&[]);
    let traceparent = format!("00-{TRACE_ID}-{CALLER}-01");
    let headers = [
        ("traceparent", traceparent.as_str()),
        ("authorization", "Bearer marked-token-9f8e7d6c5b4a"),
    ];
    let refused = server.send("GET /api/v1/organizations?q=ana%40example.com", &headers, "");
    assert_eq!(refused.status, 401);
    assert_eq!(server.stop(), Some(0));

    let exported = collector.next();
    assert!(exported.contains(&bytes(TRACE_ID)), "the caller's trace");
    assert!(exported.contains(&bytes(CALLER)), "the caller's span is the parent");
    for present in [
        "GET /api/v1/organizations",
        "http.request.method",
        "http.route",
        "http.response.status_code",
        "service.version",
    ] {
        assert!(exported.contains(present.as_bytes()), "no {present}");
    }
    for absent in ["marked-token", "example.com"] {
        assert!(!exported.contains(absent.as_bytes()), "{absent} was exported");
    }
    assert!(lastro.log().contains(TRACE_ID), "the log names the trace");
}

#[test]
fn a_request_without_a_trace_begins_one_that_its_log_line_names() {
    let collector = HttpSink::start();
    let lastro = Installation::new().with("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{}", collector.address));
    let server = lastro.serve(&[]);
    let malformed = format!("00-{TRACE_ID}-{CALLER}");
    assert_eq!(
        server
            .send("GET /health/live", &[("traceparent", &malformed)], "")
            .status,
        200
    );
    assert_eq!(server.stop(), Some(0));
    let log = lastro.log();
    let line = log
        .lines()
        .find(|line| line.contains("/health/live"))
        .expect("a line for the request");
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    let trace_id = line["traceId"].as_str().expect("the trace's id");
    assert_ne!(trace_id, TRACE_ID);
    assert!(collector.next().contains(&bytes(trace_id)));
}

#[test]
fn a_collector_that_is_away_costs_one_warning_and_nothing_else() {
    // The discard port, on which nothing listens.
    let lastro = Installation::new().with("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9");
    let server = lastro.serve(&[]);
    assert_eq!(server.send("GET /health/live", &[], "").status, 200);
    assert_eq!(server.stop(), Some(0));
    assert_eq!(
        lastro.log().matches("traces cannot be exported").count(),
        1,
        "{}",
        lastro.log()
    );
}
