//! The catalogue: which modules and permissions the installation has.
//!
//! The contexts declare them in their manifests; [`seed`] brings the tables in line at every start. Managing modules, packages
//! and entitlements through the API belongs here too.

mod app;
mod domain;
mod entitlements;
mod http;
mod manifest;
mod seed;
mod store;
mod views;

use std::sync::Arc;

use ::http::Module;
use contracts::catalog::{Entitlements, Packages};
use db::migrate::Migrations;

pub use manifest::{
    EntitlementRead, EntitlementUpdate, MANIFEST, ModuleCreate, ModuleRead, ModuleUpdate, OrganizationModuleRead,
    OrganizationModuleUpdate, PackageCreate, PackageDelete, PackageRead, PackageUpdate,
};
pub use seed::{Seeded, seed};

/// The context, for the composition root.
#[must_use]
pub fn module() -> Module {
    Module {
        manifest: MANIFEST,
        migrations: Some(MIGRATIONS),
        statements: [
            store::modules::STATEMENTS,
            store::packages::STATEMENTS,
            store::permissions::STATEMENTS,
            store::standings::STATEMENTS,
        ]
        .concat(),
        lists: store::packages::lists(),
        routes: |app| {
            let groups = http::routes().into_iter();
            groups.map(|group| group.with_state(app.clone())).collect()
        },
        start: |foundation| {
            let reader = Arc::new(entitlements::Reader::new(foundation.db));
            foundation.ports.provide::<dyn Entitlements>(reader.clone());
            foundation.ports.provide::<dyn Packages>(reader);
            Box::pin(std::future::ready(Ok(())))
        },
        ..Module::new(MANIFEST)
    }
}

const MIGRATIONS: Migrations = db::migrations!("catalog": "0001_catalog", "0002_packages");
