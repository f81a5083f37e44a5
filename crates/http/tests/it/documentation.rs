//! The document and its page.

use axum::http::Method;
use http::openapi;
use serde_json::{Value, json};

use crate::world::{World, anonymous};

async fn document(world: &World) -> Value {
    world.get("/openapi.json").await.json()
}

#[tokio::test]
async fn the_document_is_complete_and_consistent() {
    let world = World::new().await;
    assert_eq!(openapi::problems(world.edge.routes()), Vec::<String>::new());
    let document = document(&world).await;
    assert_eq!(
        (&document["openapi"], &document["info"]["version"]),
        (&json!("3.1.0"), &json!("1.2.3"))
    );
    for route in world.edge.routes() {
        let operation = &document["paths"][route.template()][route.method().as_str().to_ascii_lowercase()];
        assert_eq!(operation["operationId"], route.operation_id());
        assert_eq!(operation["x-permission"], route.access().as_str());
        assert!(operation["tags"][0].is_string());
        assert!(operation["responses"].get("500").is_some() && operation["responses"].get("503").is_some());
    }
}

#[tokio::test]
async fn every_reference_leads_somewhere() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = document(&World::new().await).await;
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 100);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn the_document_is_the_same_at_every_run() {
    let (one, other) = (World::new().await, World::new().await);
    assert_eq!(
        one.get("/openapi.json").await.body,
        other.get("/openapi.json").await.body
    );
}

#[tokio::test]
async fn an_operation_says_all_there_is_to_know() {
    let document = document(&World::new().await).await;
    insta::assert_json_snapshot!("create_note", document["paths"]["/api/v1/notes"]["post"]);
    insta::assert_json_snapshot!("create_note_schema", document["components"]["schemas"]["CreateNote"]);
    insta::assert_json_snapshot!(
        "list_notes_parameters",
        document["paths"]["/api/v1/notes"]["get"]["parameters"]
    );
}

#[tokio::test]
async fn bodies_are_sealed_and_patches_optional() {
    let document = document(&World::new().await).await;
    let schemas = &document["components"]["schemas"];
    for name in ["CreateNote", "Item", "UpdateNote"] {
        assert_eq!(schemas[name]["additionalProperties"], json!(false), "{name}");
    }
    assert_eq!(schemas["CreateNote"]["required"], json!(["title"]));
    assert_eq!(schemas["UpdateNote"].get("required"), None);
    assert_eq!(
        schemas["UpdateNote"]["properties"]["remark"]["type"],
        json!(["string", "null"])
    );
}

#[tokio::test]
async fn errors_follow_from_the_access_rule() {
    let document = document(&World::new().await).await;
    let statuses = |path: &str, method: &str| {
        let responses = document["paths"][path][method]["responses"]
            .as_object()
            .unwrap()
            .clone();
        responses.keys().cloned().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(statuses("/api/v1/open", "get"), "200 400 500 503");
    assert_eq!(statuses("/api/v1/me", "get"), "200 400 401 403 429 500 503");
    assert_eq!(
        statuses("/api/v1/notes/{id}", "get"),
        "200 304 400 401 403 404 429 500 503"
    );
    assert_eq!(
        statuses("/api/v1/notes/{id}", "delete"),
        "204 400 401 403 404 412 429 500 503"
    );
    assert_eq!(
        statuses("/api/v1/notes", "post"),
        "201 400 401 403 404 409 413 415 422 429 500 503"
    );
}

#[tokio::test]
async fn answers_of_one_status_are_told_together() {
    let document = document(&World::new().await).await;
    let responses = &document["paths"]["/api/v1/open"]["get"]["responses"];
    assert_eq!(responses["200"]["description"], "A text; the same, bare");
    let media_types: Vec<_> = responses["200"]["content"].as_object().unwrap().keys().collect();
    assert_eq!(media_types, ["application/json", "text/plain"]);
    assert_eq!(
        responses["400"]["content"]["application/json"]["schema"],
        json!({ "anyOf": [{ "$ref": "#/components/schemas/NoteView" }, { "$ref": "#/components/schemas/ErrorAnswer" }] })
    );
    assert_eq!(
        responses["400"]["description"],
        "In other words; `VALIDATION_UNKNOWN_FIELD`"
    );
}

#[tokio::test]
async fn the_page_loads_everything_from_here() {
    let world = World::new().await;
    let page = world
        .send(anonymous(Method::GET, "/docs").with("accept-encoding", "gzip").empty())
        .await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html"));
    let policy = page.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");

    let html = world.get("/docs").await.text();
    let mut files = Vec::new();
    for attribute in ["src=\"", "href=\""] {
        files.extend(
            html.split(attribute)
                .skip(1)
                .map(|rest| rest.split('"').next().unwrap().to_owned()),
        );
    }
    assert!(files.len() >= 5, "{html}");
    for file in files {
        assert!(!file.contains(':') && !file.starts_with("//"), "{file} is elsewhere");
        let reply = world.get(&format!("/{file}")).await;
        assert_eq!(reply.status, 200, "{file}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
    }
    let settings = world.get("/docs/swagger-initializer.js").await.text();
    assert!(
        settings.contains("\"url\": \"/openapi.json\"") && settings.contains("\"validatorUrl\": \"none\""),
        "{settings}"
    );
    assert_eq!(world.get("/docs/nothing.js").await.refusal(), (404, "NOT_FOUND".into()));
}

#[tokio::test]
async fn what_is_the_same_for_everyone_is_compressed_once_and_not_sent_twice() {
    let world = World::new().await;
    for path in [
        "/openapi.json",
        "/docs",
        "/docs/swagger-ui.css",
        "/docs/swagger-ui-bundle.js",
    ] {
        let ask = |name, value: &str| {
            anonymous(Method::GET, path)
                .with("accept-encoding", "br, gzip")
                .with(name, value)
        };
        let plain = world.send(anonymous(Method::GET, path).empty()).await;
        let packed = world
            .send(anonymous(Method::GET, path).with("accept-encoding", "br, gzip").empty())
            .await;
        assert_eq!(
            (plain.header("content-encoding"), packed.header("content-encoding")),
            ("", "gzip"),
            "{path}"
        );
        let mut unpacked = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(packed.body.as_slice()), &mut unpacked).unwrap();
        assert_eq!(unpacked, plain.body, "{path}");
        assert!(packed.body.len() * 2 < plain.body.len(), "{path}");
        assert_eq!(plain.header("vary"), "accept-encoding");
        // Other bytes, another tag; and whoever has them hears that nothing changed.
        assert_ne!(plain.header("etag"), packed.header("etag"), "{path}");
        let known = world.send(ask("if-none-match", packed.header("etag")).empty()).await;
        assert_eq!((known.status.as_u16(), known.body.len()), (304, 0), "{path}");
        let other = world.send(ask("if-none-match", plain.header("etag")).empty()).await;
        assert_eq!((other.status.as_u16(), &other.body), (200, &packed.body), "{path}");
    }
}
