//! Roles: an organization's own, and the system's, which nobody changes.

use futures_util::future::join_all;
use serde_json::{Value, json};
use testkit::Reply;

use crate::start;

fn codes(reply: &Reply) -> Vec<&str> {
    reply
        .data()
        .as_array()
        .unwrap()
        .iter()
        .map(|role| role["code"].as_str().unwrap())
        .collect()
}

testkit::behaviours! {
    with start;

    async fn a_role_is_found_by_a_part_of_its_code_in_any_case(app: TestApp) {
        let administrator = app.administrator(app.organization("padaria").await);
        let body = json!({ "name": "Clerk", "code": "INVOICE_CLERK" });
        administrator.post("/roles").json(&body).send().await.expect(201);
        for text in ["invoice_cl", "INVOICE_CL", "voice%5Fclerk"] {
            let found = administrator.get(&format!("/roles?q={text}")).send().await.expect(200);
            assert_eq!((&found.meta()["total"], &found.data()[0]["code"]), (&json!(1), &json!("INVOICE_CLERK")), "{text}");
        }
    }

    async fn a_role_lives_from_creation_to_deletion(app: TestApp) {
        let mine = app.organization("padaria").await;
        let administrator = app.administrator(mine);
        let body = json!({ "name": "Invoice clerk", "code": "INVOICE_CLERK", "description": "Writes invoices" });
        let created = administrator.post("/roles").json(&body).send().await.expect(201);
        let path = format!("/roles/{}", created.id());
        assert_eq!(created.header("location"), format!("/api/v1{path}"));
        assert_eq!(
            created.data(),
            &json!({
                "id": created.id(),
                "organizationId": mine.to_string(),
                "name": "Invoice clerk",
                "code": "INVOICE_CLERK",
                "description": "Writes invoices",
                "isSystem": false,
                "createdAt": "2026-11-21T12:00:00.000000Z",
                "updatedAt": "2026-11-21T12:00:00.000000Z",
            })
        );
        assert_eq!(administrator.get(&path).send().await.expect(200).data(), created.data());

        let change = json!({ "name": "Clerk", "description": null });
        let changed = administrator.patch(&path).json(&change).send().await.expect(200);
        assert_eq!((&changed.data()["name"], &changed.data()["description"]), (&json!("Clerk"), &Value::Null));
        administrator.patch(&path).json(&json!({ "code": "OTHER" })).send().await.refused(400, "VALIDATION_UNKNOWN_FIELD");

        administrator.delete(&path).header("If-Match", created.header("etag")).send().await.refused(412, "CONFLICT_VERSION");
        administrator.delete(&path).header("If-Match", changed.header("etag")).send().await.expect(204);
        administrator.get(&path).send().await.refused(404, "NOT_FOUND");
        administrator.delete(&path).send().await.refused(404, "NOT_FOUND");

        let trail = administrator.get("/audit-logs?targetType=role").send().await.expect(200);
        let actions: Vec<_> = trail.data().as_array().unwrap().iter().map(|entry| &entry["action"]).collect();
        assert_eq!(actions, ["role.deleted", "role.updated", "role.created"]);
    }

    async fn system_roles_are_seen_by_everybody_and_changed_by_nobody(app: TestApp) {
        let mine = app.organization("padaria").await;
        let administrator = app.administrator(mine);
        let listed = administrator.get("/roles?sort=code").send().await.expect(200);
        assert_eq!(codes(&listed), ["MODULE_MANAGER", "ORG_ADMIN", "SUPER_ADMIN", "VIEWER"]);
        for role in listed.data().as_array().unwrap() {
            assert_eq!((&role["isSystem"], &role["organizationId"]), (&json!(true), &Value::Null));
            let path = format!("/roles/{}", role["id"].as_str().unwrap());
            assert_eq!(administrator.get(&path).send().await.expect(200).data(), role);
            let change = json!({ "name": "Mine" });
            administrator.patch(&path).json(&change).send().await.refused(403, "RBAC_SYSTEM_ROLE_IMMUTABLE");
            administrator.delete(&path).send().await.refused(403, "RBAC_SYSTEM_ROLE_IMMUTABLE");
        }
        for code in ["SUPER_ADMIN", "ORG_ADMIN", "MODULE_MANAGER", "VIEWER"] {
            let body = json!({ "name": "Mine", "code": code });
            let refused = administrator.post("/roles").json(&body).send().await.refused(409, "CONFLICT_DUPLICATE");
            assert_eq!(refused.json["error"]["details"][0]["field"], "code");
        }
    }

    async fn another_organizations_role_is_not_there(app: TestApp) {
        let (mine, other) = (app.organization("padaria").await, app.organization("outra").await);
        let body = json!({ "name": "Clerk", "code": "CLERK" });
        let role = app.administrator(other).post("/roles").json(&body).send().await.expect(201);
        let path = format!("/roles/{}", role.id());
        let intruder = app.administrator(mine);
        intruder.get(&path).send().await.refused(404, "NOT_FOUND");
        intruder.patch(&path).json(&json!({ "name": "Mine" })).send().await.refused(404, "NOT_FOUND");
        intruder.delete(&path).send().await.refused(404, "NOT_FOUND");
        assert_eq!(intruder.get("/roles?q=clerk").send().await.expect(200).meta()["total"], 0);
        // The same code is free in each organization, and once only in one.
        intruder.post("/roles").json(&body).send().await.expect(201);
        intruder.post("/roles").json(&body).send().await.refused(409, "CONFLICT_DUPLICATE");
    }

    async fn of_simultaneous_creations_one_wins(app: TestApp) {
        let mine = app.organization("padaria").await;
        let administrator = app.administrator(mine);
        let body = json!({ "name": "Clerk", "code": "CLERK" });
        let replies = join_all((0..8).map(|_| administrator.post("/roles").json(&body).send())).await;
        let made = replies.iter().filter(|reply| reply.status.as_u16() == 201).count();
        let taken = replies.iter().filter(|reply| reply.code() == "CONFLICT_DUPLICATE").count();
        assert_eq!((made, taken), (1, 7));
    }

    async fn roles_are_searched_ordered_and_paged_with_the_system_roles(app: TestApp) {
        let mine = app.organization("padaria").await;
        let administrator = app.administrator(mine);
        for (name, code) in [("Área fiscal", "FISCAL"), ("Balcão", "COUNTER")] {
            administrator.post("/roles").json(&json!({ "name": name, "code": code })).send().await.expect(201);
        }
        let found = administrator.get("/roles?q=balcao").send().await.expect(200);
        assert_eq!(codes(&found), ["COUNTER"]);
        for sort in ["code", "-code", "name", "createdAt"] {
            let whole = administrator.get(&format!("/roles?sort={sort}")).send().await.expect(200);
            assert_eq!(whole.meta()["total"], 6);
            let mut by_cursor = Vec::new();
            let mut cursor = String::new();
            loop {
                let part = administrator.get(&format!("/roles?sort={sort}&limit=4{cursor}")).send().await.expect(200);
                by_cursor.extend(codes(&part).into_iter().map(str::to_owned));
                match &part.meta()["nextCursor"] {
                    Value::String(next) => cursor = format!("&cursor={next}"),
                    _ => break,
                }
            }
            assert_eq!(by_cursor, codes(&whole), "{sort}");
        }
    }

    async fn malformed_roles_are_refused(app: TestApp) {
        let mine = app.organization("padaria").await;
        let administrator = app.administrator(mine);
        let body = json!({ "name": "C", "code": "clerk", "description": "", "permissions": [] });
        let refused = administrator.post("/roles").json(&body).send().await.refused(400, "VALIDATION_FAILED");
        let mut problems = refused.problems();
        problems.sort();
        assert_eq!(
            problems,
            ["code: INVALID_FORMAT", "description: TOO_SHORT", "name: TOO_SHORT", "permissions: UNKNOWN_FIELD"]
        );
    }
}
