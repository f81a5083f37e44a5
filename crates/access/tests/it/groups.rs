//! Groups: their members, and what they hold.

use serde_json::{Value, json};

use crate::start;
use crate::world::{Bakery, bakery, may, permission_id, role, role_id};

testkit::behaviours! {
    with start;

    async fn a_group_lives_from_creation_to_deletion(app: TestApp) {
        let Bakery { boss, .. } = bakery(&app).await;
        let body = json!({ "name": "Contas a pagar", "description": "Pays" });
        let made = boss.client.post("/groups").json(&body).send().await.expect(201);
        let path = format!("/groups/{}", made.id());
        assert_eq!(made.header("location"), format!("/api/v1{path}"));
        let expected = json!({
            "id": made.id(),
            "name": "Contas a pagar",
            "code": "CONTAS_A_PAGAR",
            "description": "Pays",
            "createdAt": "2026-11-21T12:00:00.000000Z",
            "updatedAt": "2026-11-21T12:00:00.000000Z",
        });
        assert_eq!(made.data(), &expected);
        assert_eq!(boss.client.get(&path).send().await.expect(200).data(), &expected);
        // The same name again gets another code; the same code does not.
        let twin = boss.client.post("/groups").json(&body).send().await.expect(201);
        assert_ne!(twin.data()["code"], made.data()["code"]);
        let body = json!({ "name": "Other", "code": "CONTAS_A_PAGAR" });
        let taken = boss.client.post("/groups").json(&body).send().await.refused(409, "CONFLICT_DUPLICATE");
        assert_eq!(taken.json["error"]["details"][0]["field"], "code");

        let change = json!({ "name": "Pagamentos", "description": null });
        let changed = boss.client.patch(&path).json(&change).send().await.expect(200);
        assert_eq!((&changed.data()["name"], &changed.data()["description"]), (&json!("Pagamentos"), &Value::Null));
        boss.client.delete(&path).header("If-Match", made.header("etag")).send().await.refused(412, "CONFLICT_VERSION");
        boss.client.delete(&path).header("If-Match", changed.header("etag")).send().await.expect(204);
        boss.client.get(&path).send().await.refused(404, "NOT_FOUND");
        let trail = boss.client.get(&format!("/audit-logs?targetId={}", made.id())).send().await.expect(200);
        let actions: Vec<_> = trail.data().as_array().unwrap().iter().map(|entry| &entry["action"]).collect();
        assert_eq!(actions, ["group.deleted", "group.updated", "group.created"]);
    }

    async fn members_hold_what_the_group_holds(app: TestApp) {
        let Bakery { id, boss } = bakery(&app).await;
        let ana = app.member(id, None).await;
        let group = boss.client.post("/groups").json(&json!({ "name": "Back office" })).send().await.expect(201).id();
        let clerk = role(&boss.client, "CLERK", &[("FINANCE_INVOICE_READ", Value::Null)]).await;
        let approve = permission_id(&boss.client, "FINANCE_INVOICE_APPROVE").await;
        let member = format!("/groups/{group}/members/{}", ana.id);
        let through_role = format!("/groups/{group}/roles/{clerk}");
        let directly = format!("/groups/{group}/permissions/{approve}");
        for path in [&member, &through_role, &directly, &member, &through_role, &directly] {
            let put = boss.client.put(path).send().await.expect(200);
            assert_eq!(put.id(), group, "twice is the same as once");
        }
        assert_eq!(may(&ana.client, "FINANCE_INVOICE_READ", json!({})).await, 204);
        assert_eq!(may(&ana.client, "FINANCE_INVOICE_APPROVE", json!({})).await, 204);
        let members = boss.client.get(&format!("/groups/{group}/members")).send().await.expect(200);
        assert_eq!((&members.meta()["total"], &members.data()[0]["id"]), (&json!(1), &json!(ana.id.to_string())));
        assert_eq!(members.data()[0]["email"], json!(ana.email));
        let roles = boss.client.get(&format!("/groups/{group}/roles")).send().await.expect(200);
        assert_eq!(roles.data()[0]["code"], "CLERK");
        let permissions = boss.client.get(&format!("/groups/{group}/permissions")).send().await.expect(200);
        assert_eq!(permissions.data()[0]["code"], "FINANCE_INVOICE_APPROVE");

        boss.client.delete(&directly).send().await.expect(204);
        assert_eq!(may(&ana.client, "FINANCE_INVOICE_APPROVE", json!({})).await, 403);
        boss.client.delete(&through_role).send().await.expect(204);
        assert_eq!(may(&ana.client, "FINANCE_INVOICE_READ", json!({})).await, 403);
        boss.client.delete(&member).send().await.expect(204);
        for gone in [&member, &through_role, &directly] {
            boss.client.delete(gone).send().await.refused(404, "NOT_FOUND");
        }
        let trail = boss.client.get(&format!("/audit-logs?targetId={group}")).send().await.expect(200);
        assert_eq!(trail.data().as_array().unwrap().len(), 7, "one entry a change");
    }

    async fn a_deleted_group_grants_nothing(app: TestApp) {
        let Bakery { id, boss } = bakery(&app).await;
        let ana = app.member(id, None).await;
        let group = boss.client.post("/groups").json(&json!({ "name": "Back office" })).send().await.expect(201).id();
        let viewer = role_id(&boss.client, "VIEWER").await;
        boss.client.put(&format!("/groups/{group}/roles/{viewer}")).send().await.expect(200);
        boss.client.put(&format!("/groups/{group}/members/{}", ana.id)).send().await.expect(200);
        ana.client.get("/roles").send().await.expect(200);
        boss.client.delete(&format!("/groups/{group}")).send().await.expect(204);
        ana.client.get("/roles").send().await.refused(403, "RBAC_FORBIDDEN");
    }

    async fn foreign_and_unfit_parts_are_refused(app: TestApp) {
        let Bakery { boss, .. } = bakery(&app).await;
        let other = app.organization("outra").await;
        let stranger = app.member(other, Some("ORG_ADMIN")).await;
        let theirs = role(&stranger.client, "THEIRS", &[]).await;
        let group = boss.client.post("/groups").json(&json!({ "name": "Back office" })).send().await.expect(201).id();
        let manager = role_id(&boss.client, "MODULE_MANAGER").await;
        for missing in [
            format!("/groups/{group}/members/{}", stranger.id),
            format!("/groups/{group}/roles/{theirs}"),
            format!("/groups/{group}/permissions/{theirs}"),
            format!("/groups/{theirs}/members/{}", boss.id),
        ] {
            boss.client.put(&missing).send().await.refused(404, "NOT_FOUND");
        }
        boss.client.put(&format!("/groups/{group}/roles/{manager}")).send().await.refused(400, "VALIDATION_FAILED");
        stranger.client.get(&format!("/groups/{group}")).send().await.refused(404, "NOT_FOUND");
        stranger.client.get(&format!("/groups/{group}/members")).send().await.refused(404, "NOT_FOUND");
    }
}
