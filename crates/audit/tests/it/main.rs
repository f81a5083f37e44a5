//! The audit context over HTTP, on both engines.
#![cfg(test)]

mod chain;
mod export;
mod retention;
mod security;

use http::Module;
use testkit::{Engine, TestApp};

/// The context with organizations to make entries about. Its own jobs run when a test runs them.
fn modules() -> Vec<Module> {
    vec![organization::module(), audit::module()]
}

async fn start(engine: Engine) -> Option<TestApp> {
    TestApp::start(engine, modules()).await
}

/// Runs the sealer once, as the scheduler would.
async fn seal(app: &TestApp) -> u64 {
    try_seal(app).await.unwrap()
}

/// Runs the sealer once, whatever comes of it.
async fn try_seal(app: &TestApp) -> Result<u64, http::StartFailed> {
    let jobs = http::Jobs::of(&modules());
    let job = jobs.find("audit-sealing").unwrap();
    (job.run)(app.edge().app().clone()).await
}

testkit::conformance!(audit::module, crate::start);
