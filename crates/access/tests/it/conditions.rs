//! Grants under a condition: read when they are made, applied to lists in SQL and to single objects before and after a change.

use futures_util::future::join_all;
use serde_json::{Value, json};
use testkit::Reply;

use crate::start;
use crate::world::{Bakery, assign, bakery, grant, role};

fn codes(reply: &Reply) -> Vec<&str> {
    let objects = reply.data().as_array().unwrap();
    objects.iter().map(|object| object["code"].as_str().unwrap()).collect()
}

testkit::behaviours! {
    with start;

    async fn bad_conditions_are_refused_where_they_are_wrong(app: TestApp) {
        let Bakery { boss, .. } = bakery(&app).await;
        let clerk = role(&boss.client, "CLERK", &[]).await;
        let mut deep = json!({ "a": 1 });
        for _ in 0..50 {
            deep = json!({ "$and": [deep] });
        }
        for (condition, place) in [
            (json!({ "amount": { "$regex": "^a" } }), "conditions.amount.$regex"),
            (json!({ "amount": { "$like": 1 } }), "conditions.amount.$like"),
            (json!({ "$or": [{ "a": 1 }, { "owner": "${user.password}" }] }), "conditions.$or[1].owner"),
            (json!({ "amount": { "$lte": [1] } }), "conditions.amount.$lte"),
            (json!({ "amount": null }), "conditions.amount"),
            (json!([]), "conditions"),
            (json!({ "note": "x".repeat(100_000) }), "conditions"),
            (deep, "conditions"),
        ] {
            let refused = grant(&boss.client, &clerk, "FINANCE_INVOICE_READ", &condition).await.expect(400);
            let problems = refused.problems();
            assert!(problems.iter().all(|problem| problem.starts_with(place)) && !problems.is_empty(), "{problems:?}");
        }
        // Of this context's own objects the fields are known.
        let refused = grant(&boss.client, &clerk, "RBAC_ROLE_READ", &json!({ "amount": 1 })).await.expect(400);
        assert_eq!(refused.problems(), ["conditions.amount: UNKNOWN_FIELD"]);
        let listed = boss.client.get(&format!("/roles/{clerk}/permissions")).send().await.expect(200);
        assert_eq!(listed.meta()["total"], 0);
    }

    async fn a_grant_is_named_by_id_or_code_and_replaced_when_repeated(app: TestApp) {
        let Bakery { boss, .. } = bakery(&app).await;
        let clerk = role(&boss.client, "CLERK", &[]).await;
        let path = format!("/roles/{clerk}/permissions");
        let made = grant(&boss.client, &clerk, "FINANCE_INVOICE_READ", &json!({ "amount": 1 })).await.expect(201);
        let permission = made.data()["permissionId"].as_str().unwrap().to_owned();
        assert_eq!(made.header("location"), format!("/api/v1{path}/{permission}"));
        let body = json!({ "permissionId": permission, "conditions": {} });
        let again = boss.client.post(&path).json(&body).send().await.expect(200);
        assert_eq!(again.data()["conditions"], Value::Null, "an empty condition is none");
        let listed = boss.client.get(&path).send().await.expect(200);
        assert_eq!((&listed.data()[0], &listed.meta()["total"]), (again.data(), &json!(1)));
        for (body, code) in [
            (json!({ "permissionCode": "NOT_THERE" }), "permissionCode: UNKNOWN_CODE"),
            (json!({}), "permissionId: REQUIRED"),
            (json!({ "permissionId": permission, "permissionCode": "X" }), "permissionCode: INVALID"),
        ] {
            assert_eq!(boss.client.post(&path).json(&body).send().await.expect(400).problems(), [code]);
        }
        let body = json!({ "permissionId": clerk });
        boss.client.post(&path).json(&body).send().await.refused(404, "NOT_FOUND");
        let granted = format!("{path}/{permission}");
        boss.client.delete(&granted).send().await.expect(204);
        boss.client.delete(&granted).send().await.refused(404, "NOT_FOUND");
    }

    async fn a_list_shows_what_the_condition_reaches_with_its_exact_total(app: TestApp) {
        let Bakery { id, boss } = bakery(&app).await;
        let ana = app.member(id, None).await;
        let condition = json!({ "isSystem": false, "code": { "$in": ["A", "AB", "ABC", "LIMITED"] } });
        let limited = role(&boss.client, "LIMITED", &[("RBAC_ROLE_READ", condition)]).await;
        assign(&boss.client, &ana, &limited).await.expect(201);
        for code in ["AB", "ABC", "ABCD", "ABCDE"] {
            role(&boss.client, code, &[]).await;
        }
        let listed = ana.client.get("/roles?sort=code").send().await.expect(200);
        assert_eq!((codes(&listed), &listed.meta()["total"]), (vec!["AB", "ABC", "LIMITED"], &json!(3)));
        let page = ana.client.get("/roles?sort=code&limit=2").send().await.expect(200);
        assert_eq!((codes(&page), &page.meta()["total"]), (vec!["AB", "ABC"], &json!(3)));
        let next = page.meta()["nextCursor"].as_str().unwrap();
        let rest = ana.client.get(&format!("/roles?sort=code&limit=2&cursor={next}")).send().await.expect(200);
        assert_eq!((codes(&rest), &rest.meta()["total"]), (vec!["LIMITED"], &json!(3)));
        let searched = ana.client.get("/roles?q=abc").send().await.expect(200);
        assert_eq!((codes(&searched), &searched.meta()["total"]), (vec!["ABC"], &json!(1)));

        let all = boss.client.get("/roles?limit=100").send().await.expect(200);
        for role in all.data().as_array().unwrap() {
            let path = format!("/roles/{}", role["id"].as_str().unwrap());
            let reached = codes(&listed).contains(&role["code"].as_str().unwrap());
            let expected = if reached { 200 } else { 403 };
            for below in ["", "/permissions", "/inheritance"] {
                let reply = ana.client.get(&format!("{path}{below}")).send().await.expect(expected);
                if !reached {
                    assert_eq!(reply.json["error"]["details"]["step"], "condition");
                }
            }
        }
        ana.client.get("/roles/01932f5c-9c5e-7cc3-9d4e-3b2f6a1e8d40").send().await.refused(404, "NOT_FOUND");
    }

    async fn a_change_must_satisfy_it_before_and_after(app: TestApp) {
        let Bakery { id, boss } = bakery(&app).await;
        let ana = app.member(id, None).await;
        let condition = json!({ "name": { "$in": ["Draft", "Sketch"] } });
        let permissions = ["RBAC_GROUP_CREATE", "RBAC_GROUP_UPDATE", "RBAC_GROUP_DELETE", "RBAC_GROUP_READ"];
        let permissions: Vec<_> = permissions.iter().map(|code| (*code, condition.clone())).collect();
        let limited = role(&boss.client, "LIMITED", &permissions).await;
        assign(&boss.client, &ana, &limited).await.expect(201);
        let create = |name: &str| ana.client.post("/groups").json(&json!({ "name": name })).send();
        create("Final").await.refused(403, "RBAC_FORBIDDEN");
        let draft = format!("/groups/{}", create("Draft").await.expect(201).id());
        let rename = |name: &str| ana.client.patch(&draft).json(&json!({ "name": name })).send();
        rename("Sketch").await.expect(200);
        let refused = rename("Final").await.refused(403, "RBAC_FORBIDDEN");
        let details = &refused.json["error"]["details"];
        assert_eq!((&details["permission"], &details["step"]), (&json!("RBAC_GROUP_UPDATE"), &json!("condition")));
        assert_eq!(details["path"]["steps"][0]["code"], "LIMITED");
        assert_eq!(details["path"]["conditions"], condition);
        assert_eq!(ana.client.get(&draft).send().await.expect(200).data()["name"], "Sketch", "the refused change left nothing");
        boss.client.patch(&draft).json(&json!({ "name": "Final" })).send().await.expect(200);
        rename("Sketch").await.refused(403, "RBAC_FORBIDDEN");
        ana.client.put(&format!("{draft}/members/{}", ana.id)).send().await.refused(403, "RBAC_FORBIDDEN");
        ana.client.delete(&draft).send().await.refused(403, "RBAC_FORBIDDEN");
        ana.client.get(&draft).send().await.refused(403, "RBAC_FORBIDDEN");
        boss.client.patch(&draft).json(&json!({ "name": "Draft" })).send().await.expect(200);
        ana.client.delete(&draft).send().await.expect(204);
    }

    async fn where_nobody_applies_it_a_conditional_grant_is_refused(app: TestApp) {
        let Bakery { id, boss } = bakery(&app).await;
        let ana = app.member(id, None).await;
        let conditional = [
            ("AUDIT_LOG_READ", json!({ "actorId": "${user.id}" })),
            ("RBAC_USER_ROLE_READ", json!({ "userId": "${user.id}" })),
        ];
        let limited = role(&boss.client, "LIMITED", &conditional).await;
        assign(&boss.client, &ana, &limited).await.expect(201);
        let refused = ana.client.get("/audit-logs").send().await.refused(403, "RBAC_FORBIDDEN");
        assert_eq!(refused.json["error"]["details"]["step"], "condition");
        assert_eq!(refused.json["error"]["details"]["path"]["steps"][0]["code"], "LIMITED");
        // What all grants together come to is not an object that a condition could be about.
        for about in [ana.id, boss.id] {
            ana.client.get(&format!("/users/{about}/permissions")).send().await.refused(403, "RBAC_FORBIDDEN");
        }
        let body = json!({ "userId": boss.id.to_string(), "permission": "AUDIT_LOG_READ" });
        ana.client.post("/access/check").json(&body).send().await.refused(403, "RBAC_FORBIDDEN");
    }

    async fn the_roles_of_users_are_seen_granted_and_taken_within_a_condition(app: TestApp) {
        let Bakery { id, boss } = bakery(&app).await;
        let (ana, bia) = (app.member(id, None).await, app.member(id, None).await);
        let [baker, seller] = ["BAKER", "SELLER"].map(|code| role(&boss.client, code, &[]));
        let (baker, seller) = (baker.await, seller.await);
        for (field, code) in [
            (json!({ "user": 1 }), "conditions.user: UNKNOWN_FIELD"),
            (json!({ "role.id": "BAKER" }), "conditions.role.id: INVALID_FORMAT"),
        ] {
            let refused = grant(&boss.client, &baker, "RBAC_USER_ROLE_READ", &field).await.expect(400);
            assert_eq!(refused.problems(), [code]);
        }
        let bakers = json!({ "role.code": "BAKER", "userId": { "$ne": "${user.id}" }, "expiresAt": { "$exists": true } });
        let conditional = [
            ("RBAC_USER_ROLE_ASSIGN", bakers.clone()),
            ("RBAC_USER_ROLE_REVOKE", json!({ "assignedBy.id": "${user.id}" })),
            ("RBAC_USER_ROLE_READ", json!({ "role.code": { "$in": ["BAKER", "LIMITED"] }, "role.isSystem": false })),
        ];
        let limited = role(&boss.client, "LIMITED", &conditional).await;
        assign(&boss.client, &ana, &limited).await.expect(201);

        let end = "2026-12-31T00:00:00Z";
        let give = |user: &testkit::Member, role: &str, end: Value| {
            let body = json!({ "roleId": role, "expiresAt": end });
            ana.client.post(&format!("/users/{}/roles", user.id)).json(&body).send()
        };
        give(&bia, &baker, Value::Null).await.refused(403, "RBAC_FORBIDDEN");
        give(&bia, &seller, json!(end)).await.refused(403, "RBAC_FORBIDDEN");
        give(&ana, &baker, json!(end)).await.refused(403, "RBAC_FORBIDDEN");
        give(&bia, &baker, json!(end)).await.expect(201);
        assign(&boss.client, &bia, &seller).await.expect(201);

        let seen = |user: &testkit::Member| ana.client.get(&format!("/users/{}/roles", user.id)).send();
        let codes = |reply: &Reply| -> Vec<String> {
            let granted = reply.data().as_array().unwrap().iter();
            granted.map(|granted| granted["role"]["code"].as_str().unwrap().to_owned()).collect()
        };
        let hers = seen(&bia).await.expect(200);
        assert_eq!((codes(&hers), &hers.meta()["total"]), (vec!["BAKER".to_owned()], &json!(1)));
        let own = seen(&ana).await.expect(200);
        assert_eq!((codes(&own), &own.meta()["total"]), (vec!["LIMITED".to_owned()], &json!(1)));
        assert_eq!(seen(&boss).await.expect(200).meta()["total"], 0);

        let take = |role: &str| ana.client.delete(&format!("/users/{}/roles/{role}", bia.id)).send();
        take(&seller).await.refused(403, "RBAC_FORBIDDEN");
        take(&baker).await.expect(204);
        take(&baker).await.refused(404, "NOT_FOUND");
        let left = boss.client.get(&format!("/users/{}/roles", bia.id)).send().await.expect(200);
        assert_eq!(codes(&left), ["SELLER"], "what was refused left everything as it was");
    }

    async fn a_condition_may_ask_for_the_organization_and_the_address(app: TestApp) {
        let Bakery { id, boss } = bakery(&app).await;
        let ana = app.member(id, None).await;
        let own = json!({ "organizationId": "${organization.id}" });
        let about = json!({ "owner": { "email": "x" } });
        let limited = role(&boss.client, "LIMITED", &[("RBAC_ROLE_READ", own)]).await;
        grant(&boss.client, &limited, "FINANCE_INVOICE_READ", &json!({ "owner.email": "${user.email}" })).await.expect(201);
        assign(&boss.client, &ana, &limited).await.expect(201);
        let listed = ana.client.get("/roles?limit=100").send().await.expect(200);
        assert!(listed.data().as_array().unwrap().iter().all(|role| role["organizationId"] == id.to_string()));
        assert!(codes(&listed).contains(&"LIMITED"));
        assert_eq!(crate::world::may(&ana.client, "FINANCE_INVOICE_READ", about).await, 403);
        let hers = json!({ "owner": { "email": ana.email }, "organizationId": id.to_string() });
        assert_eq!(crate::world::may(&ana.client, "FINANCE_INVOICE_READ", hers).await, 204);
    }

    async fn of_the_same_grant_made_at_once_one_is_new(app: TestApp) {
        let Bakery { id, boss } = bakery(&app).await;
        let ana = app.member(id, None).await;
        let clerk = role(&boss.client, "CLERK", &[]).await;
        let all = Value::Null;
        let grants = (0..8).map(|_| grant(&boss.client, &clerk, "FINANCE_INVOICE_READ", &all));
        let mut statuses: Vec<_> = join_all(grants).await.iter().map(|reply| reply.status.as_u16()).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 200, 200, 200, 200, 200, 200, 201]);
        let assigned = join_all((0..8).map(|_| assign(&boss.client, &ana, &clerk))).await;
        let made = assigned.iter().filter(|reply| reply.status.as_u16() == 201).count();
        let taken = assigned.iter().filter(|reply| reply.code() == "CONFLICT_DUPLICATE").count();
        assert_eq!((made, taken), (1, 7));
    }
}
