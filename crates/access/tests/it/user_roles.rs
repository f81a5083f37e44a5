//! The roles of users.

use serde_json::{Value, json};

use crate::start;
use crate::world::{Bakery, assign, bakery, may, role, role_id};

testkit::behaviours! {
    with start;

    async fn a_role_is_granted_listed_and_taken(app: TestApp) {
        let Bakery { id, boss } = bakery(&app).await;
        let ana = app.member(id, None).await;
        let clerk = role(&boss.client, "CLERK", &[("FINANCE_INVOICE_READ", Value::Null)]).await;
        let made = assign(&boss.client, &ana, &clerk).await.expect(201);
        assert_eq!((&made.data()["scope"], &made.data()["expiresAt"]), (&Value::Null, &Value::Null));
        let taken = assign(&boss.client, &ana, &clerk).await.refused(409, "CONFLICT_DUPLICATE");
        assert_eq!(taken.json["error"]["details"][0]["field"], "roleId");
        let path = format!("/users/{}/roles", ana.id);
        let listed = boss.client.get(&path).send().await.expect(200);
        assert_eq!((&listed.data()[0], &listed.meta()["total"]), (made.data(), &json!(1)));
        let granted = format!("{path}/{clerk}");
        boss.client.delete(&granted).send().await.expect(204);
        boss.client.delete(&granted).send().await.refused(404, "NOT_FOUND");
        assert_eq!(boss.client.get(&path).send().await.expect(200).meta()["total"], 0);
    }

    async fn what_belongs_to_others_is_not_there(app: TestApp) {
        let Bakery { id, boss } = bakery(&app).await;
        let ana = app.member(id, None).await;
        let other = app.organization("outra").await;
        let stranger = app.member(other, Some("ORG_ADMIN")).await;
        let theirs = role(&stranger.client, "THEIRS", &[]).await;
        assign(&boss.client, &ana, &theirs).await.refused(404, "NOT_FOUND");
        assign(&boss.client, &stranger, &theirs).await.refused(404, "NOT_FOUND");
        for path in ["roles", "permissions"] {
            let path = format!("/users/{}/{path}", stranger.id);
            boss.client.get(&path).send().await.refused(404, "NOT_FOUND");
        }
        boss.client.get("/users/nobody/roles").send().await.refused(404, "NOT_FOUND");
    }

    async fn an_end_that_is_past_is_refused(app: TestApp) {
        let Bakery { id, boss } = bakery(&app).await;
        let ana = app.member(id, None).await;
        let clerk = role(&boss.client, "CLERK", &[]).await;
        for past in ["2026-11-21T12:00:00Z", "2020-01-01T00:00:00Z"] {
            let body = json!({ "roleId": clerk, "expiresAt": past });
            let refused = boss.client.post(&format!("/users/{}/roles", ana.id)).json(&body).send().await;
            assert_eq!(refused.refused(400, "VALIDATION_FAILED").problems(), ["expiresAt: IN_PAST"]);
        }
    }

    async fn a_module_manager_manages_one_module(app: TestApp) {
        let Bakery { id, boss } = bakery(&app).await;
        let ana = app.member(id, None).await;
        let manager = role_id(&boss.client, "MODULE_MANAGER").await;
        let viewer = role_id(&boss.client, "VIEWER").await;
        let path = format!("/users/{}/roles", ana.id);
        let send = |body: Value| boss.client.post(&path).json(&body).send();
        send(json!({ "roleId": manager })).await.refused(400, "VALIDATION_FAILED");
        send(json!({ "roleId": viewer, "scope": { "module": "FINANCE" } })).await.refused(400, "VALIDATION_FAILED");
        let unknown = send(json!({ "roleId": manager, "scope": { "module": "NOTHING" } })).await;
        assert_eq!(unknown.refused(400, "VALIDATION_FAILED").problems(), ["scope.module: UNKNOWN_CODE"]);
        let made = send(json!({ "roleId": manager, "scope": { "module": "FINANCE" } })).await.expect(201);
        assert_eq!(made.data()["scope"], json!({ "module": "FINANCE" }));
        assert_eq!(may(&ana.client, "FINANCE_INVOICE_APPROVE", json!({})).await, 204);
        assert_eq!(may(&ana.client, "RBAC_ROLE_READ", json!({})).await, 403);
        send(json!({ "roleId": manager, "scope": { "module": "RBAC" } })).await.expect(201);
        assert_eq!(may(&ana.client, "RBAC_ROLE_READ", json!({})).await, 204);

        let granted = format!("{path}/{manager}");
        boss.client.delete(&granted).send().await.refused(404, "NOT_FOUND");
        boss.client.delete(&format!("{granted}?module=FINANCE")).send().await.expect(204);
        assert_eq!(may(&ana.client, "FINANCE_INVOICE_APPROVE", json!({})).await, 403);
        assert_eq!(may(&ana.client, "RBAC_ROLE_READ", json!({})).await, 204);
    }

    async fn a_viewer_reads_and_does_nothing_else(app: TestApp) {
        let Bakery { id, .. } = bakery(&app).await;
        let viewer = app.member(id, Some("VIEWER")).await;
        viewer.client.get("/roles").send().await.expect(200);
        assert_eq!(may(&viewer.client, "FINANCE_INVOICE_READ", json!({})).await, 204);
        assert_eq!(may(&viewer.client, "FINANCE_INVOICE_CREATE", json!({})).await, 403);
        viewer.client.post("/roles").json(&json!({ "name": "X", "code": "X" })).send().await.refused(403, "RBAC_FORBIDDEN");
    }
}
