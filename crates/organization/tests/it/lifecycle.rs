//! Deactivating and activating, and what it means for those inside.

use serde_json::json;

use crate::start;

testkit::behaviours! {
    with start;

    async fn a_deactivated_organization_lets_nobody_in_until_it_is_activated(app: TestApp) {
        let id = app.organization("padaria").await;
        let administrator = app.administrator(id);
        administrator.get("/organizations/current").send().await.expect(200);

        let path = format!("/organizations/{id}");
        app.operator().delete(&path).send().await.expect(204);
        administrator.get("/organizations/current").send().await.refused(403, "TENANT_INACTIVE");
        app.operator().delete(&path).send().await.expect(204);

        let activated = app.operator().post(&format!("{path}/activate")).send().await.expect(200);
        assert_eq!(activated.data()["isActive"], true);
        administrator.get("/organizations/current").send().await.expect(200);
        app.operator().post(&format!("{path}/activate")).send().await.expect(200);
    }

    async fn the_platform_organization_cannot_be_renamed_or_deactivated(app: TestApp) {
        let path = format!("/organizations/{}", app.platform());
        let operator = app.operator();
        operator.delete(&path).send().await.refused(409, "CONFLICT_STATE");
        operator.patch(&path).json(&json!({ "name": "Outra" })).send().await.refused(409, "CONFLICT_STATE");
        operator.patch(&path).json(&json!({ "slug": "outra" })).send().await.refused(409, "CONFLICT_STATE");
        let taken = json!({ "name": "Outra", "slug": "platform" });
        operator.post("/organizations").json(&taken).send().await.refused(409, "CONFLICT_DUPLICATE");
        let now = operator.get(&path).send().await.expect(200);
        assert_eq!((&now.data()["slug"], &now.data()["isActive"]), (&json!("platform"), &json!(true)));
    }
}
