//! Organizations: the customer companies of an installation, and the platform organization that operates it.
//!
//! This is the smallest whole context, and the one to copy. Read it from the inside out: [`domain`] decides from values,
//! [`app`] orders the steps of each use case, [`store`] names the table, [`http`](mod@self::http) names statuses and JSON, and
//! [`manifest`] is what the context declares about itself. What the rest of the program may use is below, and nothing else.

mod app;
mod directory;
mod domain;
mod http;
mod manifest;
mod store;
mod tenants;

use std::sync::Arc;

use ::http::Module;
use contracts::organization::Organizations;
use db::migrate::Migrations;

pub use app::{platform, seed_platform};
pub use manifest::{
    MANIFEST, OrganizationCreate, OrganizationDelete, OrganizationRead, OrganizationUpdate, ProfileRead, ProfileUpdate,
};
pub use tenants::TenantDirectory;

/// The context, for the composition root.
#[must_use]
pub fn module() -> Module {
    Module {
        manifest: MANIFEST,
        migrations: Some(MIGRATIONS),
        statements: store::organizations::STATEMENTS.to_vec(),
        lists: store::organizations::lists(),
        start: |foundation| {
            let directory = Arc::new(directory::Directory::new(foundation.db));
            foundation.ports.provide::<dyn Organizations>(directory);
            Box::pin(std::future::ready(Ok(())))
        },
        routes: |app| vec![http::routes().with_state(app)],
        ..Module::new(MANIFEST)
    }
}

const MIGRATIONS: Migrations = db::migrations!("organization": "0001_organizations");
