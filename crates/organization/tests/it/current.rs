//! One's own organization, and nobody else's.

use serde_json::json;

use crate::start;

testkit::behaviours! {
    with start;

    async fn an_administrator_sees_and_renames_the_own_organization_only(app: TestApp) {
        let (mine, other) = (app.organization("padaria").await, app.organization("outra").await);
        let administrator = app.administrator(mine);
        let current = administrator.get("/organizations/current").send().await.expect(200);
        assert_eq!(current.id(), mine.to_string());

        let renamed =
            administrator.patch("/organizations/current").json(&json!({ "name": "Nova" })).send().await.expect(200);
        assert_eq!(renamed.data()["name"], "Nova");
        let slug = json!({ "slug": "nova" });
        administrator.patch("/organizations/current").json(&slug).send().await.refused(400, "VALIDATION_UNKNOWN_FIELD");

        administrator.get("/organizations").send().await.refused(403, "RBAC_FORBIDDEN");
        administrator.get(&format!("/organizations/{other}")).send().await.refused(403, "RBAC_FORBIDDEN");
        let body = json!({ "name": "Minha", "slug": "minha" });
        administrator.post("/organizations").json(&body).send().await.refused(403, "RBAC_FORBIDDEN");
    }

    async fn a_tenant_in_the_payload_or_another_in_the_header_is_refused(app: TestApp) {
        let (mine, other) = (app.organization("padaria").await, app.organization("outra").await);
        let administrator = app.administrator(mine);
        let body = json!({ "name": "Nova", "organizationId": other.to_string() });
        administrator.patch("/organizations/current").json(&body).send().await.refused(400, "TENANT_IN_PAYLOAD");
        let named = administrator.get("/organizations/current").header("X-Tenant-Id", &other.to_string());
        named.send().await.refused(400, "TENANT_MISMATCH");
        let same = administrator.get("/organizations/current").header("X-Tenant-Id", &mine.to_string());
        same.send().await.expect(200);
    }

    async fn a_service_account_of_the_platform_names_its_tenant(app: TestApp) {
        let id = app.organization("padaria").await;
        let service = app.service(id);
        service.get("/organizations/current").send().await.refused(400, "TENANT_REQUIRED");
        let named = service.get("/organizations/current").header("X-Tenant-Id", &id.to_string()).send().await.expect(200);
        assert_eq!(named.id(), id.to_string());
        let unknown = service.get("/organizations/current").header("X-Tenant-Id", "01932f5c-9c5e-7cc3-9d4e-3b2f6a1e8d40");
        unknown.send().await.refused(404, "NOT_FOUND");
    }
}
