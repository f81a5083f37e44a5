//! From a change to a receiver: signed, at least once, to whoever may read it.

use std::time::Duration;

use serde_json::json;
use testkit::{Hooks, Reaction};

use crate::start;
use crate::world::{Node, customer, delivery, eventually, register, rename, signed_by};

testkit::behaviours! {
    with start;

    async fn an_event_arrives_signed(app: TestApp) {
        let hooks = Hooks::start().await;
        let (_, ana) = customer(&app, "padaria").await;
        let made = register(&ana, &hooks.url(), &["organization.updated"]).await;
        let secret = made.data()["secret"].as_str().unwrap().to_owned();
        let node = Node::start(&app);
        rename(&ana, "Padaria Nova").await;
        let arrived = hooks.until(1).await.remove(0);
        assert_eq!(arrived.header("content-type"), "application/json");
        assert_eq!(arrived.header("webhook-timestamp"), "1795262400");
        assert_eq!(signed_by(&arrived, &[&secret]), [secret.as_str()]);
        let body = arrived.json();
        assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["type", "timestamp", "data"]);
        assert_eq!((&body["type"], &body["data"]["name"]), (&json!("organization.updated"), &json!("Padaria Nova")));

        // The list, the delivery and the receiver know it by the same id.
        let delivered = delivery(&ana, &made.id(), "delivered").await;
        assert_eq!(delivered["eventId"], arrived.header("webhook-id"));
        assert_eq!(delivered["attempts"][0]["status"], 200);
        assert_eq!(delivered["nextAttemptAt"], json!(null));
        let listed = ana.get("/events?types=organization.updated").send().await.expect(200);
        assert_eq!(listed.data()[0]["id"], arrived.header("webhook-id"));
        assert_eq!(listed.data()[0]["data"], body["data"]);
        let one = ana.get(&format!("/webhooks/deliveries/{}", delivered["id"].as_str().unwrap())).send().await;
        assert_eq!(one.expect(200).data(), &delivered);
        node.stop().await;
        assert_eq!(hooks.all().len(), 1);
    }

    async fn an_endpoint_gets_what_it_subscribes_to_and_no_other_organizations(app: TestApp) {
        let (all, some, others) = (Hooks::start().await, Hooks::start().await, Hooks::start().await);
        let (_, ana) = customer(&app, "padaria").await;
        let (_, eve) = customer(&app, "mercado").await;
        register(&eve, &others.url(), &["organization.*"]).await;
        register(&ana, &all.url(), &["*"]).await;
        register(&ana, &some.url(), &["webhook.deleted"]).await;
        let node = Node::start(&app);
        rename(&ana, "Padaria Nova").await;
        // All that had not been handed on yet when the first node started: the beginning, two registrations, the new name.
        let heard = all.until(4).await;
        let mut kinds: Vec<_> = heard.iter().map(|hook| hook.json()["type"].as_str().unwrap().to_owned()).collect();
        kinds.sort();
        assert_eq!(kinds, ["organization.created", "organization.updated", "webhook.created", "webhook.created"]);
        node.stop().await;
        assert_eq!((some.all().len(), all.all().len()), (0, 4));
        // The other organization heard of its own beginning alone.
        for hook in others.all() {
            assert_eq!(hook.json()["data"]["slug"], "mercado");
        }
    }

    async fn the_platform_hears_of_every_organization(app: TestApp) {
        let hooks = Hooks::start().await;
        let operator = app.operator();
        register(&operator, &hooks.url(), &["organization.*"]).await;
        let node = Node::start(&app);
        let (_, ana) = customer(&app, "padaria").await;
        rename(&ana, "Padaria Nova").await;
        register(&ana, "http://127.0.0.1:9/", &["webhook.*"]).await;
        // What had not been handed on yet when the node started, such as the platform's own beginning, may come before.
        let mut heard = hooks.until(2).await;
        while !heard.iter().any(|hook| hook.json()["data"]["name"] == "Padaria Nova") {
            heard = hooks.until(heard.len() + 1).await;
        }
        assert!(heard.iter().any(|hook| hook.json()["type"] == "organization.created"));
        node.stop().await;
        assert!(hooks.all().iter().all(|hook| hook.json()["type"] != "webhook.created"));
    }

    async fn a_receiver_that_fails_twice_gets_it_the_third_time_under_the_same_id(app: TestApp) {
        let hooks = Hooks::start().await;
        hooks.react([Reaction::status(500), Reaction::Answer(503, Vec::new(), "x".repeat(10_000))]);
        let (_, ana) = customer(&app, "padaria").await;
        let made = register(&ana, &hooks.url(), &["organization.updated"]).await;
        let node = Node::start(&app);
        rename(&ana, "Padaria Nova").await;
        hooks.until(1).await;
        let failed = delivery(&ana, &made.id(), "failed").await;
        let next: kernel::Timestamp = failed["nextAttemptAt"].as_str().unwrap().parse().unwrap();
        let pause = next.since(testkit::BEGINNING);
        assert!(pause >= Duration::from_secs(1) && pause <= Duration::from_millis(1_100), "{pause:?}");
        assert_eq!(failed["attempts"][0]["error"], "the receiver answered 500");
        app.clock().advance(Duration::from_secs(2));
        hooks.until(2).await;
        eventually(&ana, &format!("/webhooks/{}/deliveries", made.id()), |all| {
            all[0]["attempts"].as_array().unwrap().len() == 2
        }).await;
        app.clock().advance(Duration::from_secs(3));
        let heard = hooks.until(3).await;
        let delivered = delivery(&ana, &made.id(), "delivered").await;
        let statuses: Vec<_> = delivered["attempts"].as_array().unwrap().iter().map(|one| one["status"].clone()).collect();
        assert_eq!(statuses, [500, 503, 200]);
        assert_eq!(delivered["attempts"][1]["responseBody"].as_str().unwrap().len(), 4_096);
        assert!(heard.iter().all(|hook| hook.header("webhook-id") == heard[0].header("webhook-id")));
        // Signed anew, at its own time.
        assert_ne!(heard[0].header("webhook-timestamp"), heard[2].header("webhook-timestamp"));
        node.stop().await;
    }

    async fn while_a_secret_rotates_both_sign(app: TestApp) {
        let hooks = Hooks::start().await;
        let (_, ana) = customer(&app, "padaria").await;
        let made = register(&ana, &hooks.url(), &["organization.updated"]).await;
        let rotate = format!("/webhooks/{}/rotate-secret", made.id());
        let node = Node::start(&app);
        let rotated = ana.post(&rotate).json(&json!({ "overlap": "1h" })).send().await.expect(200);
        let (former, current) = (made.data()["secret"].as_str().unwrap(), rotated.data()["secret"].as_str().unwrap());
        assert_ne!(former, current);
        rename(&ana, "Padaria Nova").await;
        let heard = hooks.until(1).await;
        assert_eq!(signed_by(&heard[0], &[former, current]), [former, current]);
        app.clock().advance(Duration::from_secs(3_600));
        rename(&ana, "Padaria Velha").await;
        let heard = hooks.until(2).await;
        assert_eq!(signed_by(&heard[1], &[former, current]), [current]);
        assert_eq!(heard[1].header("webhook-signature").split(' ').count(), 1);

        // Without a body the overlap is a day; with none of it the former ends at once.
        let third = ana.post(&rotate).send().await.expect(200).data()["secret"].as_str().unwrap().to_owned();
        let fourth = ana.post(&rotate).json(&json!({ "overlap": "0s" })).send().await.expect(200);
        let fourth = fourth.data()["secret"].as_str().unwrap();
        rename(&ana, "Padaria Central").await;
        let heard = hooks.until(3).await;
        assert_eq!(signed_by(&heard[2], &[current, &third, fourth]), [fourth]);
        let refused = ana.post(&rotate).json(&json!({ "overlap": "31d" })).send().await.refused(400, "VALIDATION_FAILED");
        assert_eq!(refused.problems(), ["overlap: INVALID_FORMAT"]);
        node.stop().await;
    }

    async fn a_test_event_goes_to_that_endpoint_alone(app: TestApp) {
        let (hooks, others) = (Hooks::start().await, Hooks::start().await);
        let (_, ana) = customer(&app, "padaria").await;
        let made = register(&ana, &hooks.url(), &["organization.updated"]).await;
        register(&ana, &others.url(), &["organization.updated"]).await;
        let node = Node::start(&app);
        let accepted = ana.post(&format!("/webhooks/{}/test", made.id())).send().await.expect(202);
        assert_eq!((&accepted.data()["status"], &accepted.data()["eventType"]), (&json!("pending"), &json!("webhook.test")));
        let heard = hooks.until(1).await;
        assert_eq!(heard[0].json()["type"], "webhook.test");
        assert_eq!(heard[0].json()["data"]["id"], made.id());
        assert_eq!(heard[0].header("webhook-id"), accepted.data()["eventId"]);
        delivery(&ana, &made.id(), "delivered").await;
        node.stop().await;
        assert_eq!(others.all().len(), 0);
    }

    async fn what_waits_is_delivered_when_a_node_starts(app: TestApp) {
        let hooks = Hooks::start().await;
        let (_, ana) = customer(&app, "padaria").await;
        let made = register(&ana, &hooks.url(), &["organization.updated"]).await;
        for number in 0..20 {
            rename(&ana, &format!("Padaria {number}")).await;
        }
        assert_eq!(hooks.all().len(), 0);
        let node = Node::start(&app);
        hooks.until(20).await;
        let path = format!("/webhooks/{}/deliveries?limit=100", made.id());
        eventually(&ana, &path, |all| all.as_array().unwrap().iter().all(|one| one["status"] == "delivered")).await;
        node.stop().await;
        // Each once, in parts of the list as in the whole.
        let mut ids: Vec<_> = hooks.all().iter().map(|hook| hook.header("webhook-id").to_owned()).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 20);
        let part = ana.get(&format!("/webhooks/{}/deliveries?limit=15", made.id())).send().await.expect(200);
        let cursor = part.meta()["nextCursor"].as_str().unwrap();
        let rest = ana.get(&format!("/webhooks/{}/deliveries?limit=15&cursor={cursor}", made.id())).send().await.expect(200);
        assert_eq!((part.data().as_array().unwrap().len(), rest.data().as_array().unwrap().len()), (15, 5));
    }

    async fn two_nodes_deliver_each_event_once(app: TestApp) {
        let hooks = Hooks::start().await;
        let (_, ana) = customer(&app, "padaria").await;
        register(&ana, &hooks.url(), &["organization.updated"]).await;
        let nodes = [Node::start(&app), Node::start(&app)];
        for number in 0..40 {
            rename(&ana, &format!("Padaria {number}")).await;
        }
        hooks.until(40).await;
        for node in nodes {
            node.stop().await;
        }
        let mut ids: Vec<_> = hooks.all().iter().map(|hook| hook.header("webhook-id").to_owned()).collect();
        ids.sort();
        ids.dedup();
        assert_eq!((ids.len(), hooks.all().len()), (40, 40));
    }

    async fn what_a_killed_node_held_arrives_when_its_lease_ends(app: TestApp) {
        let hooks = Hooks::start().await;
        hooks.react([Reaction::Silence]);
        let (_, ana) = customer(&app, "padaria").await;
        let made = register(&ana, &hooks.url(), &["organization.updated"]).await;
        let killed = Node::start(&app);
        rename(&ana, "Padaria Nova").await;
        hooks.until(1).await;
        killed.kill();
        let node = Node::start(&app);
        app.clock().advance(Duration::from_secs(61));
        let heard = hooks.until(2).await;
        assert_eq!(heard[0].header("webhook-id"), heard[1].header("webhook-id"));
        eventually(&ana, &format!("/webhooks/{}/deliveries", made.id()), |all| all[0]["status"] == "delivered").await;
        node.stop().await;
    }
}
