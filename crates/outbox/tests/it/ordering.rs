//! Endpoints that want events one after the other.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Client, Hook, Hooks, Reaction, Reply};

use crate::start;
use crate::world::{Node, customer, eventually, register, rename};

/// How long nothing may arrive: long enough for a look at what is due.
const QUIET: Duration = Duration::from_millis(200);

/// Registers an endpoint with an order.
async fn register_ordered(client: &Client, url: &str, types: &[&str], ordering: &str) -> Reply {
    let body = json!({ "url": url, "eventTypes": types, "ordering": ordering });
    client.post("/webhooks").json(&body).send().await.expect(201)
}

/// What the events were about, in the order in which they arrived.
fn names(heard: &[Hook]) -> Vec<String> {
    let name = |hook: &Hook| hook.json()["data"]["name"].as_str().unwrap_or("-").to_owned();
    heard.iter().map(name).collect()
}

/// The states of an endpoint's deliveries, the oldest first.
fn states(all: &Value) -> Vec<&str> {
    let all = all.as_array().unwrap().iter().rev();
    all.map(|one| one["status"].as_str().unwrap()).collect()
}

testkit::behaviours! {
    with start;

    async fn an_order_is_chosen_shown_and_changed(app: TestApp) {
        let (_, ana) = customer(&app, "padaria").await;
        let made = register(&ana, "http://127.0.0.1:9/", &["*"]).await;
        assert_eq!(made.data()["ordering"], "none");
        let ordered = register_ordered(&ana, "http://127.0.0.1:9/", &["*"], "aggregate").await;
        assert_eq!(ordered.data()["ordering"], "aggregate");
        let path = format!("/webhooks/{}", made.id());
        let changed = ana.patch(&path).json(&json!({ "ordering": "organization" })).send().await.expect(200);
        assert_eq!(changed.data()["ordering"], "organization");
        assert_eq!(ana.get(&path).send().await.expect(200).data()["ordering"], "organization");
        let kept = ana.patch(&path).json(&json!({ "description": "x" })).send().await.expect(200);
        assert_eq!(kept.data()["ordering"], "organization");
        for body in [json!({ "ordering": "object" }), json!({ "ordering": null })] {
            ana.patch(&path).json(&body).send().await.refused(400, "VALIDATION_FAILED");
        }
        let trail = ana.get("/audit-logs?action=webhook.updated").send().await.expect(200);
        assert_eq!(trail.data()[1]["changes"], json!({ "ordering": { "from": "none", "to": "organization" } }));
    }

    async fn of_an_organization_no_event_overtakes_one_that_is_tried_again(app: TestApp) {
        let hooks = Hooks::start().await;
        hooks.react([Reaction::status(500), Reaction::status(500)]);
        let (_, ana) = customer(&app, "padaria").await;
        let made = register_ordered(&ana, &hooks.url(), &["organization.updated"], "organization").await;
        for name in ["A0", "B0", "C0"] {
            rename(&ana, name).await;
        }
        // Two nodes, so that each finds the order that the other one sees.
        let nodes = [Node::start(&app), Node::start(&app)];
        hooks.until(1).await;
        let path = format!("/webhooks/{}/deliveries", made.id());
        let all = eventually(&ana, &path, |all| states(all) == ["failed", "pending", "pending"]).await;
        assert_ne!(all[2]["nextAttemptAt"], json!(null));
        // When those that wait are tried is not known.
        assert_eq!((&all[0]["nextAttemptAt"], &all[1]["nextAttemptAt"]), (&json!(null), &json!(null)));
        tokio::time::sleep(QUIET).await;
        assert_eq!(names(&hooks.all()), ["A0"]);
        app.clock().advance(Duration::from_secs(2));
        hooks.until(2).await;
        eventually(&ana, &path, |all| all[2]["attempts"].as_array().unwrap().len() == 2).await;
        app.clock().advance(Duration::from_secs(3));
        assert_eq!(names(&hooks.until(5).await), ["A0", "A0", "A0", "B0", "C0"]);
        eventually(&ana, &path, |all| states(all) == ["delivered"; 3]).await;
        for node in nodes {
            node.stop().await;
        }
        assert_eq!(hooks.all().len(), 5);
    }

    async fn many_arrive_in_order_whoever_of_several_nodes_sends_them(app: TestApp) {
        let hooks = Hooks::start().await;
        let (_, ana) = customer(&app, "padaria").await;
        register_ordered(&ana, &hooks.url(), &["organization.updated"], "organization").await;
        let nodes = [Node::start(&app), Node::start(&app), Node::start(&app)];
        let wanted: Vec<String> = (0..40).map(|number| format!("Padaria {number}")).collect();
        for name in &wanted {
            rename(&ana, name).await;
        }
        assert_eq!(names(&hooks.until(40).await), wanted);
        for node in nodes {
            node.stop().await;
        }
        assert_eq!(hooks.all().len(), 40);
    }

    async fn an_event_that_is_given_up_holds_nobody_up_and_goes_first_when_it_is_wanted_again(app: TestApp) {
        let hooks = Hooks::start().await;
        hooks.react_always(Reaction::status(500));
        let (_, ana) = customer(&app, "padaria").await;
        let made = register_ordered(&ana, &hooks.url(), &["organization.updated"], "organization").await;
        let path = format!("/webhooks/{}/deliveries", made.id());
        let node = Node::start(&app);
        rename(&ana, "A0").await;
        rename(&ana, "B0").await;
        for attempt in 1..=4 {
            hooks.until(attempt).await;
            eventually(&ana, &path, |all| all.as_array().unwrap().len() == 2
                && all[1]["attempts"].as_array().unwrap().len() == attempt).await;
            if attempt < 4 {
                app.clock().advance(Duration::from_secs(5));
            }
        }
        // The first is dead, and the second was tried in its place.
        hooks.until(5).await;
        let all = eventually(&ana, &path, |all| states(all) == ["dead", "failed"]).await;
        // It is wanted after all, and fails once more: the second, though it is due, waits again.
        let first = all[1]["id"].as_str().unwrap();
        ana.post(&format!("/webhooks/deliveries/{first}/retry")).send().await.expect(202);
        hooks.until(6).await;
        eventually(&ana, &path, |all| all[1]["attempts"].as_array().unwrap().len() == 5).await;
        hooks.react_always(Reaction::status(200));
        app.clock().advance(Duration::from_secs(5));
        assert_eq!(names(&hooks.until(8).await), ["A0", "A0", "A0", "A0", "B0", "A0", "A0", "B0"]);
        eventually(&ana, &path, |all| states(all) == ["delivered", "delivered"]).await;
        node.stop().await;
    }

    async fn dead_letters_are_replayed_in_their_order(app: TestApp) {
        let hooks = Hooks::start().await;
        hooks.react_always(Reaction::status(410));
        let (_, ana) = customer(&app, "padaria").await;
        let made = register_ordered(&ana, &hooks.url(), &["organization.updated"], "organization").await;
        let (path, webhook) = (format!("/webhooks/{}/deliveries", made.id()), format!("/webhooks/{}", made.id()));
        let node = Node::start(&app);
        for (number, name) in ["A0", "B0", "C0"].into_iter().enumerate() {
            rename(&ana, name).await;
            eventually(&ana, &path, |all| states(all) == vec!["dead"; number + 1]).await;
            eventually(&ana, &webhook, |webhook| webhook["isActive"] == false).await;
            ana.patch(&webhook).json(&json!({ "isActive": true })).send().await.expect(200);
        }
        hooks.react_always(Reaction::status(200));
        ana.post("/webhooks/dead-letters/replay").json(&json!({})).send().await.expect(202);
        assert_eq!(names(&hooks.until(6).await)[3..], ["A0", "B0", "C0"]);
        eventually(&ana, &path, |all| states(all) == ["delivered"; 3]).await;
        node.stop().await;
    }

    async fn of_an_object_only_its_own_events_wait(app: TestApp) {
        let hooks = Hooks::start().await;
        hooks.react([Reaction::status(500)]);
        let (_, ana) = customer(&app, "padaria").await;
        let types = ["organization.updated", "webhook.updated"];
        let made = register_ordered(&ana, &hooks.url(), &types, "aggregate").await;
        let node = Node::start(&app);
        rename(&ana, "A0").await;
        hooks.until(1).await;
        rename(&ana, "B0").await;
        // Another object, whose event nobody before it holds up.
        let path = format!("/webhooks/{}", made.id());
        ana.patch(&path).json(&json!({ "description": "Another" })).send().await.expect(200);
        let heard = hooks.until(2).await;
        assert_eq!(heard[1].json()["type"], "webhook.updated");
        eventually(&ana, &format!("{path}/deliveries"), |all| states(all) == ["failed", "pending", "delivered"]).await;
        app.clock().advance(Duration::from_secs(2));
        assert_eq!(names(&hooks.until(4).await), ["A0", "-", "A0", "B0"]);
        node.stop().await;
    }

    async fn a_stop_gives_back_what_was_not_begun_with(app: TestApp) {
        let hooks = Hooks::start().await;
        hooks.react((0..8).map(|_| Reaction::status(200)));
        hooks.react_always(Reaction::Silence);
        let (_, ana) = customer(&app, "padaria").await;
        let made = register(&ana, &hooks.url(), &["organization.updated"]).await;
        for number in 0..60 {
            rename(&ana, &format!("Padaria {number}")).await;
        }
        let node = Node::start(&app);
        // Eight arrived, so twice as many were begun with, and as many again claimed ahead.
        hooks.until(24).await;
        node.stop().await;
        hooks.react_always(Reaction::status(200));
        let node = Node::start(&app);
        // What was claimed ahead is due at once: no time has passed in which a lease could have ended.
        let path = format!("/webhooks/{}/deliveries?limit=100", made.id());
        eventually(&ana, &path, |all| {
            let all = all.as_array().unwrap();
            all.len() == 60 && all.iter().all(|one| one["status"] == "delivered" || one["status"] == "failed")
        }).await;
        app.clock().advance(Duration::from_secs(2));
        eventually(&ana, &path, |all| all.as_array().unwrap().iter().all(|one| one["status"] == "delivered")).await;
        node.stop().await;
    }
}
