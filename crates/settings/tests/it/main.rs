//! The settings context over HTTP, on both engines.
#![cfg(test)]

mod branding;
mod connections;
mod encrypted;
mod integrations;
mod options;
mod pictures;
mod resealing;

use testkit::{Engine, TestApp};

/// The context, with the audit trail beside it to look into.
async fn start(engine: Engine) -> Option<TestApp> {
    TestApp::start(
        engine,
        vec![organization::module(), audit::module(), settings::module()],
    )
    .await
}

testkit::conformance!(settings::module, crate::start);
