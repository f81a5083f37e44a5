//! A context as the composition root sees it.

use contracts::Manifest;
use db::Sql;
use db::migrate::Migrations;

use crate::app::App;
use crate::routes::Routes;

/// What a context brings. Each context's crate has a function `module()` that says it.
pub struct Module {
    /// What it declares: permissions and events.
    pub manifest: Manifest,
    /// Its tables, if it has any of its own.
    pub migrations: Option<Migrations>,
    /// Its statements, so that a test can prepare each of them on both engines.
    pub statements: Vec<Sql<'static>>,
    /// The texts of the lists that it composes, for the same test.
    pub lists: Vec<String>,
    /// Its routes.
    pub routes: fn(App) -> Vec<Routes>,
}
