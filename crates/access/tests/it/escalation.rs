//! Nobody grants beyond what they hold.

use serde_json::{Value, json};
use testkit::{Client, Member, TestApp};

use crate::start;
use crate::world::{Bakery, assign, bakery, grant, inherit, permission_id, role, role_id};

/// A user who may grant, and holds nothing else but to read invoices.
async fn granter(app: &TestApp, bakery: &Bakery, condition: Value) -> Member {
    let granter = app.member(bakery.id, None).await;
    let all = Value::Null;
    let permissions = [
        ("RBAC_ROLE_CREATE", all.clone()),
        ("RBAC_ROLE_READ", all.clone()),
        ("RBAC_ROLE_UPDATE", all.clone()),
        ("RBAC_USER_ROLE_ASSIGN", all.clone()),
        ("RBAC_GROUP_UPDATE", all.clone()),
        ("RBAC_GROUP_CREATE", all),
        ("FINANCE_INVOICE_READ", condition),
    ];
    let role = role(&bakery.boss.client, "GRANTER", &permissions).await;
    assign(&bakery.boss.client, &granter, &role).await.expect(201);
    granter
}

async fn put(who: &Client, path: &str) -> testkit::Reply {
    who.put(path).send().await
}

testkit::behaviours! {
    with start;

    async fn nobody_gives_a_role_what_they_do_not_hold(app: TestApp) {
        let bakery = bakery(&app).await;
        let granter = granter(&app, &bakery, Value::Null).await.client;
        let own = role(&granter, "OWN", &[("FINANCE_INVOICE_READ", Value::Null)]).await;
        let refused = grant(&granter, &own, "FINANCE_INVOICE_APPROVE", &Value::Null).await.refused(403, "RBAC_ESCALATION");
        assert_eq!(refused.json["error"]["details"]["permission"], "FINANCE_INVOICE_APPROVE");
        // Not under a condition either.
        let condition = json!({ "amount": 1 });
        grant(&granter, &own, "FINANCE_INVOICE_APPROVE", &condition).await.refused(403, "RBAC_ESCALATION");
    }

    async fn nobody_inherits_or_hands_on_what_they_do_not_hold(app: TestApp) {
        let bakery = bakery(&app).await;
        let boss = &bakery.boss.client;
        let granter = granter(&app, &bakery, Value::Null).await;
        let own = role(&granter.client, "OWN", &[]).await;
        let strong = role(boss, "STRONG", &[("FINANCE_INVOICE_APPROVE", Value::Null)]).await;
        let below = role(boss, "BELOW", &[]).await;
        inherit(boss, &below, &strong).await.expect(201);
        for out_of_reach in [&strong, &below, &role_id(boss, "ORG_ADMIN").await, &role_id(boss, "VIEWER").await] {
            inherit(&granter.client, &own, out_of_reach).await.refused(403, "RBAC_ESCALATION");
            assign(&granter.client, &granter, out_of_reach).await.refused(403, "RBAC_ESCALATION");
        }
        assign(&granter.client, &granter, &own).await.expect(201);
    }

    async fn nobody_joins_or_fills_a_group_beyond_what_they_hold(app: TestApp) {
        let bakery = bakery(&app).await;
        let boss = &bakery.boss.client;
        let granter = granter(&app, &bakery, Value::Null).await;
        let strong = role(boss, "STRONG", &[("FINANCE_INVOICE_APPROVE", Value::Null)]).await;
        let approve = permission_id(boss, "FINANCE_INVOICE_APPROVE").await;
        let body = json!({ "name": "Own" });
        let own = granter.client.post("/groups").json(&body).send().await.expect(201).id();
        put(&granter.client, &format!("/groups/{own}/roles/{strong}")).await.refused(403, "RBAC_ESCALATION");
        put(&granter.client, &format!("/groups/{own}/permissions/{approve}")).await.refused(403, "RBAC_ESCALATION");
        put(boss, &format!("/groups/{own}/permissions/{approve}")).await.expect(200);
        let joining = format!("/groups/{own}/members/{}", granter.id);
        put(&granter.client, &joining).await.refused(403, "RBAC_ESCALATION");
        put(boss, &joining).await.expect(200);
    }

    async fn who_holds_under_a_condition_grants_under_it_or_a_stricter_one(app: TestApp) {
        let bakery = bakery(&app).await;
        let condition = json!({ "amount": { "$lte": 100 } });
        let granter = granter(&app, &bakery, condition.clone()).await.client;
        let own = role(&granter, "OWN", &[]).await;
        grant(&granter, &own, "FINANCE_INVOICE_READ", &Value::Null).await.refused(403, "RBAC_ESCALATION");
        grant(&granter, &own, "FINANCE_INVOICE_READ", &json!({ "amount": { "$lte": 200 } })).await.refused(403, "RBAC_ESCALATION");
        grant(&granter, &own, "FINANCE_INVOICE_READ", &condition).await.expect(201);
        let stricter = json!({ "amount": { "$lte": 100 }, "status": "open" });
        let again = grant(&granter, &own, "FINANCE_INVOICE_READ", &stricter).await.expect(200);
        assert_eq!(again.data()["conditions"], stricter);
    }

    async fn no_grant_outlives_the_givers_own(app: TestApp) {
        let bakery = bakery(&app).await;
        let boss = &bakery.boss.client;
        let reader = role(boss, "READER", &[("FINANCE_INVOICE_READ", Value::Null)]).await;
        let assigner = role(boss, "ASSIGNER", &[("RBAC_USER_ROLE_ASSIGN", Value::Null)]).await;
        let (giver, taker) = (app.member(bakery.id, None).await, app.member(bakery.id, None).await);
        assign(boss, &giver, &assigner).await.expect(201);
        let body = json!({ "roleId": reader, "expiresAt": "2026-12-01T00:00:00Z" });
        boss.post(&format!("/users/{}/roles", giver.id)).json(&body).send().await.expect(201);
        let path = format!("/users/{}/roles", taker.id);
        assign(&giver.client, &taker, &reader).await.refused(403, "RBAC_ESCALATION");
        let longer = json!({ "roleId": reader, "expiresAt": "2026-12-01T00:00:01Z" });
        giver.client.post(&path).json(&longer).send().await.refused(403, "RBAC_ESCALATION");
        giver.client.post(&path).json(&body).send().await.expect(201);
    }

    async fn platform_permissions_stay_in_the_platform(app: TestApp) {
        let bakery = bakery(&app).await;
        let boss = &bakery.boss.client;
        let own = role(boss, "OWN", &[]).await;
        grant(boss, &own, "RBAC_PERMISSION_CREATE", &Value::Null).await.refused(403, "RBAC_ESCALATION");
        let root = role_id(boss, "SUPER_ADMIN").await;
        assign(boss, &bakery.boss, &root).await.refused(403, "RBAC_ESCALATION");
        inherit(boss, &own, &root).await.refused(403, "RBAC_ESCALATION");

        // In the platform organization they can be held, and are.
        let operator = app.member(app.platform(), Some("SUPER_ADMIN")).await;
        let made = role(&operator.client, "KEEPER", &[("RBAC_PERMISSION_CREATE", Value::Null)]).await;
        let keeper = app.member(app.platform(), None).await;
        assign(&operator.client, &keeper, &made).await.expect(201);
        let body = json!({ "moduleId": "01932f5c-9c5e-7cc3-9d4e-3b2f6a1e8d40", "resource": "oven", "action": "heat" });
        keeper.client.post("/permissions").json(&body).send().await.refused(404, "NOT_FOUND");
        // And nobody of the platform acts in the bakery by that.
        operator.client.get("/roles").header("X-Tenant-Id", &bakery.id.to_string()).send().await.refused(400, "TENANT_MISMATCH");
    }

    async fn what_a_module_withholds_can_be_granted_by_who_holds_it(app: TestApp) {
        let bakery = bakery(&app).await;
        crate::world::put_on(&app, bakery.id, "BARE").await;
        role(&bakery.boss.client, "READER", &[("FINANCE_INVOICE_READ", Value::Null)]).await;
    }
}
