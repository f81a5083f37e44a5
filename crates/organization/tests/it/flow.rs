//! TASK-010: the whole life of an organization, as its operator lives it.

use serde_json::json;

use crate::start;

testkit::behaviours! {
    with start;

    async fn an_organization_is_created_listed_read_changed_and_deactivated(app: TestApp) {
        let operator = app.operator();

        let created = operator
            .post("/organizations")
            .json(&json!({ "name": "Padaria Central", "slug": "padaria-central", "document": "12.abc.345/01de-35" }))
            .send()
            .await
            .expect(201);
        let id = created.id();
        assert_eq!(created.header("location"), format!("/api/v1/organizations/{id}"));
        assert_eq!(
            created.data(),
            &json!({
                "id": id,
                "name": "Padaria Central",
                "slug": "padaria-central",
                "document": "12ABC34501DE35",
                "isActive": true,
                "packageCode": null,
                "createdAt": "2026-11-21T12:00:00.000000Z",
                "updatedAt": "2026-11-21T12:00:00.000000Z",
            })
        );

        let listed = operator.get("/organizations?q=PADÁRIA").send().await.expect(200);
        assert_eq!(listed.meta(), &json!({ "page": 1, "limit": 20, "total": 1, "nextCursor": null }));
        assert_eq!(listed.data()[0], *created.data());

        let path = format!("/organizations/{id}");
        let found = operator.get(&path).send().await.expect(200);
        assert_eq!(found.data(), created.data());
        assert_eq!(found.header("etag"), created.header("etag"));

        app.clock().advance(std::time::Duration::from_secs(60));
        let changed = operator
            .patch(&path)
            .header("If-Match", found.header("etag"))
            .json(&json!({ "name": "Padaria Central e Filhos", "document": null }))
            .send()
            .await
            .expect(200);
        assert_eq!(changed.data()["name"], "Padaria Central e Filhos");
        assert_eq!(changed.data()["document"], json!(null));
        assert_eq!(changed.data()["updatedAt"], "2026-11-21T12:01:00.000000Z");

        operator.delete(&path).send().await.expect(204);
        let gone = operator.get(&path).send().await.expect(200);
        assert_eq!(gone.data()["isActive"], false);
        let active = operator.get("/organizations?isActive=true").send().await.expect(200);
        assert!(active.data().as_array().unwrap().iter().all(|organization| organization["id"] != *id));
    }
}
