//! The audit trail: who did what to what, when, from where, with what change.
//!
//! Nothing here writes an entry. Every unit of work does, in the same transaction as the change, from the events that aggregates
//! recorded (`db`); the table is append-only. This context shows an organization its own trail.

mod http;
mod manifest;
mod store;

pub use manifest::{AuditLogRead, MANIFEST};

/// The context, for the composition root.
#[must_use]
pub fn module() -> ::http::Module {
    ::http::Module {
        manifest: MANIFEST,
        // The table is written by every unit of work, so it is among the core migrations.
        migrations: None,
        statements: store::entries::STATEMENTS.to_vec(),
        lists: Vec::new(),
        routes: |app| vec![http::routes().with_state(app)],
        ..::http::Module::new(MANIFEST)
    }
}
