//! Query parameters: typed, declared, and everything else refused.

use axum::http::Method;
use serde_json::json;

use crate::world::{Reply, World, request};

async fn list(world: &World, query: &str) -> Reply {
    world
        .send(request(Method::GET, &format!("/api/v1/notes{query}")).empty())
        .await
}

async fn problems(world: &World, query: &str) -> Vec<String> {
    let reply = list(world, query).await;
    assert_eq!(reply.refusal(), (400, "VALIDATION_FAILED".into()), "{query}");
    reply.problems()
}

#[tokio::test]
async fn a_list_says_where_it_is() {
    let world = World::new().await;
    for title in ["One", "Two", "Three"] {
        world.note(title).await;
    }
    let reply = list(&world, "?page=2&limit=2&sort=-createdAt&hasRemark=false&q=caf%C3%A9").await;
    assert_eq!(
        reply.json()["meta"],
        json!({ "page": 2, "limit": 2, "total": 3, "nextCursor": null })
    );
    assert_eq!(reply.json()["data"].as_array().unwrap().len(), 1);
    assert!(reply.headers.get("etag").is_none());
    let reply = list(&world, "").await;
    assert_eq!(
        reply.json()["meta"],
        json!({ "page": 1, "limit": 20, "total": 3, "nextCursor": null })
    );
}

#[tokio::test]
async fn a_page_beyond_the_end_is_empty() {
    let world = World::new().await;
    let reply = list(&world, "?page=1000&limit=100").await;
    assert_eq!((reply.status.as_u16(), &reply.json()["data"]), (200, &json!([])));
}

#[tokio::test]
async fn page_and_limit_have_bounds() {
    let world = World::new().await;
    for (query, expected) in [
        ("?page=0", "page OUT_OF_RANGE"),
        ("?page=-1", "page OUT_OF_RANGE"),
        ("?page=1000000000000", "page OUT_OF_RANGE"),
        ("?page=99999999999999999999999", "page OUT_OF_RANGE"),
        ("?page=10001&limit=100", "page OUT_OF_RANGE"),
        ("?limit=101", "limit OUT_OF_RANGE"),
        ("?limit=0", "limit OUT_OF_RANGE"),
        ("?limit=ten", "limit INVALID_TYPE"),
        ("?page=1.5", "page INVALID_TYPE"),
    ] {
        assert_eq!(problems(&world, query).await, [expected], "{query}");
    }
    assert_eq!(list(&world, "?page=10000&limit=100").await.status, 200);
}

#[tokio::test]
async fn sorting_is_from_an_allowlist() {
    let world = World::new().await;
    let reply = list(&world, "?sort=password").await;
    assert_eq!(reply.problems(), ["sort NOT_ALLOWED"]);
    let message = reply.json()["error"]["details"][0]["message"].clone();
    assert_eq!(message, "Must be one of: title, -title, createdAt, -createdAt.");
}

#[tokio::test]
async fn unknown_parameters_are_refused_with_their_own_code_when_alone() {
    let world = World::new().await;
    let reply = list(&world, "?colour=red&colour=blue").await;
    assert_eq!(reply.refusal(), (400, "VALIDATION_UNKNOWN_FIELD".into()));
    assert_eq!(
        problems(&world, "?colour=red&limit=0").await,
        ["limit OUT_OF_RANGE", "colour UNKNOWN_FIELD"]
    );
}

#[tokio::test]
async fn a_route_without_parameters_takes_none() {
    let world = World::new().await;
    let reply = world.send(request(Method::GET, "/api/v1/me?verbose=1").empty()).await;
    assert_eq!(reply.refusal(), (400, "VALIDATION_UNKNOWN_FIELD".into()));
    assert_eq!(reply.problems(), ["verbose UNKNOWN_FIELD"]);
    assert_eq!(
        world.get("/api/v1/open?x").await.refusal(),
        (400, "VALIDATION_UNKNOWN_FIELD".into())
    );
    assert_eq!(world.get("/api/v1/open?").await.status, 200);
}

#[tokio::test]
async fn all_problems_of_a_query_are_told_at_once() {
    let world = World::new().await;
    let query = format!("?page=0&limit=0&sort=x&hasRemark=maybe&q={}&cursor=x", "y".repeat(101));
    let mut found = problems(&world, &query).await;
    found.sort();
    let expected = [
        "cursor INVALID_CURSOR",
        "hasRemark INVALID_TYPE",
        "limit OUT_OF_RANGE",
        "page INVALID",
        "page OUT_OF_RANGE",
        "q TOO_LONG",
        "sort NOT_ALLOWED",
    ];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_repeated_parameter_is_a_problem_and_an_empty_one_is_none() {
    let world = World::new().await;
    assert_eq!(problems(&world, "?limit=5&limit=6").await, ["limit DUPLICATE_FIELD"]);
    assert_eq!(list(&world, "?q=&hasRemark=&sort=").await.status, 200);
}

#[tokio::test]
async fn control_characters_and_broken_encodings_are_refused() {
    let world = World::new().await;
    assert_eq!(problems(&world, "?q=a%00b").await, ["q CONTROL_CHARACTER"]);
    assert_eq!(problems(&world, "?q=%ff%fe").await, ["q CONTROL_CHARACTER"]);
}

#[tokio::test]
async fn a_cursor_walks_the_whole_list() {
    let world = World::new().await;
    for title in ["One", "Two", "Three", "Four", "Five"] {
        world.note(title).await;
    }
    let mut seen = Vec::new();
    let mut query = "?limit=2".to_owned();
    loop {
        let reply = list(&world, &query).await.json();
        seen.extend(reply["data"].as_array().unwrap().iter().map(|note| note["id"].clone()));
        assert_eq!(reply["meta"]["total"], 5);
        let Some(cursor) = reply["meta"]["nextCursor"].as_str() else {
            break;
        };
        query = format!("?limit=2&cursor={cursor}");
    }
    assert_eq!(seen.len(), 5);
    seen.dedup();
    assert_eq!(seen.len(), 5);
}

#[tokio::test]
async fn a_cursor_belongs_to_its_list_and_its_order() {
    let world = World::new().await;
    for title in ["One", "Two"] {
        world.note(title).await;
    }
    let first = list(&world, "?limit=1").await.json();
    let cursor = first["meta"]["nextCursor"].as_str().unwrap();
    assert_eq!(list(&world, &format!("?cursor={cursor}")).await.status, 200);
    assert!(
        list(&world, &format!("?cursor={cursor}")).await.json()["meta"]
            .get("page")
            .is_none()
    );
    assert_eq!(
        problems(&world, &format!("?cursor={cursor}&sort=-title")).await,
        ["cursor INVALID_CURSOR"]
    );
    assert_eq!(
        problems(&world, &format!("?cursor={cursor}&page=1")).await,
        ["page INVALID"]
    );
}

#[tokio::test]
async fn a_forged_cursor_is_refused_whatever_it_holds() {
    use kernel::cursor::{Cursor, CursorKey};
    let world = World::new().await;
    let name = "/api/v1/notes?sort=title";
    let id = CursorKey::Id(uuid::Uuid::nil());
    for keys in [
        vec![],
        vec![id.clone()],
        vec![CursorKey::Integer(1), id.clone()],
        vec![CursorKey::Null, id.clone()],
        vec![CursorKey::Text("x".into()), CursorKey::Text("y".into())],
        vec![CursorKey::Text("x".into()), id.clone(), id.clone()],
    ] {
        let forged = Cursor::new(keys).encode(name);
        assert_eq!(
            problems(&world, &format!("?cursor={forged}")).await,
            ["cursor INVALID_CURSOR"]
        );
    }
    let right = Cursor::new(vec![CursorKey::Text("x".into()), id]).encode(name);
    assert_eq!(list(&world, &format!("?cursor={right}")).await.status, 200);
}

#[tokio::test]
async fn filters_without_a_list_are_read_alike() {
    let world = World::new().await;
    let operate = |query: &str| {
        crate::world::anonymous(Method::POST, &format!("/api/v1/notes/operate{query}"))
            .with("authorization", "Bearer operator")
            .empty()
    };
    let reply = world.send(operate("?dryRun=true")).await;
    assert_eq!(
        (reply.status.as_u16(), reply.json()),
        (202, json!({ "data": { "dryRun": true } }))
    );
    assert_eq!(
        world.send(operate("?dryRun=1")).await.problems(),
        ["dryRun INVALID_TYPE"]
    );
    assert_eq!(
        world.send(operate("?page=1")).await.refusal(),
        (400, "VALIDATION_UNKNOWN_FIELD".into())
    );
}
