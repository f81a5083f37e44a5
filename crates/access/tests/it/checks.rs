//! Asking whether somebody may, and why.

use serde_json::{Value, json};

use crate::start;
use crate::world::{Bakery, assign, bakery, inherit, permission_id, put_on, role};

testkit::behaviours! {
    with start;

    async fn a_check_says_why(app: TestApp) {
        let Bakery { id, boss } = bakery(&app).await;
        let ana = app.member(id, None).await;
        let top = role(&boss.client, "TOP", &[("FINANCE_INVOICE_READ", Value::Null)]).await;
        let clerk = role(&boss.client, "CLERK", &[("FINANCE_INVOICE_APPROVE", json!({ "amount": { "$lte": 100 } }))]).await;
        inherit(&boss.client, &clerk, &top).await.expect(201);
        assign(&boss.client, &ana, &clerk).await.expect(201);
        let check = |body: Value| {
            let client = ana.client.clone();
            async move { client.post("/access/check").json(&body).send().await.expect(200).data().clone() }
        };
        let steps = json!([
            { "type": "role", "id": clerk, "code": "CLERK" },
            { "type": "role", "id": top, "code": "TOP" },
        ]);
        assert_eq!(
            check(json!({ "permission": "FINANCE_INVOICE_READ" })).await,
            json!({
                "allowed": true,
                "reason": null,
                "message": "FINANCE_INVOICE_READ is granted.",
                "path": { "via": "role", "steps": steps },
            })
        );
        assert_eq!(
            check(json!({ "permission": "FINANCE_INVOICE_CREATE" })).await,
            json!({
                "allowed": false,
                "reason": "RBAC_FORBIDDEN",
                "message": "Nothing grants FINANCE_INVOICE_CREATE.",
                "path": null,
            })
        );
        let large = check(json!({ "permission": "FINANCE_INVOICE_APPROVE", "context": { "amount": 101 } })).await;
        assert_eq!((&large["allowed"], &large["reason"]), (&json!(false), &json!("RBAC_FORBIDDEN")));
        assert_eq!(large["message"], "The condition of FINANCE_INVOICE_APPROVE does not hold: amount.$lte (101).");
        assert_eq!(large["path"]["conditions"], json!({ "amount": { "$lte": 100 } }));
        let nothing = check(json!({ "permission": "FINANCE_INVOICE_APPROVE" })).await;
        assert_eq!(nothing["allowed"], false);
        put_on(&app, id, "BARE").await;
        let off = check(json!({ "permission": "FINANCE_INVOICE_READ" })).await;
        assert_eq!(off["reason"], "RBAC_MODULE_NOT_CONTRACTED");
        assert_eq!(off["message"], "The module FINANCE is not active (default; package: BARE).");
        let told = ana.client.post("/access/require").header("Accept-Language", "pt-BR").json(&json!({ "permission": "FINANCE_INVOICE_READ" }));
        let told = told.send().await.refused(403, "RBAC_MODULE_NOT_CONTRACTED");
        assert_eq!(told.json["error"]["details"]["step"], "module");
        assert!(told.json["error"]["message"].as_str().unwrap().starts_with("Módulo não contratado"));
    }

    async fn many_checks_are_answered_in_order(app: TestApp) {
        let Bakery { id, boss } = bakery(&app).await;
        let viewer = app.member(id, Some("VIEWER")).await;
        let checks: Vec<_> = (0..1000)
            .map(|number| json!({
                "userId": viewer.id.to_string(),
                "permission": if number % 2 == 0 { "FINANCE_INVOICE_READ" } else { "FINANCE_INVOICE_CREATE" },
            }))
            .collect();
        let reply = boss.client.post("/access/check").json(&json!({ "checks": checks })).send().await.expect(200);
        let results = reply.data()["results"].as_array().unwrap();
        assert_eq!(results.len(), 1000);
        assert!(results.iter().enumerate().all(|(number, result)| result["allowed"] == json!(number % 2 == 0)));
        let many: Vec<_> = (0..1001).map(|_| json!({ "permission": "FINANCE_INVOICE_READ" })).collect();
        let refused = boss.client.post("/access/check").json(&json!({ "checks": many })).send().await;
        assert_eq!(refused.refused(400, "VALIDATION_FAILED").problems(), ["checks: TOO_MANY_ITEMS"]);
    }

    async fn only_who_may_see_grants_asks_about_others(app: TestApp) {
        let Bakery { id, boss } = bakery(&app).await;
        let ana = app.member(id, None).await;
        let about = |user: String| json!({ "userId": user, "permission": "FINANCE_INVOICE_READ" });
        let own = ana.client.post("/access/check").json(&about(ana.id.to_string())).send().await.expect(200);
        assert_eq!(own.data()["allowed"], false);
        let others = ana.client.post("/access/check").json(&about(boss.id.to_string())).send().await;
        let others = others.refused(403, "RBAC_FORBIDDEN");
        assert_eq!(others.json["error"]["details"]["permission"], "RBAC_USER_ROLE_READ");
        let asked = boss.client.post("/access/check").json(&about(ana.id.to_string())).send().await.expect(200);
        assert_eq!(asked.data()["allowed"], false);
        let missing = about("01932f5c-9c5e-7cc3-9d4e-3b2f6a1e8d40".to_owned());
        boss.client.post("/access/check").json(&missing).send().await.refused(404, "NOT_FOUND");
    }

    async fn malformed_questions_are_refused(app: TestApp) {
        let Bakery { boss, .. } = bakery(&app).await;
        let ask = |body: Value| {
            let client = boss.client.clone();
            async move { client.post("/access/check").json(&body).send().await.expect(400).problems() }
        };
        assert_eq!(ask(json!({ "permission": "NOT_THERE" })).await, ["permission: UNKNOWN_CODE"]);
        assert_eq!(ask(json!({})).await, ["permission: REQUIRED"]);
        let checks = json!({ "checks": [{ "permission": "RBAC_ROLE_READ" }, { "permission": "NOT_THERE" }] });
        assert_eq!(ask(checks).await, ["checks[1].permission: UNKNOWN_CODE"]);
        let both = json!({ "permission": "RBAC_ROLE_READ", "checks": [] });
        assert_eq!(ask(both).await, ["checks: INVALID"]);
        let unknown = boss.client.post("/access/require").json(&json!({ "permission": "NOT_THERE" })).send().await;
        assert_eq!(unknown.expect(400).problems(), ["permission: UNKNOWN_CODE"]);
    }

    async fn effective_permissions_tell_their_ways(app: TestApp) {
        let Bakery { id, boss } = bakery(&app).await;
        let ana = app.member(id, None).await;
        let condition = json!({ "amount": { "$lte": 100 } });
        let clerk = role(&boss.client, "CLERK", &[("FINANCE_INVOICE_APPROVE", condition.clone())]).await;
        assign(&boss.client, &ana, &clerk).await.expect(201);
        let expected = json!([{
            "code": "FINANCE_INVOICE_APPROVE",
            "conditions": condition,
            "paths": [{
                "via": "role",
                "steps": [{ "type": "role", "id": clerk, "code": "CLERK" }],
                "conditions": condition,
            }],
            "expiresAt": null,
        }]);
        assert_eq!(ana.client.get("/auth/me/permissions").send().await.expect(200).data(), &expected);
        let seen = boss.client.get(&format!("/users/{}/permissions", ana.id)).send().await.expect(200);
        assert_eq!(seen.data(), &expected);
        ana.client.get(&format!("/users/{}/permissions", ana.id)).send().await.refused(403, "RBAC_FORBIDDEN");
        let all = boss.client.get("/auth/me/permissions").send().await.expect(200);
        assert_eq!(all.data()[0]["paths"][0]["via"], "system");
    }

    async fn refusals_are_in_the_trail(app: TestApp) {
        let Bakery { id, boss } = bakery(&app).await;
        let ana = app.member(id, None).await;
        ana.client.get("/roles").send().await.refused(403, "RBAC_FORBIDDEN");
        let asked = json!({ "permission": "FINANCE_INVOICE_READ" });
        ana.client.post("/access/require").json(&asked).send().await.refused(403, "RBAC_FORBIDDEN");
        // They are written beside the requests.
        let mut targets = Vec::new();
        for _ in 0..200 {
            let path = format!("/audit-logs?action=permission.refused&actorId={}", ana.id);
            let trail = boss.client.get(&path).send().await.expect(200);
            let entries = trail.data().as_array().unwrap().iter();
            targets = entries.map(|entry| entry["target"]["id"].as_str().unwrap().to_owned()).collect();
            if targets.len() == 2 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        targets.sort();
        let mut expected = [
            permission_id(&boss.client, "RBAC_ROLE_READ").await,
            permission_id(&boss.client, "FINANCE_INVOICE_READ").await,
        ];
        expected.sort();
        assert_eq!(targets, expected);
    }
}
