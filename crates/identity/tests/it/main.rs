//! The building blocks together, and the context over HTTP on both engines.
#![cfg(test)]

mod api_keys;
mod conditions;
mod encrypted_mail;
mod flow;
mod holders;
mod invitations;
mod links;
mod login;
mod mails;
mod marked_secrets;
mod people;
mod protection;
mod refresh;
mod registration;
mod second_factor;
mod service_accounts;
mod sessions;
mod settings;
mod story;
mod tokens;
mod user_changes;
mod users;

use std::sync::Arc;

use contracts::Ports;
use identity::Config;
use testkit::{Engine, TestApp};

/// The context, with what it needs beside it: who exists, what there is to hold, and the audit trail to look into.
async fn start(engine: Engine) -> Option<TestApp> {
    start_with(engine, Config::for_tests(), |_| {}).await
}

/// As [`start`], with another configuration, and with what `provide` puts beside it.
async fn start_with(engine: Engine, config: Config, provide: impl FnOnce(&Ports)) -> Option<TestApp> {
    let modules = || {
        vec![
            organization::module(),
            catalog::module(),
            identity::module(),
            audit::module(),
        ]
    };
    let provide = |ports: &Ports| {
        ports.provide(Arc::new(config));
        provide(ports);
    };
    let app = TestApp::start_with(engine, modules(), provide).await?;
    let manifests = modules().into_iter().map(|module| module.manifest).collect();
    catalog::seed(app.db(), app.platform(), manifests).await.unwrap();
    Some(app)
}

/// The context with the one that decides beside it: who holds what is real, and so are the judgements of it.
async fn governed(engine: Engine) -> Option<TestApp> {
    governed_with(engine, |_| {}).await
}

/// As [`governed`], with what `provide` puts beside it.
async fn governed_with(engine: Engine, provide: impl FnOnce(&Ports)) -> Option<TestApp> {
    let modules = || {
        vec![
            organization::module(),
            catalog::module(),
            identity::module(),
            access::module(),
            audit::module(),
        ]
    };
    let provide = |ports: &Ports| {
        ports.provide(Arc::new(Config::for_tests()));
        provide(ports);
    };
    let app = TestApp::start_with(engine, modules(), provide).await?;
    let manifests = modules().into_iter().map(|module| module.manifest).collect();
    catalog::seed(app.db(), app.platform(), manifests).await.unwrap();
    access::seed_system_roles(app.db(), app.platform()).await.unwrap();
    Some(app)
}

testkit::conformance!(identity::module, crate::start);
