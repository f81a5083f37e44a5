//! The trail as a file.

use serde_json::{Value, json};

use crate::start;

/// The body as text.
fn text(reply: &testkit::Reply) -> &str {
    std::str::from_utf8(&reply.bytes).unwrap()
}

testkit::behaviours! {
    with start;

    async fn an_export_has_every_entry_once_in_both_forms(app: TestApp) {
        let id = app.organization("padaria").await;
        let administrator = app.administrator(id);
        // More than are read at a time.
        for number in 0..620 {
            let body = json!({ "name": format!("Name {number}") });
            administrator.patch("/organizations/current").json(&body).send().await.expect(200);
        }
        let lines = administrator.get("/audit-logs/export").send().await;
        assert_eq!(lines.status.as_u16(), 200);
        assert_eq!(lines.header("content-type"), "application/x-ndjson");
        let entries: Vec<Value> = text(&lines).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(entries.len(), 621);
        let mut ids: Vec<&str> = entries.iter().map(|entry| entry["id"].as_str().unwrap()).collect();
        assert!(ids.is_sorted_by(|a, b| a > b), "newest first");
        ids.dedup();
        assert_eq!(ids.len(), 621);

        let csv = administrator.get("/audit-logs/export?format=csv&action=organization.created").send().await;
        let text = text(&csv);
        let mut rows = text.lines();
        assert!(rows.next().unwrap().starts_with("id,occurredAt,actorType,"));
        assert!(rows.next().unwrap().contains(",organization.created,organization,"));
        assert_eq!(rows.next(), None);
    }

    async fn nobody_exports_without_the_permission_or_the_trail_of_another(app: TestApp) {
        let one = app.organization("padaria").await;
        let other = app.organization("farmacia").await;
        app.stranger(one).get("/audit-logs/export").send().await.refused(403, "RBAC_FORBIDDEN");
        app.nobody().get("/audit-logs/export").send().await.refused(401, "AUTH_REQUIRED");
        app.administrator(one).get("/audit-logs/export?format=xml").send().await.refused(400, "VALIDATION_FAILED");
        let lines = app.administrator(other).get("/audit-logs/export").send().await;
        assert!(!text(&lines).contains(&one.to_string()));
    }
}
