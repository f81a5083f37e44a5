//! Who gets in, and in which order the guards ask.

use axum::http::Method;
use serde_json::json;

use crate::world::{World, anonymous, home, inactive, other, request};

#[tokio::test]
async fn without_a_credential_it_is_401_with_a_challenge() {
    let world = World::new().await;
    let reply = world.send(anonymous(Method::GET, "/api/v1/notes").empty()).await;
    assert_eq!(reply.refusal(), (401, "AUTH_REQUIRED".into()));
    assert_eq!(reply.header("www-authenticate"), "Bearer realm=\"lastro\"");
}

#[tokio::test]
async fn a_dead_credential_is_401_and_says_so() {
    let world = World::new().await;
    for (token, code) in [("nonsense", "AUTH_INVALID_TOKEN"), ("expired", "AUTH_TOKEN_EXPIRED")] {
        let asking = anonymous(Method::GET, "/api/v1/notes").with("authorization", format!("Bearer {token}"));
        let reply = world.send(asking.empty()).await;
        assert_eq!(reply.refusal(), (401, code.into()));
        assert_eq!(
            reply.header("www-authenticate"),
            "Bearer realm=\"lastro\", error=\"invalid_token\""
        );
    }
}

#[tokio::test]
async fn what_is_no_bearer_credential_is_401() {
    let world = World::new().await;
    for value in [
        &b"Basic dXNlcjpwYXNz"[..],
        b"Bearer",
        b"Bearer  ",
        b"user",
        b"Bearer \xff",
    ] {
        let reply = world
            .send(
                anonymous(Method::GET, "/api/v1/me")
                    .with("authorization", value)
                    .empty(),
            )
            .await;
        assert_eq!(reply.refusal(), (401, "AUTH_INVALID_TOKEN".into()), "{value:?}");
    }
}

#[tokio::test]
async fn one_credential_only() {
    let world = World::new().await;
    let both = request(Method::GET, "/api/v1/me").with("x-api-key", "key");
    assert_eq!(
        world.send(both.empty()).await.refusal(),
        (401, "AUTH_INVALID_TOKEN".into())
    );
    let repeated = request(Method::GET, "/api/v1/me").with("authorization", "Bearer user");
    assert_eq!(
        world.send(repeated.empty()).await.refusal(),
        (401, "AUTH_INVALID_TOKEN".into())
    );
    let keys = anonymous(Method::GET, "/api/v1/me")
        .with("x-api-key", "key")
        .with("x-api-key", "key");
    assert_eq!(
        world.send(keys.empty()).await.refusal(),
        (401, "AUTH_INVALID_TOKEN".into())
    );
}

#[tokio::test]
async fn a_key_works_in_either_header() {
    let world = World::new().await;
    for asking in [
        anonymous(Method::GET, "/api/v1/me").with("x-api-key", "key"),
        anonymous(Method::GET, "/api/v1/me").with("authorization", "bearer key"),
    ] {
        let reply = world.send(asking.empty()).await;
        assert_eq!(
            (reply.status.as_u16(), &reply.json()["data"]["actor"]),
            (200, &json!("api_key"))
        );
    }
}

#[tokio::test]
async fn a_public_route_asks_nobody() {
    let world = World::new().await;
    let reply = world
        .send(
            anonymous(Method::GET, "/api/v1/open")
                .with("authorization", "Bearer nonsense")
                .empty(),
        )
        .await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn a_missing_permission_is_403_and_names_itself_and_the_step() {
    let world = World::new().await;
    let stranger = anonymous(Method::GET, "/api/v1/notes").with("authorization", "Bearer stranger");
    let reply = world.send(stranger.empty()).await;
    assert_eq!(reply.refusal(), (403, "RBAC_FORBIDDEN".into()));
    assert_eq!(
        reply.json()["error"]["details"],
        json!({ "permission": "NOTES_NOTE_READ", "step": "grant" })
    );
}

#[tokio::test]
async fn a_further_permission_can_be_asked_for() {
    let world = World::new().await;
    let stranger = anonymous(Method::GET, "/api/v1/me").with("authorization", "Bearer stranger");
    assert_eq!(
        world.send(stranger.empty()).await.refusal(),
        (403, "RBAC_FORBIDDEN".into())
    );
}

#[tokio::test]
async fn who_lacks_the_permission_learns_nothing_of_body_query_or_object() {
    let world = World::new().await;
    let stranger = |method, path: &str| anonymous(method, path).with("authorization", "Bearer stranger");
    for asking in [
        stranger(Method::POST, "/api/v1/notes").text("{"),
        stranger(Method::POST, "/api/v1/notes").bytes(&vec![b' '; 2 * 1024 * 1024]),
        stranger(Method::POST, "/api/v1/notes").empty(),
        stranger(Method::GET, "/api/v1/notes?nonsense=1").empty(),
        stranger(Method::GET, "/api/v1/notes/not-an-id").empty(),
        stranger(Method::GET, "/api/v1/notes/019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e4f").empty(),
    ] {
        assert_eq!(world.send(asking).await.refusal(), (403, "RBAC_FORBIDDEN".into()));
    }
}

#[tokio::test]
async fn the_organization_is_the_credentials() {
    let world = World::new().await;
    assert_eq!(world.get_me("user", None).await, (200, json!(home())));
    assert_eq!(
        world.get_me("user", Some(home().to_string())).await,
        (200, json!(home()))
    );
}

#[tokio::test]
async fn another_organization_in_the_header_is_a_mismatch() {
    let world = World::new().await;
    for header in [other().to_string(), "nonsense".into(), String::new()] {
        let asking = request(Method::GET, "/api/v1/notes").with("x-tenant-id", header);
        assert_eq!(
            world.send(asking.empty()).await.refusal(),
            (400, "TENANT_MISMATCH".into())
        );
    }
    let repeated = request(Method::GET, "/api/v1/notes")
        .with("x-tenant-id", home().to_string())
        .with("x-tenant-id", home().to_string());
    assert_eq!(
        world.send(repeated.empty()).await.refusal(),
        (400, "TENANT_MISMATCH".into())
    );
}

#[tokio::test]
async fn a_service_account_of_the_platform_names_its_organization_on_tenant_scoped_routes() {
    let world = World::new().await;
    let service = |header: Option<String>| {
        let asking = anonymous(Method::GET, "/api/v1/notes").with("authorization", "Bearer service");
        match header {
            Some(header) => asking.with("x-tenant-id", header).empty(),
            None => asking.empty(),
        }
    };
    assert_eq!(
        world.send(service(None)).await.refusal(),
        (400, "TENANT_REQUIRED".into())
    );
    assert_eq!(world.send(service(Some(other().to_string()))).await.status, 200);
    assert_eq!(
        world.send(service(Some(inactive().to_string()))).await.refusal(),
        (403, "TENANT_INACTIVE".into())
    );
    let unknown = "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e4f".to_owned();
    assert_eq!(
        world.send(service(Some(unknown))).await.refusal(),
        (404, "NOT_FOUND".into())
    );
    assert_eq!(
        world.send(service(Some("nonsense".into()))).await.refusal(),
        (404, "NOT_FOUND".into())
    );
}

#[tokio::test]
async fn elsewhere_a_service_account_of_the_platform_is_like_anyone() {
    let world = World::new().await;
    assert_eq!(world.get_me("service", None).await.0, 200);
    assert_eq!(world.get_me("service", Some(other().to_string())).await.0, 400);
}

#[tokio::test]
async fn a_live_credential_of_a_deactivated_organization_is_403() {
    let world = World::new().await;
    let asking = anonymous(Method::GET, "/api/v1/me").with("authorization", "Bearer inactive");
    assert_eq!(
        world.send(asking.empty()).await.refusal(),
        (403, "TENANT_INACTIVE".into())
    );
}

#[tokio::test]
async fn a_node_that_is_not_fresh_refuses_whoever_needs_a_credential() {
    let world = World::new().await;
    world.set_fresh(false);
    let reply = world.send(request(Method::GET, "/api/v1/me").empty()).await;
    assert_eq!(reply.refusal(), (503, "INTERNAL_UNAVAILABLE".into()));
    assert_eq!(reply.header("retry-after"), "1");
    assert_eq!(world.get("/api/v1/open").await.status, 200);
    world.set_fresh(true);
    assert_eq!(world.send(request(Method::GET, "/api/v1/me").empty()).await.status, 200);
}

#[tokio::test]
async fn the_rate_is_limited_before_the_permission_is_asked_for() {
    let world = World::new().await;
    world.allow(1);
    let reply = world.send(request(Method::GET, "/api/v1/me").empty()).await;
    assert_eq!(reply.status, 200);
    assert_eq!(
        (reply.header("ratelimit-limit"), reply.header("ratelimit-remaining")),
        ("2", "0")
    );
    let stranger = anonymous(Method::GET, "/api/v1/notes").with("authorization", "Bearer stranger");
    let reply = world.send(stranger.empty()).await;
    assert_eq!(reply.refusal(), (429, "RATE_LIMIT_EXCEEDED".into()));
    assert_eq!(
        (reply.header("retry-after"), reply.header("ratelimit-reset")),
        ("7", "7")
    );
}

#[tokio::test]
async fn unknown_routes_and_methods_come_before_the_credential() {
    let world = World::new().await;
    let reply = world.send(anonymous(Method::GET, "/api/v1/nothing").empty()).await;
    assert_eq!(reply.refusal(), (404, "NOT_FOUND".into()));
    let reply = world.send(anonymous(Method::DELETE, "/api/v1/notes").empty()).await;
    assert_eq!(reply.refusal(), (405, "VALIDATION_METHOD_NOT_ALLOWED".into()));
    assert_eq!(reply.header("allow"), "GET,HEAD,POST");
}

impl World {
    async fn get_me(&self, token: &str, tenant: Option<String>) -> (u16, serde_json::Value) {
        let mut asking = anonymous(Method::GET, "/api/v1/me").with("authorization", format!("Bearer {token}"));
        if let Some(tenant) = tenant {
            asking = asking.with("x-tenant-id", tenant);
        }
        let reply = self.send(asking.empty()).await;
        (reply.status.as_u16(), reply.json()["data"]["organization"].clone())
    }
}
