//! What a create or a change accepts, and what it says when it does not.

use futures_util::future::join_all;
use serde_json::json;

use crate::start;

testkit::behaviours! {
    with start;

    async fn all_problems_of_a_body_are_told_at_once(app: TestApp) {
        let refused = app
            .operator()
            .post("/organizations")
            .json(&json!({ "name": "P", "slug": 7, "document": "33000167000102", "color": "blue" }))
            .send()
            .await
            .refused(400, "VALIDATION_FAILED");
        let mut problems = refused.problems();
        problems.sort();
        assert_eq!(
            problems,
            ["color: UNKNOWN_FIELD", "document: INVALID_CHECK_DIGITS", "name: TOO_SHORT", "slug: INVALID_TYPE"]
        );
        app.operator().post("/organizations").json(&json!({})).send().await.refused(400, "VALIDATION_FAILED");
        let unknown = json!({ "name": "Padaria", "slug": "padaria", "color": "blue" });
        app.operator().post("/organizations").json(&unknown).send().await.refused(400, "VALIDATION_UNKNOWN_FIELD");
    }

    async fn reserved_and_malformed_slugs_are_refused(app: TestApp) {
        for slug in ["www", "api", "admin", "public", "auth", "Padaria", "pada--ria", "-padaria", "a"] {
            let body = json!({ "name": "Padaria", "slug": slug });
            app.operator().post("/organizations").json(&body).send().await.refused(400, "VALIDATION_FAILED");
        }
        let listed = app.operator().get("/organizations").send().await.expect(200);
        assert_eq!(listed.meta()["total"], 1, "nothing but the platform was written");
    }

    async fn a_taken_slug_or_document_names_its_field(app: TestApp) {
        let operator = app.operator();
        let first = json!({ "name": "Padaria", "slug": "padaria", "document": "33.000.167/0001-01" });
        operator.post("/organizations").json(&first).send().await.expect(201);
        let same_slug = json!({ "name": "Outra", "slug": "padaria" });
        let refused = operator.post("/organizations").json(&same_slug).send().await.refused(409, "CONFLICT_DUPLICATE");
        assert_eq!(refused.json["error"]["details"][0]["field"], "slug");
        let same_document = json!({ "name": "Outra", "slug": "outra", "document": "33000167000101" });
        let refused =
            operator.post("/organizations").json(&same_document).send().await.refused(409, "CONFLICT_DUPLICATE");
        assert_eq!(refused.json["error"]["details"][0]["field"], "document");
        let other = app.organization("outra").await;
        let moved = json!({ "slug": "padaria" });
        operator.patch(&format!("/organizations/{other}")).json(&moved).send().await.refused(409, "CONFLICT_DUPLICATE");
    }

    async fn of_simultaneous_creations_one_wins(app: TestApp) {
        let body = json!({ "name": "Padaria", "slug": "padaria" });
        let clients: Vec<_> = (0..8).map(|_| app.operator()).collect();
        let replies = join_all(clients.iter().map(|client| client.post("/organizations").json(&body).send())).await;
        let mut statuses: Vec<u16> = replies.iter().map(|reply| reply.status.as_u16()).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
        for reply in replies.into_iter().filter(|reply| reply.status.as_u16() == 409) {
            assert_eq!(reply.refused(409, "CONFLICT_DUPLICATE").json["error"]["details"][0]["field"], "slug");
        }
    }

    async fn a_patch_keeps_what_is_absent_and_refuses_null_where_something_must_be(app: TestApp) {
        let id = app.organization("padaria").await;
        let path = format!("/organizations/{id}");
        let operator = app.operator();
        let before = operator.get(&path).send().await.expect(200);
        app.clock().advance(std::time::Duration::from_secs(1));
        let same = operator.patch(&path).json(&json!({})).send().await.expect(200);
        assert_eq!(same.data(), before.data(), "nothing changed, so neither did updatedAt");
        operator.patch(&path).json(&json!({ "name": null })).send().await.refused(400, "VALIDATION_FAILED");
        operator.patch(&path).json(&json!({ "id": "x" })).send().await.refused(400, "VALIDATION_UNKNOWN_FIELD");
    }

    async fn a_stale_if_match_changes_nothing(app: TestApp) {
        let id = app.organization("padaria").await;
        let path = format!("/organizations/{id}");
        let operator = app.operator();
        let stale = operator.get(&path).send().await.expect(200).header("etag").to_owned();
        operator.patch(&path).json(&json!({ "name": "Primeira" })).send().await.expect(200);
        let change = json!({ "name": "Segunda" });
        operator.patch(&path).header("If-Match", &stale).json(&change).send().await.refused(412, "CONFLICT_VERSION");
        operator.delete(&path).header("If-Match", &stale).send().await.refused(412, "CONFLICT_VERSION");
        let now = operator.get(&path).send().await.expect(200);
        assert_eq!((&now.data()["name"], &now.data()["isActive"]), (&json!("Primeira"), &json!(true)));
        operator.get(&path).header("If-None-Match", now.header("etag")).send().await.expect(304);
    }

    async fn two_changes_at_once_are_both_kept(app: TestApp) {
        let id = app.organization("padaria").await;
        let path = format!("/organizations/{id}");
        let operator = app.operator();
        let (name, document) = (json!({ "name": "Nova" }), json!({ "document": "33000167000101" }));
        let (one, two) =
            futures_util::join!(operator.patch(&path).json(&name).send(), operator.patch(&path).json(&document).send());
        assert_eq!((one.status.as_u16(), two.status.as_u16()), (200, 200));
        let now = operator.get(&path).send().await.expect(200);
        assert_eq!((&now.data()["name"], &now.data()["document"]), (&json!("Nova"), &json!("33000167000101")));
    }

    async fn an_unknown_or_malformed_id_is_not_found(app: TestApp) {
        let operator = app.operator();
        for id in ["01932f5c-9c5e-7cc3-9d4e-3b2f6a1e8d40", "1", "not-a-uuid", "%00"] {
            let path = format!("/organizations/{id}");
            operator.get(&path).send().await.refused(404, "NOT_FOUND");
            operator.patch(&path).json(&json!({ "name": "Nova" })).send().await.refused(404, "NOT_FOUND");
            operator.delete(&path).send().await.refused(404, "NOT_FOUND");
            operator.post(&format!("{path}/activate")).send().await.refused(404, "NOT_FOUND");
        }
    }
}
