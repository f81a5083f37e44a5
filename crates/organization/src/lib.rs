//! Organizations: the customer companies of an installation, and the platform organization that operates it.
//!
//! This is the smallest whole context, and the one to copy. Read it from the inside out: [`domain`] decides from values,
//! [`app`] orders the steps of each use case, [`store`] names the table, [`http`](mod@self::http) names statuses and JSON, and
//! [`manifest`] is what the context declares about itself. What the rest of the program may use is below, and nothing else.

mod app;
mod domain;
mod http;
mod manifest;
mod store;
mod tenants;

use ::http::{App, Routes};
use db::Sql;
use db::migrate::Migrations;

pub use app::{platform, seed_platform};
pub use manifest::{
    MANIFEST, OrganizationCreate, OrganizationDelete, OrganizationRead, OrganizationUpdate, ProfileRead, ProfileUpdate,
};
pub use tenants::TenantDirectory;

/// The context's migrations.
pub const MIGRATIONS: Migrations = db::migrations!("organization": "0001_organizations");

/// The context's statements, for the statement test.
pub const STATEMENTS: &[Sql] = store::organizations::STATEMENTS;

/// The context's routes.
pub fn routes(app: App) -> Routes {
    http::routes().with_state(app)
}
