//! What the tests share: a server with its workers, and an independent reading of signatures.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contracts::Ports;
use kernel::OrganizationId;
use outbox::Config;
use serde_json::{Value, json};
use testkit::{Client, Engine, Hook, Reply, TestApp};
use tokio_util::sync::CancellationToken;

/// How long a test waits for what the workers have to do.
const PATIENCE: Duration = Duration::from_secs(20);

/// The context, with roles to have events of, and the audit trail to look into.
pub(crate) async fn start(engine: Engine) -> Option<TestApp> {
    start_with(engine, Config::for_tests()).await
}

pub(crate) async fn start_with(engine: Engine, config: Config) -> Option<TestApp> {
    let modules = vec![organization::module(), audit::module(), outbox::module()];
    TestApp::start_with(engine, modules, |ports| provide(ports, config)).await
}

/// What the contexts take from the composition root.
fn provide(ports: &Ports, config: Config) {
    ports.provide(Arc::new(config));
    ports.provide(Arc::new(audit::Config {
        archives: std::env::temp_dir(),
    }));
}

/// With people who are let in, hold what they were granted, and get mail.
pub(crate) async fn start_with_people(engine: Engine) -> Option<TestApp> {
    let modules = || {
        vec![
            organization::module(),
            catalog::module(),
            identity::module(),
            access::module(),
            audit::module(),
            outbox::module(),
        ]
    };
    let app = TestApp::start_with(engine, modules(), |ports| {
        provide(ports, Config::for_tests());
        ports.provide(Arc::new(identity::Config::for_tests()));
    })
    .await?;
    let manifests = modules().into_iter().map(|module| module.manifest).collect();
    catalog::seed(app.db(), app.platform(), manifests).await.unwrap();
    Some(app)
}

/// The workers of one node, which end with the test.
pub(crate) struct Node {
    stop: CancellationToken,
    working: tokio::task::JoinHandle<()>,
}

impl Node {
    /// Starts what every node does all the time.
    pub(crate) fn start(app: &TestApp) -> Self {
        Self::of(app, outbox::module())
    }

    /// Starts what every node does all the time for this context.
    pub(crate) fn of(app: &TestApp, module: http::Module) -> Self {
        let stop = CancellationToken::new();
        let [worker] = <[http::Worker; 1]>::try_from(module.workers).unwrap();
        let working = tokio::spawn((worker.run)(app.edge().app().clone(), stop.clone()));
        Self { stop, working }
    }

    /// Ends as a server does that is told to stop.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.working).await.unwrap().unwrap();
    }

    /// Ends as a server does that is killed: whatever it was at is left as it is.
    pub(crate) fn kill(self) {
        self.working.abort();
    }
}

/// An organization with its administrator.
pub(crate) async fn customer(app: &TestApp, slug: &str) -> (OrganizationId, Client) {
    let organization = app.organization(slug).await;
    (organization, app.administrator(organization))
}

/// Registers an endpoint.
pub(crate) async fn register(client: &Client, url: &str, types: &[&str]) -> Reply {
    let body = json!({ "url": url, "eventTypes": types });
    client.post("/webhooks").json(&body).send().await.expect(201)
}

/// Something that happens in the caller's organization.
pub(crate) async fn rename(client: &Client, name: &str) {
    let body = json!({ "name": name });
    client
        .patch("/organizations/current")
        .json(&body)
        .send()
        .await
        .expect(200);
}

/// Asks the database behind the program's back until it tells these texts, one in each row.
pub(crate) async fn eventually_stored(app: &TestApp, query: &str, wanted: &[&str]) {
    let wanted: Vec<_> = wanted.iter().map(|text| [Some((*text).to_owned())]).collect();
    let told = tokio::time::timeout(PATIENCE, async {
        while db::admin::query(app.url(), query).await.unwrap() != wanted {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    assert!(told.await.is_ok(), "{query} does not tell {wanted:?}");
}

/// Asks until the answer is as wanted.
pub(crate) async fn eventually(client: &Client, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    let waited = tokio::time::timeout(PATIENCE, async {
        loop {
            last = client.get(path).send().await.expect(200).data().clone();
            if wanted(&last) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let came = waited.await.is_ok();
    assert!(came, "{path} stays {last:#}");
    last
}

/// The only delivery of an endpoint, once it is as wanted.
pub(crate) async fn delivery(client: &Client, webhook: &str, status: &str) -> Value {
    let path = format!("/webhooks/{webhook}/deliveries");
    let all = eventually(client, &path, |all| all[0]["status"] == status).await;
    assert_eq!(all.as_array().unwrap().len(), 1, "{all:#}");
    all[0].clone()
}

/// Reads a delivery as the specification of Standard Webhooks says a receiver does, and not as this program signs: the secrets
/// that its signatures are by.
pub(crate) fn signed_by<'s>(hook: &Hook, secrets: &[&'s str]) -> Vec<&'s str> {
    let content = [
        hook.header("webhook-id").as_bytes(),
        b".",
        hook.header("webhook-timestamp").as_bytes(),
        b".",
        &hook.body,
    ]
    .concat();
    let signatures: Vec<_> = hook.header("webhook-signature").split(' ').collect();
    secrets
        .iter()
        .copied()
        .filter(|secret| {
            let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
            let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
            signatures.iter().any(|signature| {
                let (version, signature) = signature.split_once(',').unwrap();
                version == "v1" && hmac::verify(&key, &content, &STANDARD.decode(signature).unwrap()).is_ok()
            })
        })
        .collect()
}
