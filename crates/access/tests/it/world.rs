//! What the tests of this context begin with.

use kernel::OrganizationId;
use serde_json::{Value, json};
use testkit::{Client, Member, Reply, TestApp};

/// A bakery with the module `FINANCE`, and whoever administers it.
pub(crate) struct Bakery {
    pub(crate) id: OrganizationId,
    pub(crate) boss: Member,
}

/// Makes the module `FINANCE` with the permissions to read, create, approve and pay invoices, and a bakery on a package with it.
pub(crate) async fn bakery(app: &TestApp) -> Bakery {
    let operator = app.operator();
    let body = json!({ "code": "FINANCE", "name": "Financeiro" });
    let module = operator.post("/modules").json(&body).send().await.expect(201).id();
    for action in ["read", "create", "approve"] {
        let body = json!({ "moduleId": module, "resource": "invoice", "action": action });
        operator.post("/permissions").json(&body).send().await.expect(201);
    }
    for (code, modules) in [("FULL", json!(["FINANCE"])), ("BARE", json!([]))] {
        let body = json!({ "code": code, "name": format!("Package {code}"), "modules": modules });
        operator.post("/packages").json(&body).send().await.expect(201);
    }
    let id = app.organization("padaria").await;
    put_on(app, id, "FULL").await;
    let boss = app.member(id, Some("ORG_ADMIN")).await;
    Bakery { id, boss }
}

/// Puts the organization on a package.
pub(crate) async fn put_on(app: &TestApp, organization: OrganizationId, package: &str) {
    let path = format!("/organizations/{organization}/package");
    let body = json!({ "packageCode": package });
    app.operator().put(&path).json(&body).send().await.expect(200);
}

/// Makes a role with these permissions, and tells its id.
pub(crate) async fn role(by: &Client, code: &str, permissions: &[(&str, Value)]) -> String {
    let body = json!({ "name": code, "code": code });
    let role = by.post("/roles").json(&body).send().await.expect(201).id();
    for (permission, conditions) in permissions {
        grant(by, &role, permission, conditions).await.expect(201);
    }
    role
}

/// Grants a permission to a role; a condition of null is none.
pub(crate) async fn grant(by: &Client, role: &str, permission: &str, conditions: &Value) -> Reply {
    let body = json!({ "permissionCode": permission, "conditions": conditions });
    by.post(&format!("/roles/{role}/permissions")).json(&body).send().await
}

/// Grants a role to a user.
pub(crate) async fn assign(by: &Client, user: &Member, role: &str) -> Reply {
    let body = json!({ "roleId": role });
    by.post(&format!("/users/{}/roles", user.id)).json(&body).send().await
}

/// Lets a role inherit from another.
pub(crate) async fn inherit(by: &Client, child: &str, parent: &str) -> Reply {
    let body = json!({ "parentRoleId": parent });
    by.post(&format!("/roles/{child}/parents")).json(&body).send().await
}

/// The id of the role with the code.
pub(crate) async fn role_id(by: &Client, code: &str) -> String {
    let roles = by.get("/roles?limit=100").send().await.expect(200);
    let roles = roles.data().as_array().unwrap();
    let found = roles.iter().find(|role| role["code"] == code).unwrap();
    found["id"].as_str().unwrap().to_owned()
}

/// The id of the permission with the code.
pub(crate) async fn permission_id(by: &Client, code: &str) -> String {
    let listed = by.get("/permissions?limit=100").send().await.expect(200);
    let permissions = listed.data().as_array().unwrap();
    let found = permissions
        .iter()
        .find(|permission| permission["code"] == code)
        .unwrap();
    found["id"].as_str().unwrap().to_owned()
}

/// The status of asking to go on with a permission on an object.
pub(crate) async fn may(who: &Client, permission: &str, object: Value) -> u16 {
    let body = json!({ "permission": permission, "context": object });
    who.post("/access/require").json(&body).send().await.status.as_u16()
}
