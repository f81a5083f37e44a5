//! Receivers that do not take what they get.

use std::time::Duration;

use serde_json::json;
use testkit::{Engine, Hooks, Reaction, TestApp};

use crate::start;
use crate::world::{Node, customer, delivery, eventually, eventually_stored, register, rename};

/// Runs a statement beside the program.
async fn execute(app: &TestApp, sqlite: &str, postgres: &str) {
    let statement = match app.db().engine() {
        Engine::Sqlite => sqlite,
        Engine::Postgres => postgres,
    };
    db::admin::execute(app.url(), statement).await.unwrap();
}

/// Changes the database behind the program's back, by a statement that both engines understand.
async fn change(app: &TestApp, statement: &str) {
    execute(app, statement, statement).await;
}

/// For how many milliseconds the oldest event waits, as the metrics page tells.
fn lag(app: &TestApp) -> i64 {
    let page = app.edge().app().metrics().render().unwrap();
    let line = page
        .lines()
        .find_map(|line| line.split_once("webhook_lag_milliseconds{stage=\"events\"} "));
    line.unwrap().1.parse().unwrap()
}

testkit::behaviours! {
    with start;

    async fn what_cannot_be_handed_on_for_some_is_for_those_behind_them(app: TestApp) {
        let hooks = Hooks::start().await;
        let mut customers = Vec::new();
        // As many in front of the last as are handed on at once.
        for number in 0..5 {
            let (_, ana) = customer(&app, &format!("padaria-{number}")).await;
            register(&ana, &hooks.url(), &["organization.updated"]).await;
            customers.push(ana);
        }
        let of_the_first = "organization_id IN (SELECT id FROM organizations WHERE slug LIKE 'padaria-%' AND slug <> 'padaria-4')";
        change(&app, &format!("UPDATE webhook_endpoints SET url = replace(url, 'http:', '') WHERE {of_the_first}")).await;
        for ana in &customers {
            rename(ana, "Padaria Nova").await;
        }
        let node = Node::start(&app);
        hooks.until(1).await;
        rename(&customers[4], "Padaria Velha").await;
        hooks.until(2).await;
        assert!(hooks.all().iter().all(|hook| hook.json()["data"]["slug"] == "padaria-4"));
        // That the others' events wait is told all the same.
        app.clock().advance(Duration::from_secs(60));
        assert!(lag(&app) >= 60_000, "{}", lag(&app));

        change(&app, &format!("UPDATE webhook_endpoints SET url = 'http:' || url WHERE {of_the_first}")).await;
        hooks.until(6).await;
        node.stop().await;
        assert_eq!(lag(&app), 0);
    }

    async fn replays_that_fail_hold_up_neither_events_nor_the_replays_of_others(app: TestApp) {
        let hooks = Hooks::start().await;
        // Of one organization more than are looked up at once.
        for (slug, replays) in [("padaria", 300), ("farmacia", 1)] {
            let (_, ana) = customer(&app, slug).await;
            for _ in 0..replays {
                ana.post("/webhooks/dead-letters/replay").send().await.expect(202);
            }
        }
        // One cannot be removed when it is done, and one cannot even be read where the engine stores such a thing.
        change(&app, "CREATE TABLE held (organization_id uuid, id uuid, \
            FOREIGN KEY (organization_id, id) REFERENCES webhook_replays (organization_id, id))").await;
        change(&app, "INSERT INTO held SELECT organization_id, id FROM webhook_replays").await;
        let unreadable = "UPDATE webhook_replays SET webhook_id = x'00' \
            WHERE organization_id = (SELECT id FROM organizations WHERE slug = 'farmacia')";
        execute(&app, unreadable, "SELECT 1").await;
        let (_, bia) = customer(&app, "livraria").await;
        register(&bia, &hooks.url(), &["organization.updated"]).await;
        bia.post("/webhooks/dead-letters/replay").send().await.expect(202);
        rename(&bia, "Livraria Nova").await;
        let node = Node::start(&app);
        hooks.until(1).await;
        let left = "SELECT DISTINCT o.slug FROM webhook_replays r JOIN organizations o ON o.id = r.organization_id ORDER BY o.slug";
        eventually_stored(&app, left, &["farmacia", "padaria"]).await;
        node.stop().await;
    }

    async fn after_the_last_attempt_it_is_a_dead_letter_until_somebody_wants_it(app: TestApp) {
        let hooks = Hooks::start().await;
        hooks.react_always(Reaction::status(500));
        let (_, ana) = customer(&app, "padaria").await;
        let made = register(&ana, &hooks.url(), &["organization.updated"]).await;
        let node = Node::start(&app);
        rename(&ana, "Padaria Nova").await;
        let path = format!("/webhooks/{}/deliveries", made.id());
        for attempt in 1..=4 {
            hooks.until(attempt).await;
            eventually(&ana, &path, |all| all[0]["attempts"].as_array().unwrap().len() == attempt).await;
            app.clock().advance(Duration::from_secs(5));
        }
        let dead = delivery(&ana, &made.id(), "dead").await;
        assert_eq!(dead["nextAttemptAt"], json!(null));
        let letters = ana.get("/webhooks/dead-letters").send().await.expect(200);
        assert_eq!(letters.data(), &json!([dead]));
        let of = |id: &str| ana.get(&format!("/webhooks/dead-letters?webhookId={id}")).send();
        assert_eq!(of(&made.id()).await.expect(200).data(), &json!([dead]));
        assert_eq!(of("01932f5c-9c5e-7cc3-9d4e-3b2f6a1e8d40").await.expect(200).data(), &json!([]));

        hooks.react_always(Reaction::status(204));
        let retry = format!("/webhooks/deliveries/{}/retry", dead["id"].as_str().unwrap());
        let accepted = ana.post(&retry).send().await.expect(202);
        assert_eq!(accepted.data()["status"], "failed");
        let delivered = delivery(&ana, &made.id(), "delivered").await;
        assert_eq!(delivered["attempts"].as_array().unwrap().len(), 5);
        ana.post(&retry).send().await.refused(409, "CONFLICT_STATE");
        node.stop().await;
    }

    async fn who_is_gone_is_not_asked_again(app: TestApp) {
        let hooks = Hooks::start().await;
        hooks.react_always(Reaction::status(410));
        let (_, ana) = customer(&app, "padaria").await;
        let made = register(&ana, &hooks.url(), &["organization.updated"]).await;
        let node = Node::start(&app);
        rename(&ana, "Padaria Nova").await;
        eventually(&ana, &format!("/webhooks/{}", made.id()), |webhook| webhook["isActive"] == false).await;
        delivery(&ana, &made.id(), "dead").await;
        let trail = ana.get("/audit-logs?action=webhook.disabled").send().await.expect(200);
        assert_eq!(trail.data()[0]["actor"]["type"], "system");
        assert_eq!(trail.data()[0]["changes"], json!({ "isActive": { "from": true, "to": false } }));
        rename(&ana, "Padaria Velha").await;
        node.stop().await;
        assert_eq!(hooks.all().len(), 1);
    }

    async fn a_receiver_that_asks_for_time_gets_it(app: TestApp) {
        let hooks = Hooks::start().await;
        hooks.react([Reaction::Answer(429, vec![("retry-after", "120".to_owned())], "slow down".to_owned())]);
        let (_, ana) = customer(&app, "padaria").await;
        let made = register(&ana, &hooks.url(), &["organization.updated"]).await;
        let node = Node::start(&app);
        rename(&ana, "Padaria Nova").await;
        let failed = delivery(&ana, &made.id(), "failed").await;
        assert_eq!(failed["nextAttemptAt"], "2026-11-21T12:02:00.000000Z");
        assert_eq!(failed["attempts"][0]["responseBody"], "slow down");
        app.clock().advance(Duration::from_secs(119));
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(hooks.all().len(), 1);
        app.clock().advance(Duration::from_secs(1));
        hooks.until(2).await;
        node.stop().await;
    }

    async fn a_redirect_is_a_failure_and_leads_nowhere(app: TestApp) {
        let (hooks, elsewhere) = (Hooks::start().await, Hooks::start().await);
        hooks.react_always(Reaction::Answer(301, vec![("location", elsewhere.url())], String::new()));
        let (_, ana) = customer(&app, "padaria").await;
        let made = register(&ana, &hooks.url(), &["organization.updated"]).await;
        let node = Node::start(&app);
        rename(&ana, "Padaria Nova").await;
        let failed = delivery(&ana, &made.id(), "failed").await;
        assert_eq!((&failed["attempts"][0]["status"], &failed["attempts"][0]["error"]),
            (&json!(301), &json!("redirects are not followed")));
        node.stop().await;
        assert_eq!(elsewhere.all().len(), 0);
    }

    async fn one_that_never_answers_delays_nobody_else(app: TestApp) {
        let (silent, hooks) = (Hooks::start().await, Hooks::start().await);
        silent.react_always(Reaction::Silence);
        let (_, ana) = customer(&app, "padaria").await;
        let made = register(&ana, &silent.url(), &["organization.updated"]).await;
        register(&ana, &hooks.url(), &["organization.updated"]).await;
        for number in 0..10 {
            rename(&ana, &format!("Padaria {number}")).await;
        }
        let node = Node::start(&app);
        hooks.until(10).await;
        // The silent one still holds what it got first: nothing of it came to an end before all others did.
        let path = format!("/webhooks/{}/deliveries", made.id());
        let waiting = ana.get(&path).send().await.expect(200);
        assert!(waiting.data().as_array().unwrap().iter().all(|one| one["status"] == "pending"));
        eventually(&ana, &path, |all| {
            all.as_array().unwrap().iter().any(|one| one["attempts"][0]["error"] == "there was no answer in time")
        }).await;
        node.stop().await;
    }

    async fn after_five_days_without_success_an_endpoint_is_switched_off(app: TestApp) {
        let hooks = Hooks::start().await;
        hooks.react_always(Reaction::status(500));
        let (_, ana) = customer(&app, "padaria").await;
        let made = register(&ana, &hooks.url(), &["organization.updated"]).await;
        let webhook = format!("/webhooks/{}", made.id());
        let node = Node::start(&app);
        rename(&ana, "Padaria 1").await;
        hooks.until(1).await;
        delivery(&ana, &made.id(), "failed").await;
        app.clock().advance(Duration::from_secs(4 * 86_400));
        hooks.until(2).await;
        eventually(&ana, &format!("{webhook}/deliveries"), |all| all[0]["attempts"][1]["status"] == 500).await;
        assert_eq!(ana.get(&webhook).send().await.expect(200).data()["isActive"], true);
        app.clock().advance(Duration::from_secs(86_400));
        eventually(&ana, &webhook, |webhook| webhook["isActive"] == false).await;
        assert_eq!(ana.get("/audit-logs?action=webhook.disabled").send().await.expect(200).data().as_array().unwrap().len(), 1);

        // Switched on again it goes on with what waited.
        hooks.react_always(Reaction::status(200));
        ana.patch(&webhook).json(&json!({ "isActive": true })).send().await.expect(200);
        app.clock().advance(Duration::from_secs(60));
        delivery(&ana, &made.id(), "delivered").await;
        node.stop().await;
    }

    async fn dead_letters_are_replayed_by_endpoint_and_time(app: TestApp) {
        let (hooks, other) = (Hooks::start().await, Hooks::start().await);
        for receiver in [&hooks, &other] {
            receiver.react_always(Reaction::status(410));
        }
        let (_, ana) = customer(&app, "padaria").await;
        let made = register(&ana, &hooks.url(), &["organization.updated"]).await;
        let second = register(&ana, &other.url(), &["organization.updated"]).await;
        let node = Node::start(&app);
        let dead = async |count: usize| {
            eventually(&ana, "/webhooks/dead-letters?limit=100", |all| all.as_array().unwrap().len() == count).await
        };
        let revive = async |id: &str| {
            ana.patch(&format!("/webhooks/{id}")).json(&json!({ "isActive": true })).send().await.expect(200);
        };
        rename(&ana, "Padaria 1").await;
        dead(2).await;
        for id in [made.id(), second.id()] {
            eventually(&ana, &format!("/webhooks/{id}"), |webhook| webhook["isActive"] == false).await;
            revive(&id).await;
        }
        app.clock().advance(Duration::from_secs(3_600));
        rename(&ana, "Padaria 2").await;
        dead(4).await;
        for id in [made.id(), second.id()] {
            eventually(&ana, &format!("/webhooks/{id}"), |webhook| webhook["isActive"] == false).await;
            revive(&id).await;
        }
        for receiver in [&hooks, &other] {
            receiver.react_always(Reaction::status(200));
        }
        // One endpoint, the first hour.
        let body = json!({ "webhookId": made.id(), "to": "2026-11-21T12:30:00Z" });
        let accepted = ana.post("/webhooks/dead-letters/replay").json(&body).send().await.expect(202);
        assert_eq!(accepted.data()["webhookId"], made.id());
        hooks.until(3).await;
        assert_eq!(hooks.all()[2].json()["data"]["name"], "Padaria 1");
        dead(3).await;
        // All that is left.
        ana.post("/webhooks/dead-letters/replay").send().await.expect(202);
        dead(0).await;
        hooks.until(4).await;
        other.until(4).await;
        node.stop().await;
    }
    async fn an_event_of_more_than_256_kib_is_not_sent(app: TestApp) {
        let hooks = Hooks::start().await;
        let (_, ana) = customer(&app, "padaria").await;
        let made = register(&ana, &hooks.url(), &["organization.updated"]).await;
        for (name, bytes) in [("Grande", 128 * 1_024), ("Menor", 127 * 1_024)] {
            rename(&ana, name).await;
            let filled = |data: &str| {
                format!("UPDATE outbox_events SET data = {data} WHERE type = 'organization.updated' AND data->>'name' = '{name}'")
            };
            execute(
                &app,
                &filled(&format!(r#"'{{"filled":"' || hex(zeroblob({bytes})) || '"}}'"#)),
                &filled(&format!(r#"('{{"filled":"' || repeat('00', {bytes}) || '"}}')::json"#)),
            )
            .await;
        }
        let node = Node::start(&app);
        let arrived = hooks.until(1).await.remove(0);
        assert_eq!(arrived.json()["data"]["filled"].as_str().unwrap().len(), 254 * 1_024);
        let path = format!("/webhooks/{}/deliveries", made.id());
        let both = eventually(&ana, &path, |all| {
            let mut states: Vec<_> = all.as_array().unwrap().iter().map(|one| one["status"].as_str().unwrap()).collect();
            states.sort_unstable();
            states == ["dead", "delivered"]
        }).await;
        let dead = both.as_array().unwrap().iter().find(|one| one["status"] == "dead").unwrap();
        assert_eq!(dead["attempts"][0]["error"], "the event is larger than 256 KiB");
        node.stop().await;
        assert_eq!(hooks.all().len(), 1);
    }
}
