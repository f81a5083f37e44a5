//! Changes, and changes asked for twice.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::http::Method;
use serde_json::json;
use vault::{MasterKey, Sealer};

use crate::world::{Reply, World, anonymous, request};

async fn create(world: &World, key: &str, body: &str) -> Reply {
    world
        .send(
            request(Method::POST, "/api/v1/notes")
                .with("idempotency-key", key)
                .text(body),
        )
        .await
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_and_changes_nothing() {
    let world = World::new().await;
    let first = create(&world, "k1", r#"{"title":"Fine"}"#).await;
    let again = create(&world, "k1", r#"{"title":"Fine"}"#).await;
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 201));
    assert_eq!(first.body, again.body);
    for name in ["location", "etag", "content-type"] {
        assert_eq!(first.header(name), again.header(name), "{name}");
    }
    assert_eq!(
        (
            first.header("idempotency-replayed"),
            again.header("idempotency-replayed")
        ),
        ("", "true")
    );
    assert_ne!(first.header("x-request-id"), again.header("x-request-id"));
    assert_eq!(world.runs.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn another_request_with_the_key_is_422() {
    let world = World::new().await;
    create(&world, "k1", r#"{"title":"Fine"}"#).await;
    let other_body = create(&world, "k1", r#"{"title":"Finer"}"#).await;
    assert_eq!(other_body.refusal(), (422, "VALIDATION_IDEMPOTENCY_MISMATCH".into()));
    let path = format!("{}/archive", world.note("Other").await);
    let other_path = world
        .send(request(Method::POST, &path).with("idempotency-key", "k1").empty())
        .await;
    assert_eq!(other_path.refusal(), (422, "VALIDATION_IDEMPOTENCY_MISMATCH".into()));
}

#[tokio::test]
async fn a_refusal_of_the_unit_is_replayed_too() {
    let world = World::new().await;
    world.note("Fine").await;
    let first = create(&world, "k1", r#"{"title":"Fine"}"#).await;
    assert_eq!(first.refusal(), (409, "CONFLICT_DUPLICATE".into()));
    assert_eq!(first.problems(), ["title ALREADY_TAKEN"]);
    let again = create(&world, "k1", r#"{"title":"Fine"}"#).await;
    assert_eq!((first.status, &first.body), (again.status, &again.body));
    assert_eq!(again.header("idempotency-replayed"), "true");
}

#[tokio::test]
async fn a_replayed_refusal_says_which_language_it_is_in() {
    let world = World::new().await;
    world.note("Fine").await;
    let create = || {
        request(Method::POST, "/api/v1/notes")
            .with("idempotency-key", "k1")
            .with("accept-language", "pt-BR")
            .text(r#"{"title":"Fine"}"#)
    };
    let (first, again) = (world.send(create()).await, world.send(create()).await);
    assert_eq!(again.header("idempotency-replayed"), "true");
    for name in ["content-language", "content-type"] {
        assert_eq!(first.header(name), again.header(name), "{name}");
    }
    assert_eq!(again.header("content-language"), "pt-BR");
}

#[tokio::test]
async fn a_request_is_the_same_under_either_prefix() {
    let world = World::new().await;
    let create = |path: &str, body: &str| request(Method::POST, path).with("idempotency-key", "k1").text(body);
    let first = world.send(create("/v1/notes", r#"{"title":"Fine"}"#)).await;
    let again = world.send(create("/api/v1/notes", r#"{"title":"Fine"}"#)).await;
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 201));
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(world.runs.load(Ordering::Relaxed), 1);
    let other = world.send(create("/v1/notes", r#"{"title":"Finer"}"#)).await;
    assert_eq!(other.refusal(), (422, "VALIDATION_IDEMPOTENCY_MISMATCH".into()));
}

#[tokio::test]
async fn what_is_refused_before_the_unit_begins_is_not_kept() {
    let world = World::new().await;
    assert_eq!(create(&world, "k1", r#"{"title":"x"}"#).await.status, 400);
    assert_eq!(create(&world, "k1", r#"{"title":"Fine"}"#).await.status, 201);
}

#[tokio::test]
async fn keys_belong_to_their_actor() {
    let world = World::new().await;
    assert_eq!(create(&world, "k1", r#"{"title":"Fine"}"#).await.status, 201);
    let key = anonymous(Method::POST, "/api/v1/notes")
        .with("x-api-key", "key")
        .with("idempotency-key", "k1");
    let reply = world.send(key.text(r#"{"title":"Finer"}"#)).await;
    assert_eq!((reply.status.as_u16(), reply.header("idempotency-replayed")), (201, ""));
}

#[tokio::test]
async fn a_replay_is_decided_again() {
    let world = World::new().await;
    create(&world, "k1", r#"{"title":"Fine"}"#).await;
    let stranger = anonymous(Method::POST, "/api/v1/notes")
        .with("authorization", "Bearer stranger")
        .with("idempotency-key", "k1");
    assert_eq!(
        world.send(stranger.text(r#"{"title":"Fine"}"#)).await.refusal(),
        (403, "RBAC_FORBIDDEN".into())
    );
}

#[tokio::test]
async fn a_key_has_1_to_255_visible_characters() {
    let world = World::new().await;
    let longest = "k".repeat(255);
    assert_eq!(create(&world, &longest, r#"{"title":"Fine"}"#).await.status, 201);
    for (key, rule) in [
        (String::new(), "Idempotency-Key TOO_SHORT"),
        ("k".repeat(256), "Idempotency-Key TOO_LONG"),
        ("a b".into(), "Idempotency-Key INVALID_FORMAT"),
        ("é".into(), "Idempotency-Key INVALID_FORMAT"),
    ] {
        let reply = create(&world, &key, r#"{"title":"Finer"}"#).await;
        assert_eq!(
            (reply.refusal(), reply.problems()),
            ((400, "VALIDATION_FAILED".into()), vec![rule.to_owned()]),
            "{key}"
        );
    }
    let twice = request(Method::POST, "/api/v1/notes")
        .with("idempotency-key", "a")
        .with("idempotency-key", "b");
    let reply = world.send(twice.text(r#"{"title":"Finer"}"#)).await;
    assert_eq!(reply.problems(), ["Idempotency-Key DUPLICATE_FIELD"]);
}

#[tokio::test]
async fn a_body_comes_before_the_key() {
    let world = World::new().await;
    let reply = create(&world, "", r#"{"title":"x"}"#).await;
    assert_eq!(reply.problems(), ["title TOO_SHORT"]);
}

#[tokio::test]
async fn other_methods_take_no_key() {
    let world = World::new().await;
    let path = world.note("Fine").await;
    let patch = |remark: &str| {
        request(Method::PATCH, &path)
            .with("idempotency-key", "k1")
            .json(&json!({ "remark": remark }))
    };
    assert_eq!(world.send(patch("one")).await.status, 200);
    assert_eq!(world.send(patch("two")).await.json()["data"]["remark"], "two");
}

#[tokio::test]
async fn a_post_without_a_body_has_a_key_like_any() {
    let world = World::new().await;
    let path = format!("{}/archive", world.note("Fine").await);
    let archive = || request(Method::POST, &path).with("idempotency-key", "k1").empty();
    assert_eq!(world.send(archive()).await.header("idempotency-replayed"), "");
    assert_eq!(world.send(archive()).await.header("idempotency-replayed"), "true");
}

#[tokio::test]
async fn while_the_first_request_runs_its_key_is_taken() {
    let world = World::new().await;
    let body = r#"{"title":"Slowly"}"#;
    let (first, second) = tokio::join!(create(&world, "k1", body), create(&world, "k1", body));
    assert_eq!(first.status, 201);
    assert_eq!(second.refusal(), (409, "CONFLICT_IDEMPOTENCY_IN_PROGRESS".into()));
    assert_eq!(create(&world, "k1", body).await.header("idempotency-replayed"), "true");
}

#[tokio::test]
async fn a_secret_is_given_again_to_who_asked_first_and_for_ten_minutes() {
    let world = World::new().await;
    let path = format!("{}/link", world.note("Fine").await);
    let link = |credential: &'static str, key: &'static str| {
        let call = anonymous(Method::POST, &path).with("authorization", format!("Bearer {credential}"));
        world.send(call.with("idempotency-key", key).empty())
    };
    let first = link("user", "k1").await;
    assert_eq!((first.status.as_u16(), first.header("idempotency-replayed")), (200, ""));
    assert_ne!(link("user", "k2").await.json(), first.json(), "each is another");

    world.clock.advance(Duration::from_secs(599));
    let again = link("user", "k1").await;
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.header("lastro-sealed-until"), "");
    assert_eq!(
        link("user elsewhere", "k1").await.refusal(),
        (409, "CONFLICT_STATE".into())
    );

    world.clock.advance(Duration::from_secs(1));
    assert_eq!(link("user", "k1").await.refusal(), (409, "CONFLICT_STATE".into()));
}

#[tokio::test]
async fn a_kept_secret_survives_another_master_key_while_the_former_is_at_hand_and_is_never_made_twice() {
    let world = World::new().await;
    let path = format!("{}/link", world.note("Fine").await);
    let link = || world.send(request(Method::POST, &path).with("idempotency-key", "k1").empty());
    let first = link().await;
    let ports = world.edge.app().ports();
    let [former, current] = [7, 8].map(|byte| MasterKey::new([byte; 32]));
    ports.provide(Arc::new(Sealer::new(current.clone(), vec![former])));
    let again = link().await;
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    // Without it the answer is what it is after its ten minutes; a new link would be a change that nobody asked for.
    ports.provide(Arc::new(Sealer::new(current, Vec::new())));
    assert_eq!(link().await.refusal(), (409, "CONFLICT_STATE".into()));
}

#[tokio::test]
async fn a_secret_is_kept_sealed() {
    let world = World::new().await;
    let path = format!("{}/link", world.note("Fine").await);
    let reply = world
        .send(request(Method::POST, &path).with("idempotency-key", "k1").empty())
        .await;
    let secret = reply.json()["data"]["link"].as_str().unwrap().to_owned();
    let secret = secret.as_bytes();
    for file in std::fs::read_dir(world.folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret));
    }
}

#[tokio::test]
async fn a_route_that_reads_no_body_takes_no_key() {
    let world = World::new().await;
    let path = "/api/v1/notes/bodyless";
    assert_eq!(world.send(request(Method::POST, path).empty()).await.status, 204);
    let reply = world
        .send(request(Method::POST, path).with("idempotency-key", "k1").empty())
        .await;
    assert_eq!(reply.refusal(), (500, "INTERNAL".into()));
}
