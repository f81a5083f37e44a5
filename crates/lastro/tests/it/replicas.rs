//! A read replica answers what may lag, and nothing else.

use serde_json::{Value, json};
use testkit::Engine;

use crate::binary::Serving;
use crate::engines::at;

fn ask(server: &Serving, token: &str, head: &str, body: &Value) -> (u16, String) {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let answer = server.send(head, &[("authorization", &format!("Bearer {token}"))], &body);
    (answer.status, answer.body)
}

/// A database that stands still plays the replica: what it answers shows by what it lacks.
#[tokio::test(flavor = "multi_thread")]
async fn trails_exports_and_usage_come_from_the_replica_and_the_rest_does_not() {
    let (Some(primary), Some(replica)) = (at(Engine::Postgres), at(Engine::Postgres)) else {
        return;
    };
    assert_eq!(primary.lastro.serve(&[]).stop(), Some(0));
    primary.lastro.run(&["backup", "copy.dump"]).assert_code(0);
    let copy = primary.lastro.path("copy.dump");
    replica.lastro.run(&["restore", copy.to_str().unwrap()]).assert_code(0);

    let primary = primary.with("DATABASE_REPLICA_URL", &replica.url());
    let server = primary.lastro.serve(&[]);
    let token = server.token();
    let person = json!({ "name": "Bia Lima", "email": "bia@example.com", "password": "Fermento-Natural-26" });
    let (status, made) = ask(&server, &token, "POST /api/v1/users", &person);
    assert_eq!(status, 201, "{made}");
    let made: Value = serde_json::from_str(&made).unwrap();
    let bia = made["data"]["id"].as_str().unwrap();
    let events = json!({ "events": [{ "metric": "pages", "quantity": 7 }] });
    assert_eq!(ask(&server, &token, "POST /api/v1/usage/events", &events).0, 202);
    let tells = |server: &Serving, path: &str, what: &str| {
        let (status, body) = ask(server, &token, &format!("GET /api/v1{path}"), &Value::Null);
        assert_eq!(status, 200, "{path}: {body}");
        body.contains(what)
    };
    let years = "from=2026-01-01T00:00:00Z&to=2036-01-01T00:00:00Z&granularity=month";
    let lagging = [
        ("/audit-logs?action=user.created".to_owned(), bia),
        ("/audit-logs/export?action=user.created".to_owned(), bia),
        (format!("/usage?metric=pages&{years}"), "\"quantity\":7"),
    ];
    assert!(tells(&server, "/users?q=bia", bia), "people do not lag");
    for (path, what) in &lagging {
        assert!(!tells(&server, path, what), "{path} did not come from the replica");
    }
    assert_eq!(server.stop(), Some(0));

    // One that keeps up tells everything: here it is the primary itself.
    let url = primary.url();
    let primary = primary.with("DATABASE_REPLICA_URL", &url);
    let server = primary.lastro.serve(&[]);
    for (path, what) in &lagging {
        assert!(tells(&server, path, what), "{path} lacks {what}");
    }
    assert_eq!(server.stop(), Some(0));
}
