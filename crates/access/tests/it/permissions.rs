//! Permissions: declared ones stay, others are made and deleted by the platform.

use serde_json::{Value, json};

use crate::start;
use crate::world::{Bakery, assign, bakery, may, permission_id, role};

testkit::behaviours! {
    with start;

    async fn the_platform_makes_permissions_with_generated_codes(app: TestApp) {
        let operator = app.operator();
        let body = json!({ "code": "BAKING", "name": "Baking" });
        let module = operator.post("/modules").json(&body).send().await.expect(201).id();
        let body = json!({ "moduleId": module, "resource": "oven", "action": "preheat", "description": "Heat ovens" });
        let made = operator.post("/permissions").json(&body).send().await.expect(201);
        let path = format!("/permissions/{}", made.id());
        assert_eq!(made.header("location"), format!("/api/v1{path}"));
        let expected = json!({
            "id": made.id(),
            "moduleId": module,
            "moduleCode": "BAKING",
            "code": "BAKING_OVEN_PREHEAT",
            "resource": "OVEN",
            "action": "PREHEAT",
            "scope": "tenant",
            "description": "Heat ovens",
            "createdAt": "2026-11-21T12:00:00.000000Z",
        });
        assert_eq!(made.data(), &expected);
        assert_eq!(operator.get(&path).send().await.expect(200).data(), &expected);
        for module in ["BAKING", &module] {
            let listed = operator.get(&format!("/permissions?module={module}")).send().await.expect(200);
            assert_eq!(listed.meta()["total"], 1);
            assert_eq!(listed.data()[0], expected);
        }
        let body = json!({ "moduleId": module, "resource": "OVEN", "action": "PREHEAT" });
        let taken = operator.post("/permissions").json(&body).send().await.refused(409, "CONFLICT_DUPLICATE");
        assert_eq!(taken.json["error"]["details"][0]["field"], "code");
        operator.delete(&path).send().await.expect(204);
        operator.get(&path).send().await.refused(404, "NOT_FOUND");
        let trail = operator.get("/audit-logs?targetType=permission").send().await.expect(200);
        let actions: Vec<_> = trail.data().as_array().unwrap().iter().map(|entry| &entry["action"]).collect();
        assert_eq!(actions, ["permission.deleted", "permission.created"]);
    }

    async fn malformed_permissions_are_refused(app: TestApp) {
        let operator = app.operator();
        let body = json!({ "moduleId": "x", "resource": "a b", "action": "", "scope": "galaxy" });
        let refused = operator.post("/permissions").json(&body).send().await.refused(400, "VALIDATION_FAILED");
        let mut problems = refused.problems();
        problems.sort();
        assert_eq!(
            problems,
            ["action: TOO_SHORT", "moduleId: INVALID_FORMAT", "resource: INVALID_FORMAT", "scope: NOT_ALLOWED"]
        );
        let body = json!({ "moduleId": "01932f5c-9c5e-7cc3-9d4e-3b2f6a1e8d40", "resource": "oven", "action": "heat" });
        operator.post("/permissions").json(&body).send().await.refused(404, "NOT_FOUND");
    }

    async fn declared_permissions_stay(app: TestApp) {
        let operator = app.operator();
        let declared = permission_id(&operator, "RBAC_ROLE_READ").await;
        operator.delete(&format!("/permissions/{declared}")).send().await.refused(409, "CONFLICT_STATE");
    }

    async fn customers_see_permissions_and_make_none(app: TestApp) {
        let Bakery { boss, .. } = bakery(&app).await;
        let id = permission_id(&boss.client, "FINANCE_INVOICE_READ").await;
        let body = json!({ "moduleId": id, "resource": "oven", "action": "heat" });
        let refused = boss.client.post("/permissions").json(&body).send().await.refused(403, "RBAC_FORBIDDEN");
        assert_eq!(refused.json["error"]["details"]["step"], "scope");
        boss.client.delete(&format!("/permissions/{id}")).send().await.refused(403, "RBAC_FORBIDDEN");
    }

    async fn a_deleted_permission_is_gone_from_every_role(app: TestApp) {
        let Bakery { id, boss } = bakery(&app).await;
        let ana = app.member(id, None).await;
        let clerk = role(&boss.client, "CLERK", &[("FINANCE_INVOICE_READ", Value::Null)]).await;
        assign(&boss.client, &ana, &clerk).await.expect(201);
        assert_eq!(may(&ana.client, "FINANCE_INVOICE_READ", json!({})).await, 204);
        let permission = permission_id(&boss.client, "FINANCE_INVOICE_READ").await;
        app.operator().delete(&format!("/permissions/{permission}")).send().await.expect(204);
        let listed = boss.client.get(&format!("/roles/{clerk}/permissions")).send().await.expect(200);
        assert_eq!(listed.meta()["total"], 0);
        assert_eq!(may(&ana.client, "FINANCE_INVOICE_READ", json!({})).await, 400, "nobody knows it any more");
        let mine = ana.client.get("/auth/me/permissions").send().await.expect(200);
        assert_eq!(mine.data(), &json!([]));
    }

    async fn a_deleted_permission_is_gone_from_groups_keys_accounts_packages_and_exceptions(app: TestApp) {
        let Bakery { id, boss } = bakery(&app).await;
        let operator = app.operator();
        let permission = permission_id(&boss.client, "FINANCE_INVOICE_READ").await;
        let group = boss.client.post("/groups").json(&json!({ "name": "Readers" })).send().await.expect(201).id();
        boss.client.put(&format!("/groups/{group}/permissions/{permission}")).send().await.expect(200);
        let list = json!({ "name": "Shop", "permissions": ["FINANCE_INVOICE_READ", "FINANCE_INVOICE_CREATE"] });
        let key = boss.client.post("/api-keys").json(&list).send().await.expect(201).id();
        let account = boss.client.post("/service-accounts").json(&list).send().await.expect(201).id();
        let body = json!({ "code": "LEAN", "name": "Lean", "modules": ["FINANCE"], "withheldPermissions": ["FINANCE_INVOICE_READ"] });
        let package = operator.post("/packages").json(&body).send().await.expect(201).id();
        let exceptions = format!("/organizations/{id}/overrides");
        let body = json!({ "modules": [], "permissions": [{ "code": "FINANCE_INVOICE_READ", "effect": "withhold" }], "quotas": [] });
        operator.put(&exceptions).json(&body).send().await.expect(200);

        operator.delete(&format!("/permissions/{permission}")).send().await.expect(204);
        let held = boss.client.get(&format!("/groups/{group}/permissions")).send().await.expect(200);
        assert_eq!(held.data(), &json!([]));
        for list in [format!("/api-keys/{key}"), format!("/service-accounts/{account}")] {
            let left = boss.client.get(&list).send().await.expect(200);
            assert_eq!(left.data()["permissions"], json!(["FINANCE_INVOICE_CREATE"]), "{list}");
        }
        let left = operator.get(&format!("/packages/{package}")).send().await.expect(200);
        assert_eq!(left.data()["withheldPermissions"], json!([]));
        assert_eq!(operator.get(&exceptions).send().await.expect(200).data()["permissions"], json!([]));
    }
}
