//! Every change leaves its entry, and each organization sees its own.

use serde_json::{Value, json};
use testkit::Reply;

use crate::start;

fn actions(reply: &Reply) -> Vec<&str> {
    reply
        .data()
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["action"].as_str().unwrap())
        .collect()
}

testkit::behaviours! {
    with start;

    async fn a_change_is_in_the_trail_of_the_platform_and_of_the_organization(app: TestApp) {
        let id = app.organization("padaria").await;
        let operator = app.operator();
        let path = format!("/organizations/{id}");
        let renamed = operator.patch(&path).header("X-Request-Id", "r-1").header("User-Agent", "test/1");
        renamed.json(&json!({ "name": "Nova" })).send().await.expect(200);
        operator.delete(&path).send().await.expect(204);
        operator.post(&format!("{path}/activate")).send().await.expect(200);

        let story = ["organization.activated", "organization.deactivated", "organization.updated", "organization.created"];
        let own = app.administrator(id).get("/audit-logs").send().await.expect(200);
        assert_eq!(actions(&own), story);
        let of_platform = operator.get(&format!("/audit-logs?targetId={id}")).send().await.expect(200);
        assert_eq!(actions(&of_platform), story);

        let entry = &own.data()[2];
        assert_eq!(entry["changes"], json!({ "name": { "from": "Organization padaria", "to": "Nova" } }));
        assert_eq!(entry["target"], json!({ "type": "organization", "id": id.to_string() }));
        assert_eq!(entry["actor"]["type"], "user");
        assert_eq!((&entry["requestId"], &entry["userAgent"], &entry["count"]), (&json!("r-1"), &json!("test/1"), &json!(1)));

        let one = format!("/audit-logs/{}", entry["id"].as_str().unwrap());
        let found = app.administrator(id).get(&one).send().await.expect(200);
        assert_eq!(found.data(), entry);
        let other = app.organization("outra").await;
        app.administrator(other).get(&one).send().await.refused(404, "NOT_FOUND");
    }

    async fn what_changed_nothing_or_was_refused_leaves_no_entry(app: TestApp) {
        let id = app.organization("padaria").await;
        let operator = app.operator();
        operator.patch(&format!("/organizations/{id}")).json(&json!({})).send().await.expect(200);
        let taken = json!({ "name": "Outra", "slug": "padaria" });
        operator.post("/organizations").json(&taken).send().await.expect(409);
        let trail = operator.get(&format!("/audit-logs?targetId={id}")).send().await.expect(200);
        assert_eq!(actions(&trail), ["organization.created"]);
    }

    async fn the_trail_is_filtered_and_read_in_parts(app: TestApp) {
        let id = app.organization("padaria").await;
        let operator = app.operator();
        for number in 0..5 {
            app.clock().advance(std::time::Duration::from_secs(60));
            let body = json!({ "name": format!("Nome {number}") });
            operator.patch(&format!("/organizations/{id}")).json(&body).send().await.expect(200);
        }
        let reader = app.administrator(id);
        let mut seen = Vec::new();
        let mut cursor = String::new();
        loop {
            let reply = reader.get(&format!("/audit-logs?limit=2{cursor}")).send().await.expect(200);
            seen.extend(reply.data().as_array().unwrap().iter().map(|entry| entry["occurredAt"].clone()));
            match &reply.meta()["nextCursor"] {
                Value::String(next) => cursor = format!("&cursor={next}"),
                _ => break,
            }
        }
        assert_eq!(seen.len(), 6);
        assert!(seen.windows(2).all(|pair| pair[0].as_str() > pair[1].as_str()));
        let window = "/audit-logs?from=2026-11-21T12:02:00Z&to=2026-11-21T09:04:00-03:00&action=organization.updated";
        assert_eq!(reader.get(window).send().await.expect(200).data().as_array().unwrap().len(), 2);
        reader.get("/audit-logs?targetType=role").send().await.expect(200);
        reader.get("/audit-logs?actorId=1").send().await.refused(400, "VALIDATION_FAILED");
        reader.get("/audit-logs?page=1").send().await.refused(400, "VALIDATION_UNKNOWN_FIELD");
    }
}
