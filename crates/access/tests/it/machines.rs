//! Machines: keys, and service accounts of the platform that act for a customer.

use serde_json::{Value, json};
use testkit::{Client, TestApp};

use crate::start;
use crate::world::{Bakery, assign, bakery, grant, may, permission_id, put_on, role};

/// A service account with these permissions, logged in.
async fn account(app: &TestApp, by: &Client, permissions: &[&str]) -> Client {
    let body = json!({ "name": "Importer", "permissions": permissions });
    let made = by.post("/service-accounts").json(&body).send().await.expect(201);
    let text = |field: &str| made.data()[field].as_str().unwrap().to_owned();
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        text("clientId"),
        text("clientSecret")
    );
    let answer = app
        .nobody()
        .post("/auth/token")
        .raw("application/x-www-form-urlencoded", form)
        .send()
        .await;
    app.with_credential(answer.expect(200).json["access_token"].as_str().unwrap())
}

testkit::behaviours! {
    with start;

    async fn the_platforms_account_acts_for_a_customer_by_its_own_list(app: TestApp) {
        let Bakery { id, boss } = bakery(&app).await;
        let operator = app.member(app.platform(), Some("SUPER_ADMIN")).await.client;
        let lists = ["RBAC_ROLE_READ", "RBAC_ROLE_CREATE", "RBAC_ROLE_UPDATE", "RBAC_PERMISSION_READ", "FINANCE_INVOICE_READ"];
        let machine = account(&app, &operator, &lists).await;
        let tenant = id.to_string();
        let get = |path: &str| machine.get(path).header("X-Tenant-Id", &tenant).send();
        let post = |path: &str, body: Value| machine.post(path).header("X-Tenant-Id", &tenant).json(&body).send();
        machine.get("/roles").send().await.refused(400, "TENANT_REQUIRED");
        let made = post("/roles", json!({ "name": "Made", "code": "MADE" })).await.expect(201);
        assert_eq!(made.data()["organizationId"], tenant);
        boss.client.get(&format!("/roles/{}", made.id())).send().await.expect(200);
        get("/groups").await.refused(403, "RBAC_FORBIDDEN");
        // It grants what is on its list, and nothing else.
        let path = format!("/roles/{}/permissions", made.id());
        post(&path, json!({ "permissionCode": "FINANCE_INVOICE_READ" })).await.expect(201);
        post(&path, json!({ "permissionCode": "FINANCE_INVOICE_APPROVE" })).await.refused(403, "RBAC_ESCALATION");
        // What the customer did not contract is off for it too, and its core modules are not.
        put_on(&app, id, "BARE").await;
        get("/roles").await.expect(200);
        get("/roles").await.expect(200);
        // Of an organization that is not there it learns nothing.
        let nowhere = "01932f5c-9c5e-7cc3-9d4e-3b2f6a1e8d40";
        machine.get("/roles").header("X-Tenant-Id", nowhere).send().await.refused(404, "NOT_FOUND");
    }

    async fn a_customers_account_stays_at_home(app: TestApp) {
        let Bakery { id, boss } = bakery(&app).await;
        let other = app.organization("outra").await;
        let machine = account(&app, &boss.client, &["RBAC_ROLE_READ"]).await;
        machine.get("/roles").send().await.expect(200);
        machine.get("/roles").header("X-Tenant-Id", &id.to_string()).send().await.expect(200);
        machine.get("/roles").header("X-Tenant-Id", &other.to_string()).send().await.refused(400, "TENANT_MISMATCH");
        let mine = machine.get("/auth/me/permissions").send().await.expect(200);
        let codes: Vec<_> = mine.data().as_array().unwrap().iter().map(|held| &held["code"]).collect();
        assert_eq!(codes, ["RBAC_ROLE_READ"]);
        assert_eq!(mine.data()[0]["paths"][0]["via"], "list");
    }

    async fn a_key_can_do_no_more_than_its_maker_still_can(app: TestApp) {
        let Bakery { id, boss } = bakery(&app).await;
        let ana = app.member(id, None).await;
        let maker = [("IDENTITY_API_KEY_CREATE", Value::Null), ("FINANCE_INVOICE_READ", Value::Null)];
        let maker = role(&boss.client, "MAKER", &maker).await;
        assign(&boss.client, &ana, &maker).await.expect(201);
        let body = json!({ "name": "Till", "permissions": ["FINANCE_INVOICE_READ"] });
        let made = ana.client.post("/api-keys").json(&body).send().await.expect(201);
        let key = app.with_credential(made.data()["key"].as_str().unwrap());
        assert_eq!(may(&key, "FINANCE_INVOICE_READ", json!({})).await, 204);
        let permission = permission_id(&boss.client, "FINANCE_INVOICE_READ").await;
        boss.client.delete(&format!("/roles/{maker}/permissions/{permission}")).send().await.expect(204);
        assert_eq!(may(&key, "FINANCE_INVOICE_READ", json!({})).await, 403);
        // Held under a condition it is no longer enough for a list that says outright.
        grant(&boss.client, &maker, "FINANCE_INVOICE_READ", &json!({ "amount": 1 })).await.expect(201);
        assert_eq!(may(&key, "FINANCE_INVOICE_READ", json!({ "amount": 1 })).await, 403);
        grant(&boss.client, &maker, "FINANCE_INVOICE_READ", &Value::Null).await.expect(200);
        assert_eq!(may(&key, "FINANCE_INVOICE_READ", json!({})).await, 204);
    }
}
