//! Somebody always administers the organization.

use futures_util::future::join;
use serde_json::json;

use crate::start;
use crate::world::{Bakery, assign, bakery, inherit, role, role_id};

testkit::behaviours! {
    with start;

    async fn the_last_administrator_stays(app: TestApp) {
        let Bakery { id, boss } = bakery(&app).await;
        let admin = role_id(&boss.client, "ORG_ADMIN").await;
        let own = format!("/users/{}/roles/{admin}", boss.id);
        boss.client.delete(&own).send().await.refused(409, "CONFLICT_STATE");
        // Whoever has it for a while only does not count.
        let ana = app.member(id, None).await;
        let body = json!({ "roleId": admin, "expiresAt": "2027-01-01T00:00:00Z" });
        boss.client.post(&format!("/users/{}/roles", ana.id)).json(&body).send().await.expect(201);
        boss.client.delete(&own).send().await.refused(409, "CONFLICT_STATE");
        let bia = app.member(id, None).await;
        assign(&boss.client, &bia, &admin).await.expect(201);
        boss.client.delete(&own).send().await.expect(204);
        bia.client.get("/roles").send().await.expect(200);
        boss.client.get("/roles").send().await.refused(403, "RBAC_FORBIDDEN");
    }

    async fn by_whatever_path(app: TestApp) {
        let Bakery { id, boss } = bakery(&app).await;
        let admin = role_id(&boss.client, "ORG_ADMIN").await;
        // A role below ORG_ADMIN, in a group, with one member.
        let chief = role(&boss.client, "CHIEF", &[]).await;
        inherit(&boss.client, &chief, &admin).await.expect(201);
        let group = boss.client.post("/groups").json(&json!({ "name": "Chiefs" })).send().await.expect(201).id();
        let ana = app.member(id, None).await;
        boss.client.put(&format!("/groups/{group}/roles/{chief}")).send().await.expect(200);
        boss.client.put(&format!("/groups/{group}/members/{}", ana.id)).send().await.expect(200);
        boss.client.delete(&format!("/users/{}/roles/{admin}", boss.id)).send().await.expect(204);
        for end in [
            format!("/roles/{chief}/parents/{admin}"),
            format!("/roles/{chief}"),
            format!("/groups/{group}/members/{}", ana.id),
            format!("/groups/{group}/roles/{chief}"),
            format!("/groups/{group}"),
        ] {
            ana.client.delete(&end).send().await.refused(409, "CONFLICT_STATE");
        }
        let mine = ana.client.get("/auth/me/permissions").send().await.expect(200);
        let paths = &mine.data()[0]["paths"][0];
        assert_eq!(paths["via"], "group");
        let codes: Vec<_> = paths["steps"].as_array().unwrap().iter().map(|step| &step["code"]).collect();
        assert_eq!(codes, ["CHIEFS", "CHIEF", "ORG_ADMIN"]);
    }

    async fn of_two_who_go_at_once_one_stays(app: TestApp) {
        let Bakery { id, boss } = bakery(&app).await;
        let admin = role_id(&boss.client, "ORG_ADMIN").await;
        for _ in 0..5 {
            let (one, other) = (app.member(id, Some("ORG_ADMIN")).await, app.member(id, Some("ORG_ADMIN")).await);
            // From here on only these two are left.
            let listed = [&boss].map(|member| format!("/users/{}/roles/{admin}", member.id));
            one.client.delete(&listed[0]).send().await;
            let leave = |who: &testkit::Member| {
                let (client, path) = (who.client.clone(), format!("/users/{}/roles/{admin}", who.id));
                async move { client.delete(&path).send().await }
            };
            let (first, second) = join(leave(&one), leave(&other)).await;
            let mut statuses = [first.status.as_u16(), second.status.as_u16()];
            statuses.sort_unstable();
            assert_eq!(statuses, [204, 409]);
            // Whoever stayed lets the boss in again, and goes.
            let stayed = if first.status.as_u16() == 409 { &one } else { &other };
            assign(&stayed.client, &boss, &admin).await.expect(201);
            leave(stayed).await.expect(204);
        }
    }

    async fn an_organization_that_has_none_may_go_on_so(app: TestApp) {
        let bakery = app.organization("outra").await;
        let client = app.administrator(bakery);
        let role = role(&client, "EMPTY", &[]).await;
        client.delete(&format!("/roles/{role}")).send().await.expect(204);
    }
}
