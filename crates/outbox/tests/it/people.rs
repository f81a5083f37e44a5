//! Whose right an endpoint delivers by, and who hears that it was switched off.

use std::time::Duration;

use contracts::access::{ORG_ADMIN, SUPER_ADMIN};
use serde_json::Value;
use testkit::{Hook, Hooks, Reaction, TestApp};

use crate::world::{Node, customer, delivery, eventually, register, rename, start_with_people};

/// Waits for the mail, which names the receiver without what may be secret in its address.
async fn told_that_it_is_off(app: &TestApp, address: &str, url: &str) {
    let told = async {
        while app.mails().to(address).is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), told).await.unwrap();
    let mail = app.mails().to(address).remove(0);
    assert!(
        mail.text.contains(url) && !mail.text.contains("secret"),
        "{}",
        mail.text
    );
}

testkit::behaviours! {
    with start_with_people;

    async fn delivery_stops_when_the_maker_may_no_longer_read(app: TestApp) {
        let hooks = Hooks::start().await;
        let (organization, _) = customer(&app, "padaria").await;
        // Somebody else keeps the organization administered.
        let ana = app.member(organization, Some(ORG_ADMIN)).await.client;
        let bia = app.member(organization, Some(ORG_ADMIN)).await;
        let made = register(&bia.client, &hooks.url(), &["organization.updated"]).await;
        let node = Node::start(&app);
        rename(&ana, "Padaria Nova").await;
        hooks.until(1).await;
        ana.delete(&format!("/users/{}", bia.id)).send().await.expect(204);
        rename(&ana, "Padaria Velha").await;
        // A test carries nothing but the endpoint itself.
        let waiting = ana.post(&format!("/webhooks/{}/test", made.id())).send().await.expect(202);
        hooks.until(2).await;
        assert_eq!(hooks.all()[1].header("webhook-id"), waiting.data()["eventId"]);
        node.stop().await;
        assert!(hooks.all().iter().all(|hook| hook.json()["data"]["name"] != "Padaria Velha"));

        // A right that comes back counts for what happens from then on.
        ana.post(&format!("/users/{}/activate", bia.id)).send().await.expect(200);
        let node = Node::start(&app);
        rename(&ana, "Padaria Central").await;
        let heard = hooks.until(3).await;
        assert_eq!(heard[2].json()["data"]["name"], "Padaria Central");
        node.stop().await;
    }

    async fn whoever_may_not_read_customers_hears_of_the_platform_alone(app: TestApp) {
        let (everything, own) = (Hooks::start().await, Hooks::start().await);
        let operator = app.member(app.platform(), Some(SUPER_ADMIN)).await.client;
        // Reads the profile of the organization that it is in, as everybody's administrators do.
        let clerk = app.member(app.platform(), Some(ORG_ADMIN)).await.client;
        register(&operator, &everything.url(), &["organization.*"]).await;
        register(&clerk, &own.url(), &["organization.*", "webhook.*"]).await;
        let (_, ana) = customer(&app, "padaria").await;
        let node = Node::start(&app);
        let heard = async |hooks: &Hooks, field: &str, value: &str| {
            let mut known = hooks.until(1).await;
            while !known.iter().any(|hook| hook.json()["data"][field] == value) {
                known = hooks.until(known.len() + 1).await;
            }
        };
        rename(&ana, "Padaria Nova").await;
        heard(&everything, "name", "Padaria Nova").await;
        let last = register(&operator, "http://127.0.0.1:9/", &["role.*"]).await.id();
        heard(&own, "id", &last).await;
        node.stop().await;
        let kinds: Vec<_> = own.all().iter().map(Hook::json).collect();
        assert!(kinds.iter().all(|hook| hook["type"] == "webhook.created" || hook["data"]["slug"] == "platform"), "{kinds:?}");
    }

    async fn a_delivery_that_waits_dies_when_the_maker_may_no_longer_read(app: TestApp) {
        let hooks = Hooks::start().await;
        hooks.react([Reaction::status(500)]);
        let (organization, _) = customer(&app, "padaria").await;
        let ana = app.member(organization, Some(ORG_ADMIN)).await.client;
        let bia = app.member(organization, Some(ORG_ADMIN)).await;
        let made = register(&bia.client, &hooks.url(), &["organization.updated"]).await;
        let node = Node::start(&app);
        rename(&ana, "Padaria Nova").await;
        delivery(&ana, &made.id(), "failed").await;
        ana.delete(&format!("/users/{}", bia.id)).send().await.expect(204);
        app.clock().advance(Duration::from_secs(2));
        let dead = delivery(&ana, &made.id(), "dead").await;
        assert_eq!(dead["attempts"][1]["error"], "the endpoint's maker may no longer read this");
        assert_eq!(dead["attempts"][1]["status"], Value::Null);
        node.stop().await;
        assert_eq!(hooks.all().len(), 1);
    }

    async fn the_maker_is_told_that_an_endpoint_was_switched_off(app: TestApp) {
        let hooks = Hooks::start().await;
        hooks.react_always(Reaction::status(410));
        let (organization, ana) = customer(&app, "padaria").await;
        let bia = app.member(organization, Some(ORG_ADMIN)).await;
        let url = format!("{}?token=secret", hooks.url());
        let made = register(&bia.client, &url, &["organization.updated"]).await;
        let (node, mails) = (Node::start(&app), Node::of(&app, identity::module()));
        rename(&ana, "Padaria Nova").await;
        eventually(&ana, &format!("/webhooks/{}", made.id()), |webhook| webhook["isActive"] == false).await;
        told_that_it_is_off(&app, &bia.email, &hooks.url()).await;
        node.stop().await;
        mails.stop().await;
    }

    async fn the_maker_is_told_that_nothing_arrived_for_five_days(app: TestApp) {
        let hooks = Hooks::start().await;
        hooks.react_always(Reaction::status(500));
        let (organization, ana) = customer(&app, "padaria").await;
        let bia = app.member(organization, Some(ORG_ADMIN)).await;
        let made = register(&bia.client, &hooks.url(), &["organization.updated"]).await;
        let (node, mails) = (Node::start(&app), Node::of(&app, identity::module()));
        rename(&ana, "Padaria Nova").await;
        delivery(&ana, &made.id(), "failed").await;
        app.clock().advance(Duration::from_secs(5 * 86_400));
        told_that_it_is_off(&app, &bia.email, &hooks.url()).await;
        node.stop().await;
        mails.stop().await;
        assert_eq!(hooks.count(), 2);
    }

    async fn a_receiver_that_is_back_after_five_days_is_not_switched_off(app: TestApp) {
        let hooks = Hooks::start().await;
        hooks.react([Reaction::status(500)]);
        let (organization, ana) = customer(&app, "padaria").await;
        let bia = app.member(organization, Some(ORG_ADMIN)).await;
        let made = register(&bia.client, &hooks.url(), &["organization.updated"]).await;
        let node = Node::start(&app);
        rename(&ana, "Padaria Nova").await;
        delivery(&ana, &made.id(), "failed").await;
        app.clock().advance(Duration::from_secs(5 * 86_400));
        delivery(&ana, &made.id(), "delivered").await;
        rename(&ana, "Padaria Velha").await;
        hooks.until(3).await;
        node.stop().await;
        let webhook = ana.get(&format!("/webhooks/{}", made.id())).send().await.expect(200);
        assert_eq!(webhook.data()["isActive"], true);
    }
}
