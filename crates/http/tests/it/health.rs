//! Probes and metrics.

use axum::http::Method;
use http::HttpConfig;
use kernel::secret::SecretString;
use serde_json::json;

use crate::world::{World, anonymous};

#[tokio::test]
async fn a_server_with_all_it_needs_is_ready() {
    let world = World::new().await;
    for path in ["/health/ready", "/health"] {
        let reply = world.get(path).await;
        let checks = json!({
            "server": "up",
            "database": "up",
            "migrations": "current",
            "access": "current",
            "clock": "together",
        });
        assert_eq!(reply.json(), json!({ "data": { "status": "up", "checks": checks } }));
    }
    assert_eq!(
        world.get("/health/live").await.json(),
        json!({ "data": { "status": "up" } })
    );
}

#[tokio::test]
async fn a_stale_server_is_live_and_not_ready() {
    let world = World::new().await;
    world.set_fresh(false);
    let reply = world.get("/health/ready").await;
    assert_eq!(reply.refusal(), (503, "INTERNAL_UNAVAILABLE".into()));
    assert_eq!(reply.json()["error"]["details"]["checks"]["access"], "stale");
    assert_eq!(world.get("/health/live").await.status, 200);
}

#[tokio::test]
async fn a_server_before_its_migrations_is_not_ready() {
    let world = World::migrated(HttpConfig::default(), false).await;
    let reply = world.get("/health/ready").await;
    assert_eq!(reply.refusal(), (503, "INTERNAL_UNAVAILABLE".into()));
    assert_eq!(reply.json()["error"]["details"]["checks"]["migrations"], "pending");
}

#[tokio::test]
async fn without_a_token_there_are_no_metrics() {
    let world = World::new().await;
    assert_eq!(world.get("/metrics").await.refusal(), (404, "NOT_FOUND".into()));
}

#[tokio::test]
async fn metrics_ask_for_their_own_token() {
    let config = HttpConfig {
        metrics_token: Some(SecretString::from("s3cret")),
        ..HttpConfig::default()
    };
    let world = World::with(config).await;
    let ask = |token: &str| {
        anonymous(Method::GET, "/metrics")
            .with("authorization", format!("Bearer {token}"))
            .empty()
    };
    let nobody = anonymous(Method::GET, "/metrics").empty();
    assert_eq!(world.send(nobody).await.refusal(), (401, "AUTH_REQUIRED".into()));
    assert_eq!(
        world.send(ask("user")).await.refusal(),
        (401, "AUTH_INVALID_TOKEN".into())
    );
    assert_eq!(
        world.send(ask("s3cre")).await.refusal(),
        (401, "AUTH_INVALID_TOKEN".into())
    );

    world
        .edge
        .app()
        .metrics()
        .gauge("pool_in_use", "Connections in use", || 3);
    world
        .edge
        .app()
        .metrics()
        .gauges("queue", "Waiting", "queue", || vec![("writer", 2), ("hash", 1)]);
    world.edge.app().metrics().counter("retries", "Retries", || 9);
    world.note("Fine").await;
    world.get("/api/v1/nothing").await;
    let reply = world.send(ask("s3cret")).await;
    assert_eq!(
        reply.header("content-type"),
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    let text = reply.text();
    for line in [
        "lastro_build_info{version=\"1.2.3\"} 1",
        "lastro_http_request_duration_seconds_count{method=\"POST\",route=\"/api/v1/notes\",status=\"2xx\"} 1",
        "lastro_http_request_duration_seconds_count{method=\"*\",route=\"unmatched\",status=\"4xx\"} 1",
        "lastro_http_errors_total{code=\"NOT_FOUND\"} 1",
        "lastro_http_requests_in_flight 1",
        "lastro_pool_in_use 3",
        "lastro_queue{queue=\"writer\"} 2",
        "lastro_queue{queue=\"hash\"} 1",
        "lastro_retries_total 9",
    ] {
        assert!(text.lines().any(|known| known == line), "{line} is not in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[tokio::test]
async fn the_admin_listener_needs_no_token() {
    let world = World::new().await;
    let admin = world.beside(|world| http::serve_admin(world.edge.app()));
    assert_eq!(admin.get("/metrics").await.status, 200);
    assert_eq!(admin.get("/health/ready").await.status, 200);
    assert_eq!(admin.get("/api/v1/notes").await.status, 404);
}
