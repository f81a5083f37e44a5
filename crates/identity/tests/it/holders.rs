//! People who hold just what a test wants them to.

use kernel::OrganizationId;
use serde_json::json;
use testkit::{Client, Member, TestApp};

/// A member of the organization who holds these permissions by a role of its own, which `boss` grants.
pub(crate) async fn holder(app: &TestApp, boss: &Client, organization: OrganizationId, permissions: &[&str]) -> Member {
    let member = app.member(organization, None).await;
    let code = format!("ROLE_{}", member.id.to_string().replace('-', "").to_uppercase());
    let role = boss
        .post("/roles")
        .json(&json!({ "name": "Some", "code": code }))
        .send()
        .await
        .expect(201)
        .id();
    for permission in permissions {
        let body = json!({ "permissionCode": permission });
        boss.post(&format!("/roles/{role}/permissions"))
            .json(&body)
            .send()
            .await
            .expect(201);
    }
    let body = json!({ "roleId": role });
    boss.post(&format!("/users/{}/roles", member.id))
        .json(&body)
        .send()
        .await
        .expect(201);
    member
}

/// Takes the only role of a member away again.
pub(crate) async fn strip(boss: &Client, member: &Member) {
    let path = format!("/users/{}/roles", member.id);
    let roles = boss.get(&path).send().await.expect(200);
    let role = roles.data()[0]["role"]["id"].as_str().unwrap().to_owned();
    boss.delete(&format!("{path}/{role}")).send().await.expect(204);
}
