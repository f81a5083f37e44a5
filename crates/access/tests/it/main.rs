//! The access context over HTTP, on both engines.
#![cfg(test)]

mod roles;

use testkit::{Engine, TestApp};

/// The context, with the audit trail beside it to look into.
async fn start(engine: Engine) -> Option<TestApp> {
    let app = TestApp::start(engine, vec![organization::module(), access::module(), audit::module()]).await?;
    access::seed_system_roles(app.db(), app.platform()).await.unwrap();
    Some(app)
}

testkit::conformance!(access::module, crate::start);
