//! Grants that end by themselves.

use std::time::Duration;

use serde_json::{Value, json};

use crate::start;
use crate::world::{Bakery, bakery, may, role};

testkit::behaviours! {
    with start;

    async fn an_expired_role_grants_nothing_is_not_listed_and_can_be_granted_again(app: TestApp) {
        let Bakery { id, boss } = bakery(&app).await;
        let ana = app.member(id, None).await;
        let clerk = role(&boss.client, "CLERK", &[("FINANCE_INVOICE_READ", Value::Null)]).await;
        let path = format!("/users/{}/roles", ana.id);
        let body = json!({ "roleId": clerk, "expiresAt": "2026-11-21T12:10:00Z" });
        let made = boss.client.post(&path).json(&body).send().await.expect(201);
        assert_eq!(made.data()["expiresAt"], "2026-11-21T12:10:00.000000Z");
        boss.client.post(&path).json(&body).send().await.refused(409, "CONFLICT_DUPLICATE");
        let mine = ana.client.get("/auth/me/permissions").send().await.expect(200);
        assert_eq!(mine.data()[0]["expiresAt"], "2026-11-21T12:10:00.000000Z");

        app.clock().advance(Duration::from_micros(10 * 60 * 1_000_000 - 1));
        assert_eq!(may(&ana.client, "FINANCE_INVOICE_READ", json!({})).await, 204);
        app.clock().advance(Duration::from_micros(1));
        assert_eq!(may(&ana.client, "FINANCE_INVOICE_READ", json!({})).await, 403);
        assert_eq!(ana.client.get("/auth/me/permissions").send().await.expect(200).data(), &json!([]));
        assert_eq!(boss.client.get(&path).send().await.expect(200).data(), &json!([]));
        boss.client.delete(&format!("{path}/{clerk}")).send().await.refused(404, "NOT_FOUND");

        let again = json!({ "roleId": clerk });
        boss.client.post(&path).json(&again).send().await.expect(201);
        assert_eq!(may(&ana.client, "FINANCE_INVOICE_READ", json!({})).await, 204);
    }
}
