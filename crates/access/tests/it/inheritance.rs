//! Inheritance: any depth, diamonds, and no cycle, however many try at once.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::start;
use crate::world::{Bakery, assign, bakery, grant, inherit, may, role, role_id};

testkit::behaviours! {
    with start;

    async fn a_role_shows_what_it_inherits_and_comes_to(app: TestApp) {
        let Bakery { boss, .. } = bakery(&app).await;
        let parent = role(&boss.client, "PARENT", &[("FINANCE_INVOICE_READ", Value::Null)]).await;
        let child = role(&boss.client, "CHILD", &[("FINANCE_INVOICE_CREATE", Value::Null)]).await;
        let made = inherit(&boss.client, &child, &parent).await.expect(201);
        assert_eq!(made.header("location"), format!("/api/v1/roles/{child}/parents/{parent}"));
        assert_eq!(made.data()["parent"]["code"], "PARENT");
        let shown = boss.client.get(&format!("/roles/{child}/inheritance")).send().await.expect(200);
        assert_eq!(shown.data()["parents"][0]["id"], parent);
        assert_eq!(shown.data()["children"], json!([]));
        let effective = shown.data()["effectivePermissions"].as_array().unwrap();
        let codes: Vec<_> = effective.iter().map(|held| held["code"].as_str().unwrap()).collect();
        assert_eq!(codes.len(), 2);
        let inherited = effective.iter().find(|held| held["code"] == "FINANCE_INVOICE_READ").unwrap();
        assert_eq!(
            inherited["paths"],
            json!([{ "via": "role", "steps": [
                { "type": "role", "id": child, "code": "CHILD" },
                { "type": "role", "id": parent, "code": "PARENT" },
            ] }])
        );
        let shown = boss.client.get(&format!("/roles/{parent}/inheritance")).send().await.expect(200);
        assert_eq!(shown.data()["children"][0]["id"], child);

        inherit(&boss.client, &child, &parent).await.refused(409, "CONFLICT_DUPLICATE");
        let edge = format!("/roles/{child}/parents/{parent}");
        boss.client.delete(&edge).send().await.expect(204);
        boss.client.delete(&edge).send().await.refused(404, "NOT_FOUND");
    }

    async fn what_lies_deep_is_inherited_too(app: TestApp) {
        let Bakery { id, boss } = bakery(&app).await;
        let ana = app.member(id, None).await;
        let top = role(&boss.client, "LEVEL_0", &[("FINANCE_INVOICE_READ", Value::Null)]).await;
        let mut below = top.clone();
        for level in 1..=12 {
            let next = role(&boss.client, &format!("LEVEL_{level}"), &[]).await;
            inherit(&boss.client, &next, &below).await.expect(201);
            below = next;
        }
        // And a second way, around the middle.
        inherit(&boss.client, &below, &top).await.expect(201);
        assign(&boss.client, &ana, &below).await.expect(201);
        assert_eq!(may(&ana.client, "FINANCE_INVOICE_READ", json!({})).await, 204);
        let closing = inherit(&boss.client, &top, &below).await.refused(409, "CONFLICT_CYCLE");
        assert!(closing.json["error"]["details"]["path"].as_array().unwrap().len() >= 2);
        boss.client.delete(&format!("/roles/{top}")).send().await.expect(204);
        assert_eq!(may(&ana.client, "FINANCE_INVOICE_READ", json!({})).await, 403);
    }

    async fn of_a_ring_inserted_at_once_one_edge_is_refused(app: TestApp) {
        let Bakery { boss, .. } = bakery(&app).await;
        let mut roles = Vec::new();
        for number in 0..20 {
            roles.push(role(&boss.client, &format!("RING_{number}"), &[]).await);
        }
        let edges = (0..20).map(|number| inherit(&boss.client, &roles[number], &roles[(number + 1) % 20]));
        let replies = join_all(edges).await;
        let made = replies.iter().filter(|reply| reply.status.as_u16() == 201).count();
        let cycles = replies.iter().filter(|reply| reply.code() == "CONFLICT_CYCLE").count();
        assert_eq!((made, cycles), (19, 1));
    }

    async fn no_role_inherits_from_itself(app: TestApp) {
        let Bakery { boss, .. } = bakery(&app).await;
        let one = role(&boss.client, "ONE", &[]).await;
        inherit(&boss.client, &one, &one).await.refused(409, "CONFLICT_CYCLE");
    }

    async fn system_roles_inherit_from_nothing_and_a_module_manager_is_no_parent(app: TestApp) {
        let Bakery { boss, .. } = bakery(&app).await;
        let one = role(&boss.client, "ONE", &[]).await;
        let viewer = role_id(&boss.client, "VIEWER").await;
        let manager = role_id(&boss.client, "MODULE_MANAGER").await;
        inherit(&boss.client, &viewer, &one).await.refused(403, "RBAC_SYSTEM_ROLE_IMMUTABLE");
        grant(&boss.client, &viewer, "FINANCE_INVOICE_READ", &Value::Null).await.refused(403, "RBAC_SYSTEM_ROLE_IMMUTABLE");
        let refused = inherit(&boss.client, &one, &manager).await.refused(400, "VALIDATION_FAILED");
        assert_eq!(refused.problems(), ["parentRoleId: INVALID"]);
        inherit(&boss.client, &one, &viewer).await.expect(201);
        inherit(&boss.client, &one, "01932f5c-9c5e-7cc3-9d4e-3b2f6a1e8d40").await.refused(404, "NOT_FOUND");
    }
}
