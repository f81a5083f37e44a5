//! Security events: one entry a minute of each kind, with their number.

use std::time::Duration;

use contracts::audit::{SecurityEvent, SecurityTrail};
use kernel::OrganizationId;
use serde_json::Value;
use testkit::TestApp;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{modules, start};

fn failure(organization: OrganizationId, account: u128, ip: &str) -> SecurityEvent {
    SecurityEvent {
        organization,
        actor: None,
        action: "login.failed",
        target_kind: "user",
        target_id: Uuid::from_u128(account),
        request_id: Some("r-1".to_owned()),
        ip: Some(ip.parse().unwrap()),
        user_agent: Some("curl/8".to_owned()),
    }
}

async fn failures(app: &TestApp, organization: OrganizationId) -> Vec<Value> {
    let listed = app
        .administrator(organization)
        .get("/audit-logs?action=login.failed&limit=100")
        .send()
        .await
        .expect(200);
    listed.data().as_array().unwrap().clone()
}

/// Waits until so many entries are there: they are written beside the requests.
async fn settled(app: &TestApp, organization: OrganizationId, wanted: usize) -> Vec<Value> {
    for _ in 0..200 {
        let found = failures(app, organization).await;
        if found.len() >= wanted {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{wanted} entries never came");
}

/// Lets the worker run once to its end.
async fn stop_worker(app: &TestApp) {
    let stop = CancellationToken::new();
    stop.cancel();
    for worker in modules()
        .into_iter()
        .flat_map(|module| module.workers)
        .filter(|worker| worker.name == "security trail")
    {
        (worker.run)(app.edge().app().clone(), stop.clone()).await;
    }
}

testkit::behaviours! {
    with start;

    async fn the_first_is_written_at_once_and_the_rest_of_its_minute_as_one(app: TestApp) {
        let id = app.organization("padaria").await;
        let trail = app.edge().app().ports().get::<dyn SecurityTrail>().unwrap();
        for _ in 0..1_000 {
            trail.note(failure(id, 1, "203.0.113.7"));
        }
        let first = settled(&app, id, 1).await;
        assert_eq!(first.len(), 1);
        assert_eq!(first[0]["count"], 1);
        assert_eq!(first[0]["actor"]["type"], "system");
        assert_eq!(first[0]["ip"], "203.0.113.7");
        assert_eq!(first[0]["requestId"], "r-1");

        stop_worker(&app).await;
        let all = settled(&app, id, 2).await;
        assert_eq!(all.iter().map(|entry| entry["count"].as_i64().unwrap()).sum::<i64>(), 1_000);
        assert_eq!(all.len(), 2);
    }

    async fn accounts_and_address_blocks_are_counted_apart(app: TestApp) {
        let id = app.organization("padaria").await;
        let trail = app.edge().app().ports().get::<dyn SecurityTrail>().unwrap();
        trail.note(failure(id, 1, "203.0.113.7"));
        trail.note(failure(id, 2, "203.0.113.7"));
        trail.note(failure(id, 1, "203.0.113.8"));
        trail.note(failure(id, 1, "2001:db8::1"));
        // The same /64, and so the same block.
        trail.note(failure(id, 1, "2001:db8::2"));
        // An IPv4 address is the same however it is written.
        trail.note(failure(id, 1, "::ffff:203.0.113.8"));
        assert_eq!(settled(&app, id, 4).await.len(), 4);
        stop_worker(&app).await;
        assert_eq!(settled(&app, id, 6).await.len(), 6);
    }
}
