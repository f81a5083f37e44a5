//! The catalogue: which modules and permissions the installation has, in which packages they are sold, and what of it each
//! organization may use.
//!
//! The contexts declare core modules and permissions in their manifests, and [`seed`] brings the tables in line at every start; the
//! business modules and the packages are in a file, for [`seed_catalogue`]. What an organization may use is computed from its
//! package, what was switched by hand and the exceptions made for it: [`domain`] says how, in `Standing`. Nothing is copied from one
//! to the other, so an edit of a package, or a switch for the whole installation, is as large as itself.

mod app;
mod domain;
mod entitlements;
mod file;
mod http;
mod manifest;
mod seed;
mod seed_file;
mod store;
mod views;

use std::sync::Arc;
use std::time::Duration;

use ::http::{App, Job, Module, StartFailed};
use contracts::catalog::{Entitlements, Packages};
use db::migrate::Migrations;

pub use file::{BUILT_IN, Catalogue, InvalidCatalogue};
pub use manifest::{
    EntitlementRead, EntitlementUpdate, MANIFEST, ModuleCreate, ModuleRead, ModuleUpdate, OrganizationModuleRead,
    OrganizationModuleUpdate, PackageCreate, PackageDelete, PackageRead, PackageUpdate,
};
pub use seed::{Seeded, seed};
pub use seed_file::{CatalogueSeeded, SeedCatalogueError, seed_catalogue};

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
            store::rollouts::STATEMENTS,
            store::seeds::STATEMENTS,
            store::standings::STATEMENTS,
        ]
        .concat(),
        lists: store::packages::lists(),
        routes: |app| {
            let groups = http::routes().into_iter();
            groups.map(|group| group.with_state(app.clone())).collect()
        },
        jobs: vec![Job {
            name: "package-rollout",
            description: "Makes what comes with a module for the organizations whose package got it",
            every: Duration::from_secs(15),
            run: |app| Box::pin(roll_out(app)),
        }],
        start: |foundation| {
            let reader = Arc::new(entitlements::Reader::new(foundation.db));
            foundation.ports.provide::<dyn Entitlements>(reader.clone());
            foundation.ports.provide::<dyn Packages>(reader);
            Box::pin(std::future::ready(Ok(())))
        },
        ..Module::new(MANIFEST)
    }
}

const MIGRATIONS: Migrations =
    db::migrations!("catalog": "0001_catalog", "0002_packages", "0003_seeds", "0004_rollouts");

async fn roll_out(app: App) -> Result<u64, StartFailed> {
    let neighbours = app::Neighbours::of(app.ports())?;
    Ok(app::roll_out(app.db(), &neighbours, app.generators().now()).await?)
}
