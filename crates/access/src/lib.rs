//! Access: who may do what. Roles, and what they are granted to.
//!
//! The shape is that of the organization context: [`domain`] decides from values, [`app`] orders the steps, [`store`] names the
//! tables, [`http`](mod@self::http) names statuses and JSON. The decisions themselves are taken in `authz`, from memory.

mod app;
mod domain;
mod http;
mod manifest;
mod store;

use ::http::Module;
use db::migrate::Migrations;

pub use app::seed_system_roles;
pub use manifest::{MANIFEST, RoleCreate, RoleDelete, RoleRead, RoleUpdate};

/// The context, for the composition root.
#[must_use]
pub fn module() -> Module {
    Module {
        manifest: MANIFEST,
        migrations: Some(MIGRATIONS),
        statements: [store::roles::STATEMENTS, store::system_roles::STATEMENTS].concat(),
        lists: store::roles::lists(),
        routes: |app| vec![http::routes().with_state(app)],
        ..Module::new(MANIFEST)
    }
}

const MIGRATIONS: Migrations = db::migrations!("access": "0001_roles");
