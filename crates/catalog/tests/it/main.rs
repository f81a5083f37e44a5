//! The catalogue over HTTP, on both engines.
#![cfg(test)]

mod entitlements;
mod modules;
mod organization_modules;
mod packages;
mod reference;
mod seeds;

use kernel::OrganizationId;
use serde_json::{Value, json};
use testkit::{Engine, Reply, TestApp};

/// The context, with the audit trail beside it to look into.
async fn start(engine: Engine) -> Option<TestApp> {
    let app = TestApp::start(engine, vec![organization::module(), catalog::module(), audit::module()]).await?;
    let manifests = vec![organization::MANIFEST, catalog::MANIFEST];
    catalog::seed(app.db(), app.platform(), manifests).await.unwrap();
    Some(app)
}

/// Makes a business module, and tells its id.
async fn module(app: &TestApp, code: &str) -> String {
    let body = json!({ "code": code, "name": format!("Module {code}") });
    let made = app.operator().post("/modules").json(&body).send().await.expect(201);
    made.id().to_owned()
}

/// Makes a package of modules, and tells its id.
async fn package(app: &TestApp, code: &str, modules: &[&str]) -> String {
    let body = json!({ "code": code, "name": format!("Package {code}"), "modules": modules });
    let made = app.operator().post("/packages").json(&body).send().await.expect(201);
    made.id().to_owned()
}

/// Puts an organization on a package.
async fn put_on(app: &TestApp, organization: OrganizationId, package: &str) -> Reply {
    let path = format!("/organizations/{organization}/package");
    let body = json!({ "packageCode": package });
    app.operator().put(&path).json(&body).send().await
}

/// What an organization may use, by module: whether it is on, and why.
async fn modules_of(app: &TestApp, organization: OrganizationId) -> Vec<(String, bool, String)> {
    let path = format!("/organizations/{organization}/entitlements");
    let reply = app.operator().get(&path).send().await.expect(200);
    let modules = reply.data()["modules"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    modules
        .map(|module| (text(&module["code"]), module["active"] == true, text(&module["source"])))
        .collect()
}

/// Whether one module is on, and why.
async fn standing(app: &TestApp, organization: OrganizationId, code: &str) -> (bool, String) {
    let modules = modules_of(app, organization).await;
    let (_, active, source) = modules.into_iter().find(|(known, ..)| known == code).unwrap();
    (active, source)
}

testkit::conformance!(catalog::module, crate::start);
