//! What happens to every request and every answer.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::http::{HeaderValue, Method, StatusCode};
use http::HttpConfig;
use parking_lot::Mutex;
use serde_json::json;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use crate::world::{World, anonymous, home, impatient, request};

#[tokio::test]
async fn a_well_formed_request_id_is_taken_and_echoed() {
    let world = World::new().await;
    let id = "x".repeat(128);
    let reply = world
        .send(request(Method::GET, "/api/v1/me").with("x-request-id", &id).empty())
        .await;
    assert_eq!(
        (reply.header("x-request-id"), &reply.json()["data"]["requestId"]),
        (id.as_str(), &json!(id))
    );
    let refused = world
        .send(anonymous(Method::GET, "/api/v1/me").with("x-request-id", &id).empty())
        .await;
    assert_eq!(
        (refused.header("x-request-id"), &refused.json()["error"]["requestId"]),
        (id.as_str(), &json!(id))
    );
}

#[tokio::test]
async fn another_request_id_is_replaced_by_a_new_one() {
    let world = World::new().await;
    let mut made = Vec::new();
    for id in [String::new(), "x".repeat(129), "a b".into(), "é".into(), "a\tb".into()] {
        let reply = world
            .send(request(Method::GET, "/api/v1/me").with("x-request-id", &id).empty())
            .await;
        assert_ne!(reply.header("x-request-id"), id);
        made.push(reply.header("x-request-id").to_owned());
    }
    made.dedup();
    assert_eq!(made.len(), 5);
    assert!(made.iter().all(|id| id.len() == 25), "{made:?}");
}

#[tokio::test]
async fn a_panic_is_a_500_with_the_request_id_and_nothing_else() {
    let world = World::new().await;
    let reply = world
        .send(
            anonymous(Method::GET, "/api/v1/panics")
                .with("x-request-id", "r1")
                .empty(),
        )
        .await;
    assert_eq!(reply.status, 500);
    let expected =
        json!({ "error": { "code": "INTERNAL", "message": "Something went wrong on our side.", "requestId": "r1" } });
    assert_eq!((reply.json(), reply.header("x-request-id")), (expected, "r1"));
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_503() {
    let world = World::with(impatient()).await;
    let reply = world.get("/api/v1/slow").await;
    assert_eq!(reply.refusal(), (503, "INTERNAL_UNAVAILABLE".into()));
    assert_eq!(reply.header("retry-after"), "1");
}

#[tokio::test]
async fn what_refuses_outside_the_envelope_is_put_into_it() {
    let world = World::new().await;
    let reply = world.get("/api/v1/foreign").await;
    assert_eq!(reply.refusal(), (400, "VALIDATION_FAILED".into()));
    assert!(!reply.text().contains("secret detail"));
}

#[tokio::test]
async fn every_answer_has_its_security_headers() {
    let world = World::with(HttpConfig {
        base_url: "https://erp.example".into(),
        ..HttpConfig::default()
    })
    .await;
    for path in ["/api/v1/open", "/api/v1/nothing", "/api/v1/panics", "/health/live"] {
        let reply = world.get(path).await;
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(reply.header("x-frame-options"), "DENY");
        assert_eq!(reply.header("referrer-policy"), "no-referrer");
        assert_eq!(
            reply.header("content-security-policy"),
            "default-src 'none'; frame-ancestors 'none'"
        );
        assert_eq!(
            reply.header("strict-transport-security"),
            "max-age=63072000; includeSubDomains"
        );
    }
    let plain = World::new().await.get("/api/v1/open").await;
    assert!(plain.headers.get("strict-transport-security").is_none());
}

#[tokio::test]
async fn no_origin_may_read_answers_unless_it_is_named() {
    let world = World::new().await;
    let reply = world
        .send(
            anonymous(Method::GET, "/api/v1/open")
                .with("origin", "https://evil.example")
                .empty(),
        )
        .await;
    assert!(reply.headers.get("access-control-allow-origin").is_none());
    let preflight = anonymous(Method::OPTIONS, "/api/v1/notes")
        .with("origin", "https://evil.example")
        .with("access-control-request-method", "POST");
    assert_eq!(world.send(preflight.empty()).await.status, 405);
}

#[tokio::test]
async fn a_named_origin_may() {
    let app = "https://app.example";
    let config = HttpConfig {
        cors_origins: vec![HeaderValue::from_static(app)],
        ..HttpConfig::default()
    };
    let world = World::with(config).await;
    let preflight = |origin| {
        anonymous(Method::OPTIONS, "/api/v1/notes")
            .with("origin", origin)
            .with("access-control-request-method", "POST")
            .empty()
    };
    let reply = world.send(preflight(app)).await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("access-control-allow-origin")),
        (204, app)
    );
    assert!(reply.header("access-control-allow-headers").contains("idempotency-key"));
    assert!(reply.header("access-control-allow-methods").contains("PATCH"));
    let refused = world.send(preflight("https://evil.example")).await;
    assert!(refused.headers.get("access-control-allow-origin").is_none());
    // A refusal must be readable too, or the page cannot tell why.
    let reply = world
        .send(anonymous(Method::GET, "/api/v1/notes").with("origin", app).empty())
        .await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("access-control-allow-origin")),
        (401, app)
    );
    assert!(reply.header("access-control-expose-headers").contains("etag"));
    assert_eq!(reply.header("vary"), "origin");
}

#[tokio::test]
async fn what_is_large_and_text_is_compressed_unless_it_has_a_version() {
    let world = World::new().await;
    let ask = |path: &str| request(Method::GET, path).with("accept-encoding", "br, gzip").empty();
    let long = world.send(ask("/api/v1/long")).await;
    assert_eq!(long.header("content-encoding"), "br");
    assert!(long.body.len() < 1_000);
    assert_eq!(world.send(ask("/api/v1/open")).await.header("content-encoding"), "");

    let remark = "lastro ".repeat(1_000);
    let made = world
        .send(request(Method::POST, "/api/v1/notes").json(&json!({ "title": "Fine", "remark": remark })))
        .await;
    assert_eq!(
        world
            .send(ask(made.header("location")))
            .await
            .header("content-encoding"),
        ""
    );
    assert_eq!(world.send(ask("/api/v1/notes")).await.header("content-encoding"), "br");
    assert_eq!(world.get("/api/v1/long").await.header("content-encoding"), "");
}

#[tokio::test]
async fn who_takes_no_encoding_at_all_is_answered_without_any() {
    let world = World::new().await;
    for path in ["/api/v1/long", "/api/v1/open"] {
        let asking = request(Method::GET, path).with("accept-encoding", "identity;q=0, *;q=0");
        let reply = world.send(asking.empty()).await;
        assert_eq!(
            (reply.status, reply.header("content-encoding")),
            (StatusCode::OK, ""),
            "{path}"
        );
    }
    let asking = request(Method::POST, "/api/v1/notes").with("accept-encoding", "*;q=0");
    let made = world.send(asking.json(&json!({ "title": "Fine" }))).await;
    assert_eq!(made.status, StatusCode::CREATED, "what was done is told as done");
}

#[tokio::test]
async fn the_clients_address_comes_from_trusted_proxies_alone() {
    let me = |world: World| async move {
        let asking = request(Method::GET, "/api/v1/me")
            .with("x-forwarded-for", "198.51.100.1")
            .with("user-agent", "curl/8");
        world.send(asking.empty()).await.json()["data"].clone()
    };
    let direct = me(World::new().await).await;
    assert_eq!(
        (&direct["ip"], &direct["userAgent"]),
        (&json!("203.0.113.9"), &json!("curl/8"))
    );
    let config = HttpConfig {
        trusted_proxies: vec!["203.0.113.0/24".parse().unwrap()],
        ..HttpConfig::default()
    };
    assert_eq!(me(World::with(config).await).await["ip"], "198.51.100.1");
}

#[tokio::test]
async fn a_trace_context_is_taken_in() {
    let world = World::new().await;
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let reply = world
        .send(
            request(Method::GET, "/api/v1/me")
                .with("traceparent", traceparent)
                .empty(),
        )
        .await;
    assert_eq!(reply.json()["data"]["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736");
}

#[tokio::test]
async fn a_head_is_a_get_without_its_body() {
    let world = World::new().await;
    let reply = world.send(request(Method::HEAD, "/api/v1/me").empty()).await;
    assert_eq!((reply.status.as_u16(), reply.body.len()), (200, 0));
}

/// The access lines of the log. There is one log for all tests of this binary, as there is one for a process; each test finds
/// its own by request id.
#[derive(Clone, Default)]
struct AccessLog(Arc<Mutex<Vec<BTreeMap<String, String>>>>);

struct Fields(BTreeMap<String, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }
}

impl<S: tracing::Subscriber> Layer<S> for AccessLog {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "lastro::access" {
            let mut fields = Fields(BTreeMap::from([(
                "level".to_owned(),
                event.metadata().level().to_string(),
            )]));
            event.record(&mut fields);
            self.0.lock().push(fields.0);
        }
    }
}

/// The one line of a request.
fn line_of(request_id: &str) -> BTreeMap<String, String> {
    let lines = log().0.lock();
    let mine: Vec<_> = lines.iter().filter(|line| line["requestId"] == request_id).collect();
    assert_eq!(mine.len(), 1, "{mine:?}");
    mine[0].clone()
}

fn log() -> &'static AccessLog {
    static LOG: OnceLock<AccessLog> = OnceLock::new();
    LOG.get_or_init(|| {
        let log = AccessLog::default();
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(log.clone())).unwrap();
        log
    })
}

#[tokio::test]
async fn each_request_is_one_line_of_the_log() {
    log();
    let world = World::new().await;
    let path = world.note("Fine").await.replace("/api", "");
    world
        .send(request(Method::GET, &path).with("x-request-id", "log-1").empty())
        .await;
    let line = line_of("log-1");
    let field = |name: &str| line.get(name).map_or("", String::as_str);
    assert_eq!(field("route"), "/api/v1/notes/{id}");
    assert_eq!(field("method"), "GET");
    assert_eq!(field("status"), "200");
    assert_eq!(field("tenantId"), home().to_string());
    assert_eq!(field("actor"), "user:00000000-0000-0000-0000-000000000001");
    assert_eq!(field("level"), "INFO");
    assert_eq!(field("latencyMicros"), "0", "by the test's clock, which stands still");
    assert!(!format!("{line:?}").contains("Ana"), "a name is personal data");
}

#[tokio::test]
async fn what_went_wrong_inside_is_in_the_log_and_not_in_the_answer() {
    log();
    let world = World::new().await;
    let reply = world
        .send(
            anonymous(Method::GET, "/api/v1/panics")
                .with("x-request-id", "log-2")
                .empty(),
        )
        .await;
    let line = line_of("log-2");
    assert_eq!((line["level"].as_str(), line["code"].as_str()), ("ERROR", "INTERNAL"));
    assert!(line["detail"].starts_with("panic: "), "{line:?}");
    assert!(!reply.text().contains("panic"));
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_a_line_too() {
    log();
    let world = World::new().await;
    let asking = world.send(
        anonymous(Method::GET, "/api/v1/slow")
            .with("x-request-id", "log-3")
            .empty(),
    );
    assert!(tokio::time::timeout(Duration::from_millis(20), asking).await.is_err());
    assert_eq!(line_of("log-3")["status"], "499");
}
