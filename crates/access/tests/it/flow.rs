//! The whole story of access, told once.

use std::time::Duration;

use serde_json::{Value, json};

use crate::start;
use crate::world::{Bakery, assign, bakery, grant, inherit, may, put_on, role};

testkit::behaviours! {
    with start;

    /// Make a role, give it permissions, give it to a user, and see the doors open: on routes of this server and, for an application
    /// behind it, by asking. Then inheritance, expiry, conditions, the module, and the end.
    async fn from_a_role_to_access_and_back(app: TestApp) {
        let Bakery { id, boss } = bakery(&app).await;
        let ana = app.member(id, None).await;
        let create = json!({ "name": "Oven crew", "code": "OVEN_CREW" });
        let refused = ana.client.post("/roles").json(&create).send().await.refused(403, "RBAC_FORBIDDEN");
        assert_eq!(
            refused.json["error"]["details"],
            json!({ "permission": "RBAC_ROLE_CREATE", "step": "grant" })
        );

        // A role, its permission, its holder.
        let clerk = role(&boss.client, "CLERK", &[("RBAC_ROLE_CREATE", Value::Null)]).await;
        let assigned = assign(&boss.client, &ana, &clerk).await.expect(201);
        assert_eq!(assigned.header("location"), format!("/api/v1/users/{}/roles/{clerk}", ana.id));
        assert_eq!(assigned.data()["role"]["code"], "CLERK");
        assert_eq!(assigned.data()["assignedBy"]["id"], boss.id.to_string());
        ana.client.post("/roles").json(&create).send().await.expect(201);

        // Inheritance: what the parent grants, the child grants.
        assert_eq!(may(&ana.client, "FINANCE_INVOICE_READ", json!({})).await, 403);
        let reader = role(&boss.client, "READER", &[("FINANCE_INVOICE_READ", Value::Null)]).await;
        inherit(&boss.client, &clerk, &reader).await.expect(201);
        assert_eq!(may(&ana.client, "FINANCE_INVOICE_READ", json!({})).await, 204);

        // A condition: her own invoices, up to a thousand.
        let small = json!({ "amount": { "$lte": 100_000 }, "ownerId": "${user.id}" });
        grant(&boss.client, &clerk, "FINANCE_INVOICE_APPROVE", &small).await.expect(201);
        let invoice = |amount: i64, owner: &str| json!({ "amount": amount, "ownerId": owner });
        let (hers, his) = (ana.id.to_string(), boss.id.to_string());
        assert_eq!(may(&ana.client, "FINANCE_INVOICE_APPROVE", invoice(100_000, &hers)).await, 204);
        assert_eq!(may(&ana.client, "FINANCE_INVOICE_APPROVE", invoice(100_001, &hers)).await, 403);
        assert_eq!(may(&ana.client, "FINANCE_INVOICE_APPROVE", invoice(1, &his)).await, 403);
        assert_eq!(may(&boss.client, "FINANCE_INVOICE_APPROVE", invoice(100_001, &hers)).await, 204);

        // Expiry: from that instant on it grants nothing, without anybody doing anything.
        let until = "2026-11-21T12:01:00Z";
        let creator = role(&boss.client, "CREATOR", &[("FINANCE_INVOICE_CREATE", Value::Null)]).await;
        let body = json!({ "roleId": creator, "expiresAt": until });
        boss.client.post(&format!("/users/{}/roles", ana.id)).json(&body).send().await.expect(201);
        assert_eq!(may(&ana.client, "FINANCE_INVOICE_CREATE", json!({})).await, 204);
        app.clock().advance(Duration::from_secs(60));
        assert_eq!(may(&ana.client, "FINANCE_INVOICE_CREATE", json!({})).await, 403);

        // The module: what is not contracted is not there, whoever has been granted what.
        put_on(&app, id, "BARE").await;
        for who in [&ana.client, &boss.client] {
            let body = json!({ "permission": "FINANCE_INVOICE_READ" });
            who.post("/access/require").json(&body).send().await.refused(403, "RBAC_MODULE_NOT_CONTRACTED");
        }
        put_on(&app, id, "FULL").await;
        assert_eq!(may(&ana.client, "FINANCE_INVOICE_READ", json!({})).await, 204);

        // The end: what is taken is gone with the answer that says so.
        boss.client.delete(&format!("/users/{}/roles/{clerk}", ana.id)).send().await.expect(204);
        assert_eq!(may(&ana.client, "FINANCE_INVOICE_READ", json!({})).await, 403);
        ana.client.post("/roles").json(&json!({ "name": "More", "code": "MORE" })).send().await.refused(403, "RBAC_FORBIDDEN");

        // And all of it is in the trail.
        let trail = boss.client.get(&format!("/audit-logs?targetId={}", ana.id)).send().await.expect(200);
        let actions: Vec<_> = trail.data().as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
        assert_eq!(actions, ["role.revoked", "role.granted", "role.granted", "user.created"]);
    }
}
