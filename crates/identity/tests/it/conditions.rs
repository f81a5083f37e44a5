//! Grants on users under a condition: lists in SQL with exact totals, single users before they are seen, changes before and after.

use kernel::OrganizationId;
use serde_json::{Value, json};
use testkit::{Client, Member, Reply, TestApp};

use crate::governed;
use crate::people::{PASSWORD, login, user};
use crate::settings::mailed_token;

/// A member who holds these permissions under this condition, and the role by which.
async fn limited(
    app: &TestApp,
    boss: &Client,
    organization: OrganizationId,
    permissions: &[&str],
    condition: &Value,
) -> (Member, String) {
    let member = app.member(organization, None).await;
    let body = json!({ "name": "Limited", "code": "LIMITED" });
    let role = boss.post("/roles").json(&body).send().await.expect(201).id();
    regrant(boss, &role, permissions, condition).await;
    let body = json!({ "roleId": role });
    let path = format!("/users/{}/roles", member.id);
    boss.post(&path).json(&body).send().await.expect(201);
    (member, role)
}

/// Grants the permissions to the role under this condition instead of the one before.
async fn regrant(boss: &Client, role: &str, permissions: &[&str], condition: &Value) {
    for permission in permissions {
        let body = json!({ "permissionCode": permission, "conditions": condition });
        let reply = boss
            .post(&format!("/roles/{role}/permissions"))
            .json(&body)
            .send()
            .await;
        assert!(reply.status.is_success(), "{condition}: {}", reply.json);
    }
}

fn emails(reply: &Reply) -> Vec<&str> {
    let users = reply.data().as_array().unwrap().iter();
    users.map(|user| user["email"].as_str().unwrap()).collect()
}

/// Conditions on every field of a user, with every operator, on values that are there and that are not.
fn conditions() -> Vec<Value> {
    let mut conditions = vec![
        json!({ "id": "${user.id}" }),
        json!({ "id": { "$nin": ["${user.id}", "01932f5c-9c5e-7cc3-9d4e-3b2f6a1e8d40"] } }),
        json!({ "organizationId": "${organization.id}" }),
        json!({ "organizationId": { "$ne": "${organization.id}" } }),
        json!({ "email": "${user.email}" }),
        json!({ "email": { "$gte": "b", "$lt": "d" } }),
        json!({ "name": { "$in": ["Ana Souza", "Álvaro"] } }),
        json!({ "name": { "$not": { "$gt": "B" } } }),
        json!({ "name": { "$ne": "Ana Souza" } }),
        json!({ "createdAt": { "$lte": "${now}" } }),
        json!({ "createdAt": { "$gt": "${now}" } }),
        json!({ "updatedAt": { "$gt": "2026-11-21T12:00:00Z" } }),
        json!({ "lastLoginAt": { "$lt": "${now}" } }),
        json!({ "lastLoginAt": { "$not": { "$lt": "${now}" } } }),
        json!({ "$or": [{ "name": "Bia Lima" }, { "email": "a@example.com", "isActive": true }] }),
        json!({ "$not": { "$and": [{ "isActive": true }, { "lastLoginAt": { "$exists": true } }] } }),
        json!({ "$or": [{ "isActive": false }, { "mfaEnabled": { "$in": [true] } }] }),
    ];
    for field in ["isActive", "emailVerified", "mfaEnabled"] {
        conditions.extend([json!({ field: true }), json!({ field: { "$ne": true } })]);
    }
    for field in ["lastLoginAt", "createdAt", "email"] {
        conditions.extend([true, false].map(|there| json!({ field: { "$exists": there } })));
    }
    conditions
}

testkit::behaviours! {
    with governed;

    async fn row_by_row_and_in_sql_the_same_users_are_reached(app: TestApp) {
        let mine = app.organization("padaria").await;
        let boss = app.member(mine, Some("ORG_ADMIN")).await.client;
        for email in ["a@example.com", "b@example.com", "c@example.com", "d@example.com"] {
            let made = user(&app, mine, email).await;
            app.clock().advance(std::time::Duration::from_secs(60));
            match email {
                "a@example.com" => {
                    let path = format!("/users/{}", made.id);
                    boss.patch(&path).json(&json!({ "name": "Álvaro" })).send().await.expect(200);
                }
                "b@example.com" => {
                    boss.delete(&format!("/users/{}", made.id)).send().await.expect(204);
                }
                "c@example.com" => {
                    login(&app, "padaria", email).await;
                }
                _ => {}
            }
        }
        let (ana, role) = limited(&app, &boss, mine, &["IDENTITY_USER_READ"], &json!({ "isActive": true })).await;
        let everybody = boss.get("/users?limit=100").send().await.expect(200).data().as_array().unwrap().clone();
        let (mut reached_in_all, mut out_of_reach) = (0, 0);
        for condition in conditions() {
            regrant(&boss, &role, &["IDENTITY_USER_READ"], &condition).await;
            let listed = ana.client.get("/users?limit=100&sort=email").send().await.expect(200);
            let mut one_by_one = Vec::new();
            for user in &everybody {
                let reply = ana.client.get(&format!("/users/{}", user["id"].as_str().unwrap())).send().await;
                match reply.status.as_u16() {
                    200 => one_by_one.push(user["email"].as_str().unwrap()),
                    _ => {
                        let refused = reply.refused(403, "RBAC_FORBIDDEN");
                        assert_eq!(refused.json["error"]["details"]["step"], "condition");
                        out_of_reach += 1;
                    }
                }
            }
            one_by_one.sort_unstable();
            assert_eq!(emails(&listed), one_by_one, "{condition}");
            assert_eq!(listed.meta()["total"], one_by_one.len(), "{condition}");
            reached_in_all += one_by_one.len();
            // A page has the total of all pages.
            let page = ana.client.get("/users?limit=1&sort=email").send().await.expect(200);
            assert_eq!(page.meta()["total"], one_by_one.len(), "{condition}");
        }
        assert!(reached_in_all > 30 && out_of_reach > 30, "{reached_in_all} reached, {out_of_reach} not");
    }

    async fn a_condition_on_users_names_their_fields(app: TestApp) {
        let mine = app.organization("padaria").await;
        let boss = app.member(mine, Some("ORG_ADMIN")).await.client;
        let role = boss.post("/roles").json(&json!({ "name": "Any", "code": "ANY" })).send().await.expect(201).id();
        for (condition, problem) in [
            (json!({ "password": "x" }), "conditions.password: UNKNOWN_FIELD"),
            (json!({ "isActive": "yes" }), "conditions.isActive: INVALID_TYPE"),
            (json!({ "$or": [{ "id": { "$lt": "${user.id}" } }] }), "conditions.$or[0].id.$lt: NOT_ALLOWED"),
        ] {
            let body = json!({ "permissionCode": "IDENTITY_USER_UPDATE", "conditions": condition });
            let refused = boss.post(&format!("/roles/{role}/permissions")).json(&body).send().await.expect(400);
            assert_eq!(refused.problems(), [problem]);
        }
    }

    async fn a_user_is_changed_within_the_condition_before_and_after(app: TestApp) {
        let mine = app.organization("padaria").await;
        let boss = app.member(mine, Some("ORG_ADMIN")).await.client;
        let bia = user(&app, mine, "bia@example.com").await;
        let permissions = ["IDENTITY_USER_UPDATE", "IDENTITY_USER_READ"];
        let reachable = json!({ "name": { "$in": ["Ana Souza", "Draft"] }, "email": { "$lt": "c" } });
        let (ana, role) = limited(&app, &boss, mine, &permissions, &reachable).await;
        let path = format!("/users/{}", bia.id);
        let patch = |change: Value| ana.client.patch(&path).json(&change).send();
        patch(json!({ "name": "Draft" })).await.expect(200);
        patch(json!({ "name": "Final" })).await.refused(403, "RBAC_FORBIDDEN");
        assert_eq!(ana.client.get(&path).send().await.expect(200).data()["name"], "Draft", "what was refused left nothing");
        // Another address is a wish that its owner confirms, without anybody being asked again.
        patch(json!({ "email": "zoe@example.com" })).await.refused(403, "RBAC_FORBIDDEN");
        patch(json!({ "email": "bea@example.com" })).await.expect(200);
        boss.patch(&path).json(&json!({ "name": "Final" })).send().await.expect(200);
        patch(json!({ "name": "Draft" })).await.refused(403, "RBAC_FORBIDDEN");
        for act in ["unlock", "mfa/reset", "activate"] {
            ana.client.post(&format!("{path}/{act}")).send().await.refused(403, "RBAC_FORBIDDEN");
        }
        ana.client.get(&path).send().await.refused(403, "RBAC_FORBIDDEN");
        ana.client.get("/users/01932f5c-9c5e-7cc3-9d4e-3b2f6a1e8d40").send().await.refused(404, "NOT_FOUND");

        // Whoever may change inactive users alone cannot make them active: after it they are out of reach.
        boss.delete(&path).send().await.expect(204);
        regrant(&boss, &role, &permissions, &json!({ "isActive": false })).await;
        patch(json!({ "name": "Draft" })).await.expect(200);
        ana.client.post(&format!("{path}/activate")).send().await.refused(403, "RBAC_FORBIDDEN");
        regrant(&boss, &role, &permissions, &json!({ "name": "Draft" })).await;
        ana.client.post(&format!("{path}/activate")).send().await.expect(200);
    }

    async fn a_user_is_deactivated_where_the_condition_holds(app: TestApp) {
        let mine = app.organization("padaria").await;
        let boss = app.member(mine, Some("ORG_ADMIN")).await.client;
        let (bia, caio) = (user(&app, mine, "bia@example.com").await, user(&app, mine, "caio@example.com").await);
        let condition = json!({ "email": "bia@example.com" });
        let (ana, _) = limited(&app, &boss, mine, &["IDENTITY_USER_DELETE"], &condition).await;
        ana.client.delete(&format!("/users/{}", caio.id)).send().await.refused(403, "RBAC_FORBIDDEN");
        ana.client.delete(&format!("/users/{}", bia.id)).send().await.expect(204);
        let active = boss.get("/users?isActive=true&q=example.com").send().await.expect(200);
        assert!(emails(&active).contains(&"caio@example.com") && !emails(&active).contains(&"bia@example.com"));
    }

    async fn a_user_is_made_within_the_condition(app: TestApp) {
        let mine = app.organization("padaria").await;
        let boss = app.member(mine, Some("ORG_ADMIN")).await.client;
        let condition = json!({ "email": { "$gte": "m", "$lt": "n" }, "name": { "$ne": "Boss" } });
        let (ana, _) = limited(&app, &boss, mine, &["IDENTITY_USER_CREATE"], &condition).await;
        let make = |name: &str, email: &str| {
            let body = json!({ "name": name, "email": email, "password": PASSWORD });
            ana.client.post("/users").json(&body).send()
        };
        make("Bia Lima", "bia@example.com").await.refused(403, "RBAC_FORBIDDEN");
        make("Boss", "max@example.com").await.refused(403, "RBAC_FORBIDDEN");
        make("Max Lima", "max@example.com").await.expect(201);
        assert_eq!(boss.get("/users?q=bia@example").send().await.expect(200).meta()["total"], 0);
    }

    async fn an_invitation_is_the_user_that_it_makes(app: TestApp) {
        let mine = app.organization("padaria").await;
        let boss = app.member(mine, Some("ORG_ADMIN")).await.client;
        let condition = json!({ "email": { "$gte": "m", "$lt": "n" }, "name": { "$ne": "Boss" }, "isActive": true });
        let (ana, role) = limited(&app, &boss, mine, &["IDENTITY_USER_CREATE"], &condition).await;
        let invite = |by: &Client, email: &str| by.post("/users/invitations").json(&json!({ "email": email })).send();
        invite(&ana.client, "bia@example.com").await.refused(403, "RBAC_FORBIDDEN");
        invite(&ana.client, "max@example.com").await.expect(201);
        let mia = invite(&ana.client, "mia@example.com").await.expect(201).id();
        let bia = invite(&boss, "bia@example.com").await.expect(201).id();

        let listed = ana.client.get("/users/invitations?sort=email").send().await.expect(200);
        assert_eq!((emails(&listed), &listed.meta()["total"]), (vec!["max@example.com", "mia@example.com"], &json!(2)));
        let resend = |id: &str| ana.client.post(&format!("/users/invitations/{id}/resend")).send();
        resend(&bia).await.refused(403, "RBAC_FORBIDDEN");
        ana.client.delete(&format!("/users/invitations/{bia}")).send().await.refused(403, "RBAC_FORBIDDEN");
        resend(&mia).await.expect(200);
        ana.client.delete(&format!("/users/invitations/{mia}")).send().await.expect(204);

        // What was not known of the user then is looked at when somebody comes in, by what the inviter holds now.
        let token = mailed_token(&app, "max@example.com").await;
        let accept = |name: &str| {
            let body = json!({ "token": token, "name": name, "password": PASSWORD });
            app.nobody().post("/auth/invitations/accept").json(&body).send()
        };
        accept("Boss").await.refused(403, "RBAC_ESCALATION");
        regrant(&boss, &role, &["IDENTITY_USER_CREATE"], &json!({ "email": "${user.email}" })).await;
        accept("Max Lima").await.refused(403, "RBAC_ESCALATION");
        regrant(&boss, &role, &["IDENTITY_USER_CREATE"], &condition).await;
        let made = accept("Max Lima").await.expect(201);
        assert_eq!(made.data()["email"], "max@example.com");
    }

    async fn keys_are_reached_by_whoever_made_them(app: TestApp) {
        let mine = app.organization("padaria").await;
        let boss = app.member(mine, Some("ORG_ADMIN")).await.client;
        let permissions = ["READ", "CREATE", "UPDATE", "DELETE"].map(|action| format!("IDENTITY_API_KEY_{action}"));
        let permissions: Vec<&str> = permissions.iter().map(String::as_str).collect();
        let condition = json!({ "createdBy.id": "${user.id}", "expiresAt": { "$lt": "2027-01-01T00:00:00Z" } });
        let (ana, _) = limited(&app, &boss, mine, &permissions, &condition).await;
        let make = |by: &Client, name: &str, end: Value| {
            let body = json!({ "name": name, "permissions": [], "expiresAt": end });
            by.post("/api-keys").json(&body).send()
        };
        let (soon, late) = (json!("2026-12-01T00:00:00Z"), json!("2027-12-01T00:00:00Z"));
        make(&ana.client, "For ever", Value::Null).await.refused(403, "RBAC_FORBIDDEN");
        make(&ana.client, "Too long", late.clone()).await.refused(403, "RBAC_FORBIDDEN");
        let own = format!("/api-keys/{}", make(&ana.client, "Own", soon.clone()).await.expect(201).id());
        let other = format!("/api-keys/{}", make(&boss, "Other", soon).await.expect(201).id());

        let listed = ana.client.get("/api-keys").send().await.expect(200);
        assert_eq!((&listed.data()[0]["name"], &listed.meta()["total"]), (&json!("Own"), &json!(1)));
        ana.client.get(&own).send().await.expect(200);
        for path in [&other, &format!("{other}/rotate")] {
            let reply = match path == &other {
                true => ana.client.get(path).send().await,
                false => ana.client.post(path).send().await,
            };
            reply.refused(403, "RBAC_FORBIDDEN");
        }
        let change = |path: &str, change: Value| ana.client.patch(path).json(&change).send();
        change(&other, json!({ "name": "Mine" })).await.refused(403, "RBAC_FORBIDDEN");
        change(&own, json!({ "expiresAt": late })).await.refused(403, "RBAC_FORBIDDEN");
        change(&own, json!({ "name": "Till" })).await.expect(200);
        ana.client.post(&format!("{own}/rotate")).send().await.expect(200);
        ana.client.delete(&other).send().await.refused(403, "RBAC_FORBIDDEN");
        ana.client.delete(&own).send().await.expect(204);
    }

    async fn service_accounts_are_reached_within_the_condition(app: TestApp) {
        let mine = app.organization("padaria").await;
        let boss = app.member(mine, Some("ORG_ADMIN")).await.client;
        let permissions = ["READ", "CREATE", "UPDATE", "DELETE"].map(|action| format!("IDENTITY_SERVICE_ACCOUNT_{action}"));
        let permissions: Vec<&str> = permissions.iter().map(String::as_str).collect();
        let (ana, role) = limited(&app, &boss, mine, &permissions, &json!({ "name": { "$in": ["Importer", "Till"] } })).await;
        let make = |by: &Client, name: &str| by.post("/service-accounts").json(&json!({ "name": name, "permissions": [] })).send();
        make(&ana.client, "Root").await.refused(403, "RBAC_FORBIDDEN");
        let importer = format!("/service-accounts/{}", make(&ana.client, "Importer").await.expect(201).id());
        let root = format!("/service-accounts/{}", make(&boss, "Root").await.expect(201).id());
        let listed = ana.client.get("/service-accounts").send().await.expect(200);
        assert_eq!((&listed.data()[0]["name"], &listed.meta()["total"]), (&json!("Importer"), &json!(1)));
        ana.client.get(&root).send().await.refused(403, "RBAC_FORBIDDEN");
        ana.client.post(&format!("{root}/rotate-secret")).send().await.refused(403, "RBAC_FORBIDDEN");
        ana.client.delete(&root).send().await.refused(403, "RBAC_FORBIDDEN");
        ana.client.get(&importer).send().await.expect(200);
        ana.client.post(&format!("{importer}/rotate-secret")).send().await.expect(200);
        ana.client.delete(&importer).send().await.expect(204);
        regrant(&boss, &role, &["IDENTITY_SERVICE_ACCOUNT_READ"], &json!({ "isActive": true })).await;
        let active = ana.client.get("/service-accounts").send().await.expect(200);
        assert_eq!((&active.data()[0]["name"], &active.meta()["total"]), (&json!("Root"), &json!(1)));
        ana.client.get(&importer).send().await.refused(403, "RBAC_FORBIDDEN");
    }
}
