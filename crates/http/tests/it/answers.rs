//! Answers: envelopes, versions and conditions.

use axum::http::Method;
use serde_json::json;

use crate::world::{World, request};

#[tokio::test]
async fn a_creation_says_where_the_object_is_and_its_version() {
    let world = World::new().await;
    let reply = world
        .send(request(Method::POST, "/v1/notes").text(r#"{"title":"Fine"}"#))
        .await;
    assert_eq!(reply.status, 201);
    let id = reply.json()["data"]["id"].as_str().unwrap().to_owned();
    assert_eq!(reply.header("location"), format!("/api/v1/notes/{id}"));
    assert_eq!(reply.header("content-type"), "application/json");
    let read = world.send(request(Method::GET, reply.header("location")).empty()).await;
    assert_eq!(read.header("etag"), reply.header("etag"));
    assert_eq!(read.body, reply.body);
}

#[tokio::test]
async fn both_prefixes_are_the_same_api() {
    let world = World::new().await;
    let path = world.note("Fine").await;
    let short = path.strip_prefix("/api").unwrap();
    let (long, short) = (
        world.send(request(Method::GET, &path).empty()).await,
        world.send(request(Method::GET, short).empty()).await,
    );
    assert_eq!(long.body, short.body);
    assert_eq!(world.send(request(Method::GET, "/notes").empty()).await.status, 404);
    assert_eq!(
        world
            .send(request(Method::GET, "/api/v1/health/live").empty())
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn a_version_is_strong_and_changes_with_what_can_be_seen() {
    let world = World::new().await;
    let path = world.note("Fine").await;
    let before = world
        .send(request(Method::GET, &path).empty())
        .await
        .header("etag")
        .to_owned();
    assert_eq!(
        (before.len(), before.starts_with('"'), before.ends_with('"')),
        (34, true, true)
    );
    let after = world
        .send(request(Method::PATCH, &path).text(r#"{"remark":"new"}"#))
        .await;
    assert_ne!(after.header("etag"), before);
    let again = world
        .send(request(Method::PATCH, &path).text(r#"{"remark":null}"#))
        .await;
    assert_eq!(again.header("etag"), before);
}

#[tokio::test]
async fn a_known_version_is_not_sent_again() {
    let world = World::new().await;
    let path = world.note("Fine").await;
    let etag = world
        .send(request(Method::GET, &path).empty())
        .await
        .header("etag")
        .to_owned();
    for known in [
        etag.clone(),
        format!("W/{etag}"),
        format!("\"other\", {etag}"),
        "*".into(),
    ] {
        let reply = world
            .send(request(Method::GET, &path).with("if-none-match", known).empty())
            .await;
        assert_eq!((reply.status.as_u16(), reply.body.len()), (304, 0));
        assert_eq!(
            (reply.header("etag"), reply.header("cache-control")),
            (etag.as_str(), "no-store")
        );
    }
    let reply = world
        .send(request(Method::GET, &path).with("if-none-match", "\"other\"").empty())
        .await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn a_stale_version_is_412_and_nothing_changes() {
    let world = World::new().await;
    let path = world.note("Fine").await;
    let etag = world
        .send(request(Method::GET, &path).empty())
        .await
        .header("etag")
        .to_owned();
    let patch = |condition: String| {
        request(Method::PATCH, &path)
            .with("if-match", condition)
            .text(r#"{"remark":"new"}"#)
    };
    for stale in ["\"other\"".into(), format!("W/{etag}"), String::new()] {
        assert_eq!(
            world.send(patch(stale)).await.refusal(),
            (412, "CONFLICT_VERSION".into())
        );
    }
    assert_eq!(
        world.send(request(Method::GET, &path).empty()).await.json()["data"]["remark"],
        json!(null)
    );
    assert_eq!(world.send(patch(format!("\"other\" , {etag}"))).await.status, 200);
    assert_eq!(
        world.send(patch(etag)).await.refusal(),
        (412, "CONFLICT_VERSION".into())
    );
    assert_eq!(world.send(patch("*".into())).await.status, 200);
}

#[tokio::test]
async fn a_condition_that_the_handler_forgot_stops_the_change() {
    let world = World::new().await;
    let path = world.note("Fine").await;
    assert_eq!(world.send(request(Method::DELETE, &path).empty()).await.status, 204);
    let reply = world
        .send(request(Method::DELETE, &path).with("if-match", "\"any\"").empty())
        .await;
    assert_eq!(reply.refusal(), (500, "INTERNAL".into()));
}

#[tokio::test]
async fn a_deletion_has_no_body() {
    let world = World::new().await;
    let path = world.note("Fine").await;
    let reply = world.send(request(Method::DELETE, &path).empty()).await;
    assert_eq!((reply.status.as_u16(), reply.body.len()), (204, 0));
    assert!(reply.headers.get("content-type").is_none());
}

#[tokio::test]
async fn answers_are_not_to_be_stored() {
    let world = World::new().await;
    for asking in [
        request(Method::GET, "/api/v1/notes").empty(),
        request(Method::GET, "/api/v1/nothing").empty(),
        crate::world::anonymous(Method::GET, "/api/v1/notes").empty(),
    ] {
        assert_eq!(world.send(asking).await.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn a_list_in_several_lines_is_one_list() {
    let world = World::new().await;
    let path = world.note("Fine").await;
    let etag = world.get(&path).await.header("etag").to_owned();
    let change = |first: &str, second: &str| {
        request(Method::PATCH, &path)
            .with("if-match", first)
            .with("if-match", second)
            .json(&json!({ "remark": "x" }))
    };
    assert_eq!(
        world.send(change("\"old\"", "\"older\"")).await.refusal(),
        (412, "CONFLICT_VERSION".into())
    );
    assert_eq!(world.send(change("\"old\"", &etag)).await.status, 200);

    let etag = world.get(&path).await.header("etag").to_owned();
    let known = request(Method::GET, &path)
        .with("if-none-match", "\"old\"")
        .with("if-none-match", &etag);
    assert_eq!(world.send(known.empty()).await.status, 304);

    let asking = request(Method::GET, "/api/v1/nothing")
        .with("accept-language", "fr, en;q=0.1")
        .with("accept-language", "pt-BR;q=0.8");
    assert_eq!(world.send(asking.empty()).await.header("content-language"), "pt-BR");
}
