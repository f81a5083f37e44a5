//! The catalogue: which modules and permissions the installation has.
//!
//! The contexts declare them in their manifests; [`seed`] brings the tables in line at every start. Managing modules, packages
//! and entitlements through the API belongs here too.

mod seed;
mod store;

use contracts::Manifest;
use db::migrate::Migrations;
use http::Module;

pub use seed::{Seeded, seed};

/// What this context declares.
pub const MANIFEST: Manifest = Manifest {
    code: "MODULE_MANAGEMENT",
    name: "Modules",
    description: "The modules and permissions of the installation",
    is_core: true,
    permissions: &[],
    events: &[],
};

/// The context, for the composition root.
#[must_use]
pub fn module() -> Module {
    Module {
        manifest: MANIFEST,
        migrations: Some(MIGRATIONS),
        statements: [store::modules::STATEMENTS, store::permissions::STATEMENTS].concat(),
        lists: Vec::new(),
        routes: |_| Vec::new(),
        ..Module::new(MANIFEST)
    }
}

const MIGRATIONS: Migrations = db::migrations!("catalog": "0001_catalog", "0002_packages");
