//! Endpoints that lead inside: refused when they are registered, and when what they mean changes.

use std::net::IpAddr;
use std::sync::Arc;

use kernel::Id as _;
use outbox::Config;
use parking_lot::Mutex;
use serde_json::json;
use testkit::{Engine, Hooks, TestApp};

use crate::world::{Node, customer, delivery, register, rename, start_with};

/// Answers every name with what it was last told.
#[derive(Default)]
struct Names(Mutex<Vec<IpAddr>>);

impl Names {
    fn mean(&self, addresses: &[&str]) {
        *self.0.lock() = addresses.iter().map(|text| text.parse().unwrap()).collect();
    }
}

impl outbound::Resolver for Names {
    fn resolve<'a>(&'a self, _: &'a str) -> futures_util::future::BoxFuture<'a, std::io::Result<Vec<IpAddr>>> {
        Box::pin(std::future::ready(Ok(self.0.lock().clone())))
    }
}

async fn with(engine: Engine, allow_private: bool) -> Option<(TestApp, Arc<Names>)> {
    let names = Arc::new(Names::default());
    let config = Config {
        allow_private,
        resolver: Some(Arc::clone(&names) as _),
        ..Config::for_tests()
    };
    Some((start_with(engine, config).await?, names))
}

async fn nothing_inside_is_registered(engine: Engine) {
    let Some((app, names)) = with(engine, false).await else {
        return;
    };
    let (_, ana) = customer(&app, "padaria").await;
    let post = async |url: &str| {
        let body = json!({ "url": url, "eventTypes": ["webhook.*"] });
        ana.post("/webhooks").json(&body).send().await
    };
    for url in [
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://localhost:8080/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://10.1.2.3/",
        "http://192.168.0.1/",
        "http://172.16.5.4/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/",
        "http://100.64.1.1/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://0.0.0.0/",
        "http://224.0.0.1/",
        "http://192.0.2.1/",
        "file:///etc/passwd",
        "ftp://example.com/",
        "https://user:secret@example.com/",
    ] {
        let refused = post(url).await.refused(400, "VALIDATION_FAILED");
        assert_eq!(refused.problems(), ["url: FORBIDDEN_URL"], "{url}");
    }
    // A name is what it means; one address inside is one too many.
    for addresses in [&["10.0.0.1"][..], &["8.8.8.8", "127.0.0.1"], &["fe80::1"]] {
        names.mean(addresses);
        post("https://hooks.example.com/")
            .await
            .refused(400, "VALIDATION_FAILED");
    }
    names.mean(&["8.8.8.8", "2606:4700::1111"]);
    post("https://hooks.example.com/").await.expect(201);
    // What does not resolve may tomorrow.
    names.mean(&[]);
    post("https://hooks.example.org/").await.expect(201);
}

async fn a_name_that_comes_to_mean_something_inside_gets_nothing(engine: Engine) {
    let Some((app, names)) = with(engine, true).await else {
        return;
    };
    let hooks = Hooks::start().await;
    let (organization, ana) = customer(&app, "padaria").await;
    names.mean(&["127.0.0.1"]);
    let url = format!("http://hooks.example.com:{}/", hooks.port());
    let made = register(&ana, &url, &["organization.updated"]).await;
    names.mean(&["169.254.169.254", "127.0.0.1"]);
    let node = Node::start(&app);
    rename(&ana, "Padaria Nova").await;
    let dead = delivery(&ana, &made.id(), "dead").await;
    assert_eq!(
        dead["attempts"][0]["error"],
        "the host has the address of a metadata service"
    );
    assert_eq!(dead["attempts"][0]["status"], json!(null));
    node.stop().await;
    assert_eq!((hooks.all().len(), organization.as_uuid().is_nil()), (0, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_inside_is_registered_on_sqlite() {
    nothing_inside_is_registered(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_inside_is_registered_on_postgres() {
    nothing_inside_is_registered(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebound_name_gets_nothing_on_sqlite() {
    a_name_that_comes_to_mean_something_inside_gets_nothing(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebound_name_gets_nothing_on_postgres() {
    a_name_that_comes_to_mean_something_inside_gets_nothing(Engine::Postgres).await;
}
