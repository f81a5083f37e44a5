//! What bodies are refused for, and that all their problems are told at once.

use axum::body::Body;
use axum::http::Method;
use bytes::Bytes;
use futures_util::stream;
use serde_json::json;

use crate::world::{Reply, World, request};

async fn create(world: &World, body: &str) -> Reply {
    world.send(request(Method::POST, "/api/v1/notes").text(body)).await
}

async fn problems(world: &World, body: &str) -> ((u16, String), Vec<String>) {
    let reply = create(world, body).await;
    (reply.refusal(), reply.problems())
}

#[tokio::test]
async fn a_good_body_is_taken() {
    let world = World::new().await;
    let body = r#"{"title":"  Shopping ","remark":null,"weight":"heavy","items":[{"name":"Milk","count":2}],
        "remindAt":"2026-11-22T09:00:00-03:00"}"#;
    let reply = create(&world, body).await;
    assert_eq!(
        (reply.status.as_u16(), &reply.json()["data"]["title"]),
        (201, &json!("Shopping"))
    );
}

#[tokio::test]
async fn all_problems_are_told_at_once_each_with_its_path() {
    let world = World::new().await;
    let body = r#"{
        "title": "x",
        "weight": "enormous",
        "items": [{"name": "Milk", "count": 0}, {"name": 7, "colour": "red"}, "nothing"],
        "remindAt": "tomorrow",
        "mood": "fine"
    }"#;
    let reply = create(&world, body).await;
    insta::assert_json_snapshot!(reply.json(), { ".error.requestId" => "[id]" });
}

#[tokio::test]
async fn messages_follow_the_language_asked_for() {
    let world = World::new().await;
    let asking = request(Method::POST, "/api/v1/notes").with("accept-language", "pt-BR,pt;q=0.9");
    let reply = world.send(asking.text(r#"{"title":"x"}"#)).await;
    assert_eq!(reply.header("content-language"), "pt-BR");
    assert_eq!(reply.json()["error"]["message"], "A requisição não é válida.");
    assert_eq!(
        reply.json()["error"]["details"][0]["message"],
        "Deve ter no mínimo 2 caracteres."
    );
}

#[tokio::test]
async fn unknown_fields_have_their_own_code_when_they_are_the_only_problem() {
    let world = World::new().await;
    assert_eq!(
        problems(
            &world,
            r#"{"title":"Fine","a":1,"items":[{"name":"Milk","count":1,"b":2}]}"#
        )
        .await,
        (
            (400, "VALIDATION_UNKNOWN_FIELD".into()),
            vec!["a UNKNOWN_FIELD".into(), "items[0].b UNKNOWN_FIELD".into()]
        )
    );
    assert_eq!(
        problems(&world, r#"{"title":"","a":1}"#).await,
        (
            (400, "VALIDATION_FAILED".into()),
            vec!["title TOO_SHORT".into(), "a UNKNOWN_FIELD".into()]
        )
    );
}

#[tokio::test]
async fn an_organization_in_the_payload_is_refused_at_any_depth() {
    let world = World::new().await;
    for body in [
        r#"{"title":"Fine","organizationId":"x"}"#,
        r#"{"title":"Fine","tenantId":null}"#,
        r#"{"title":"Fine","items":[{"name":"Milk","count":1,"tenantId":1}]}"#,
        r#"{"title":"","organizationId":"x"}"#,
    ] {
        let (refusal, problems) = problems(&world, body).await;
        assert_eq!(refusal, (400, "TENANT_IN_PAYLOAD".into()), "{body}");
        assert!(
            problems.iter().any(|problem| problem.ends_with(" TENANT_IN_PAYLOAD")),
            "{problems:?}"
        );
    }
}

#[tokio::test]
async fn on_other_routes_it_is_only_unknown() {
    let world = World::new().await;
    let operator =
        crate::world::anonymous(Method::POST, "/api/v1/notes/operate").with("authorization", "Bearer operator");
    let reply = world.send(operator.text(r#"{"organizationId":"x"}"#)).await;
    assert_eq!(reply.refusal(), (400, "VALIDATION_UNKNOWN_FIELD".into()));
}

#[tokio::test]
async fn duplicate_fields_are_refused() {
    let world = World::new().await;
    assert_eq!(
        problems(&world, r#"{"title":"One","title":"Two"}"#).await,
        ((400, "VALIDATION_FAILED".into()), vec!["title DUPLICATE_FIELD".into()])
    );
}

#[tokio::test]
async fn a_nul_is_refused_wherever_it_is() {
    let world = World::new().await;
    assert_eq!(
        problems(&world, r#"{"title":"Fine","remark":"a\u0000b"}"#).await,
        (
            (400, "VALIDATION_FAILED".into()),
            vec!["remark CONTROL_CHARACTER".into()]
        )
    );
}

#[tokio::test]
async fn what_is_missing_is_required_and_null_is_not_enough() {
    let world = World::new().await;
    assert_eq!(problems(&world, "{}").await.1, ["title REQUIRED"]);
    assert_eq!(problems(&world, r#"{"title":null}"#).await.1, ["title NOT_NULLABLE"]);
}

#[tokio::test]
async fn a_body_of_another_type_is_one_problem() {
    let world = World::new().await;
    for body in ["[]", "\"text\"", "7", "true", "1.5"] {
        assert_eq!(
            problems(&world, body).await,
            ((400, "VALIDATION_FAILED".into()), vec![" INVALID_TYPE".into()]),
            "{body}"
        );
    }
}

#[tokio::test]
async fn what_is_not_json_is_malformed() {
    let world = World::new().await;
    let deep = "[".repeat(5_000) + &"]".repeat(5_000);
    let deep_objects = "{\"a\":".repeat(5_000) + "1" + &"}".repeat(5_000);
    for body in [
        &b""[..],
        b"{",
        b"{\"title\":\"Fine\"} x",
        b"{\"title\":\"\xff\"}",
        b"\xef\xbb\xbf{}",
        deep.as_bytes(),
        deep_objects.as_bytes(),
    ] {
        let reply = world.send(request(Method::POST, "/api/v1/notes").bytes(body)).await;
        assert_eq!(reply.refusal(), (400, "VALIDATION_MALFORMED_JSON".into()));
    }
    let reply = create(&world, "{\n  oops").await;
    assert_eq!(reply.json()["error"]["details"], json!({ "line": 2, "column": 3 }));
}

#[tokio::test]
async fn other_content_types_are_415() {
    let world = World::new().await;
    for content_type in [
        None,
        Some("text/plain"),
        Some("application/x-json"),
        Some("application/json; charset=latin1"),
        Some("+json"),
    ] {
        let mut asking = request(Method::POST, "/api/v1/notes");
        if let Some(content_type) = content_type {
            asking = asking.with("content-type", content_type);
        }
        let reply = world.send(asking.body(Body::from(r#"{"title":"Fine"}"#))).await;
        assert_eq!(
            reply.refusal(),
            (415, "VALIDATION_UNSUPPORTED_MEDIA_TYPE".into()),
            "{content_type:?}"
        );
    }
}

#[tokio::test]
async fn a_compressed_body_is_415() {
    let world = World::new().await;
    let asking = request(Method::POST, "/api/v1/notes").with("content-encoding", "gzip");
    let reply = world.send(asking.text(r#"{"title":"Fine"}"#)).await;
    assert_eq!(reply.refusal(), (415, "VALIDATION_UNSUPPORTED_MEDIA_TYPE".into()));
}

#[tokio::test]
async fn types_built_on_json_are_json() {
    let world = World::new().await;
    let path = world.note("Fine").await;
    for content_type in [
        "application/json; charset=UTF-8",
        "application/merge-patch+json",
        "Application/JSON",
    ] {
        let asking = request(Method::PATCH, &path).with("content-type", content_type);
        assert_eq!(
            world.send(asking.body(Body::from("{}"))).await.status,
            200,
            "{content_type}"
        );
    }
}

#[tokio::test]
async fn a_body_of_one_mebibyte_is_taken_and_one_byte_more_is_413() {
    let world = World::new().await;
    let body = |size: usize| {
        let mut body = br#"{"title":"Fine"}"#.to_vec();
        body.resize(size, b' ');
        body
    };
    let limit = 1024 * 1024;
    let reply = world
        .send(request(Method::POST, "/api/v1/notes").bytes(&body(limit)))
        .await;
    assert_eq!(reply.status, 201);
    let reply = world
        .send(request(Method::POST, "/api/v1/notes").bytes(&body(limit + 1)))
        .await;
    assert_eq!(reply.refusal(), (413, "VALIDATION_PAYLOAD_TOO_LARGE".into()));
}

#[tokio::test]
async fn a_body_without_a_length_is_measured_while_it_is_read() {
    let world = World::new().await;
    let endless = stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 4_096])));
    let asking = request(Method::POST, "/api/v1/notes").with("content-type", "application/json");
    let reply = world.send(asking.body(Body::from_stream(endless))).await;
    assert_eq!(reply.refusal(), (413, "VALIDATION_PAYLOAD_TOO_LARGE".into()));
}

#[tokio::test]
async fn a_body_in_pieces_is_put_together() {
    let world = World::new().await;
    let pieces = [r#"{"ti"#, r#"tle":"#, r#""Fine"}"#].map(|piece| Ok::<_, std::io::Error>(Bytes::from(piece)));
    let asking = request(Method::POST, "/api/v1/notes").with("content-type", "application/json");
    let reply = world.send(asking.body(Body::from_stream(stream::iter(pieces)))).await;
    assert_eq!(reply.status, 201);
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_a_clients_fault() {
    let world = World::new().await;
    let broken = stream::iter([Ok(Bytes::from_static(b"{")), Err(std::io::Error::other("gone"))]);
    let asking = request(Method::POST, "/api/v1/notes").with("content-type", "application/json");
    let reply = world.send(asking.body(Body::from_stream(broken))).await;
    assert_eq!(reply.refusal(), (400, "VALIDATION_MALFORMED_JSON".into()));

    tokio::time::pause();
    let asking = request(Method::POST, "/api/v1/notes").with("content-type", "application/json");
    let silent = stream::pending::<Result<Bytes, std::io::Error>>();
    let reply = world.send(asking.body(Body::from_stream(silent))).await;
    assert_eq!(reply.refusal(), (400, "VALIDATION_MALFORMED_JSON".into()));
    assert_eq!(reply.header("connection"), "close");
}

#[tokio::test]
async fn a_patch_tells_absent_from_null() {
    let world = World::new().await;
    let reply = world
        .send(request(Method::POST, "/api/v1/notes").text(r#"{"title":"Fine","remark":"old"}"#))
        .await;
    let path = reply.header("location").to_owned();
    let patch = async |body: &str| world.send(request(Method::PATCH, &path).text(body)).await;

    assert_eq!(patch("{}").await.json()["data"]["remark"], "old");
    assert_eq!(patch(r#"{"remark":"new"}"#).await.json()["data"]["remark"], "new");
    assert_eq!(patch(r#"{"title":"Finer"}"#).await.json()["data"]["remark"], "new");
    assert_eq!(patch(r#"{"remark":null}"#).await.json()["data"]["remark"], json!(null));
    assert_eq!(patch(r#"{"title":null}"#).await.problems(), ["title NOT_NULLABLE"]);
    assert_eq!(patch("{}").await.json()["data"]["title"], "Finer");
}

#[tokio::test]
async fn where_no_body_is_taken_none_or_an_empty_object_is_fine() {
    let world = World::new().await;
    let path = format!("{}/archive", world.note("Fine").await);
    assert_eq!(world.send(request(Method::POST, &path).empty()).await.status, 200);
    assert_eq!(world.send(request(Method::POST, &path).text("{}")).await.status, 200);
    assert_eq!(world.send(request(Method::POST, &path).text("")).await.status, 200);
    let reply = world.send(request(Method::POST, &path).text(r#"{"a":1}"#)).await;
    assert_eq!(reply.refusal(), (400, "VALIDATION_UNKNOWN_FIELD".into()));
    let reply = world
        .send(
            request(Method::POST, &path)
                .with("content-type", "text/plain")
                .body(Body::from("x")),
        )
        .await;
    assert_eq!(reply.refusal(), (415, "VALIDATION_UNSUPPORTED_MEDIA_TYPE".into()));
    let reply = world
        .send(request(Method::POST, &path).bytes(&vec![b' '; 1024 * 1024 + 1]))
        .await;
    assert_eq!(reply.refusal(), (413, "VALIDATION_PAYLOAD_TOO_LARGE".into()));
}

#[tokio::test]
async fn a_body_comes_before_the_existence_of_its_object() {
    let world = World::new().await;
    for id in ["not-an-id", "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e4f"] {
        let path = format!("/api/v1/notes/{id}");
        let reply = world.send(request(Method::PATCH, &path).text(r#"{"title":"x"}"#)).await;
        assert_eq!(reply.refusal(), (400, "VALIDATION_FAILED".into()));
        let reply = world.send(request(Method::PATCH, &path).text("{}")).await;
        assert_eq!(reply.refusal(), (404, "NOT_FOUND".into()));
    }
}

#[tokio::test]
async fn only_the_hyphenated_form_is_an_id() {
    let world = World::new().await;
    let path = world.note("Fine").await;
    let id = path.rsplit('/').next().unwrap();
    assert_eq!(world.send(request(Method::GET, &path).empty()).await.status, 200);
    for id in [id.replace('-', ""), format!("%7B{id}%7D"), "%ff".into(), "1".into()] {
        let reply = world
            .send(request(Method::GET, &format!("/api/v1/notes/{id}")).empty())
            .await;
        assert_eq!(reply.refusal(), (404, "NOT_FOUND".into()), "{id}");
    }
}

#[tokio::test]
async fn what_a_client_wrote_is_repeated_only_in_part() {
    let world = World::new().await;
    let long = "x".repeat(500_000);
    let reply = create(&world, &json!({ "title": "Fine", long: 1 }).to_string()).await;
    assert!(reply.body.len() < 1_000);
    let many = json!(
        (0..50_000)
            .map(|number| (format!("field{number}"), json!(1)))
            .collect::<serde_json::Map<_, _>>()
    );
    let reply = create(&world, &many.to_string()).await;
    assert_eq!((reply.status.as_u16(), reply.problems().len()), (400, 100));
}

#[tokio::test]
async fn a_raw_body_is_what_the_handler_makes_of_it() {
    let world = World::new().await;
    let picture =
        |content_type: &'static str| request(Method::PUT, "/api/v1/picture").with("content-type", content_type);
    assert_eq!(
        world
            .send(picture("image/PNG; x=y").body(Body::from("png")))
            .await
            .status,
        204
    );
    assert_eq!(
        world.send(picture("image/gif").body(Body::from("gif"))).await.status,
        415
    );
}

/// Depth times the length of names would make the answer hundreds of times as large as the body.
#[tokio::test]
async fn the_answer_to_a_deep_body_full_of_flaws_is_small() {
    let world = World::new().await;
    let mut body = format!("{{{}}}", vec!["\"x\":1"; 1_001].join(","));
    for _ in 0..100 {
        body = format!("{{\"{}\":{body}}}", "\\u0001".repeat(64));
    }
    let reply = create(&world, &body).await;
    assert_eq!(reply.status, 400);
    assert!(reply.body.len() < 8 * body.len(), "{} bytes", reply.body.len());
}

#[tokio::test]
async fn a_body_that_can_be_absent_is_read_when_it_is_there() {
    let world = World::new().await;
    let path = format!("{}/copy", world.note("Fine").await);
    for (body, times) in [("", 1), ("{}", 1), (r#"{"times":3}"#, 3)] {
        let reply = world.send(request(Method::POST, &path).text(body)).await;
        assert_eq!(reply.json()["data"]["times"], times, "{body}");
    }
    let bare = world.send(request(Method::POST, &path).empty()).await;
    assert_eq!(bare.json()["data"]["times"], 1);
    let wrong = world
        .send(request(Method::POST, &path).text(r#"{"times":0,"tines":1}"#))
        .await;
    assert_eq!(wrong.problems(), ["times OUT_OF_RANGE", "tines UNKNOWN_FIELD"]);
}
