//! The building blocks together, and the context over HTTP on both engines.
#![cfg(test)]

mod marked_secrets;
mod story;

use std::sync::Arc;

use testkit::{Engine, TestApp};

/// The context, with what it needs beside it: who exists, what there is to hold, and the audit trail to look into.
async fn start(engine: Engine) -> Option<TestApp> {
    let modules = || {
        vec![
            organization::module(),
            catalog::module(),
            identity::module(),
            audit::module(),
        ]
    };
    let config = |ports: &contracts::Ports| ports.provide(Arc::new(identity::Config::for_tests()));
    let app = TestApp::start_with(engine, modules(), config).await?;
    let manifests = modules().into_iter().map(|module| module.manifest).collect();
    catalog::seed(app.db(), app.platform(), manifests).await.unwrap();
    Some(app)
}

testkit::conformance!(identity::module, crate::start);
