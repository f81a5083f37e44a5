//! The organization context over HTTP, on both engines.
#![cfg(test)]

mod current;
mod flow;
mod jobs;
mod lifecycle;
mod listing;
mod once;
mod trail;
mod writing;

use testkit::{Engine, TestApp};

/// The context, with the audit trail beside it to look into.
async fn start(engine: Engine) -> Option<TestApp> {
    TestApp::start(engine, vec![organization::module(), audit::module()]).await
}

testkit::conformance!(organization::module, crate::start);
