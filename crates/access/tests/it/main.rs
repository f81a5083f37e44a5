//! The access context over HTTP, on both engines.
#![cfg(test)]

mod administrators;
mod checks;
mod conditions;
mod differential;
mod escalation;
mod expiry;
mod flow;
mod groups;
mod inheritance;
mod machines;
mod nodes;
mod operator;
mod permissions;
mod roles;
mod user_roles;
mod world;

use std::sync::Arc;

use http::Module;
use testkit::{Engine, TestApp};

/// The context, with what it decides from beside it, and the audit trail to look into.
fn modules() -> Vec<Module> {
    vec![
        organization::module(),
        catalog::module(),
        identity::module(),
        access::module(),
        audit::module(),
    ]
}

async fn start(engine: Engine) -> Option<TestApp> {
    let app = TestApp::start_with(engine, modules(), |ports| {
        ports.provide(Arc::new(identity::Config::for_tests()));
        ports.provide(Arc::new(audit::Config {
            archives: std::env::temp_dir(),
        }));
    })
    .await?;
    let manifests = modules().into_iter().map(|module| module.manifest).collect();
    catalog::seed(app.db(), app.platform(), manifests).await.unwrap();
    Some(app)
}

testkit::conformance!(access::module, crate::start);
