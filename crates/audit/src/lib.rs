//! The audit trail: who did what to what, when, from where, with what change.
//!
//! Entries of changes are written by every unit of work, in the same transaction as the change, from the events that aggregates
//! recorded (`db`); the table is append-only. This context adds what changed nothing and yet matters, such as failed logins
//! ([`trail`]), shows an organization its own trail, and makes it tamper-evident: a job seals what is new, so that a changed, a
//! removed and an added entry are found ([`domain`], [`app`]).

mod app;
mod domain;
mod http;
mod manifest;
mod measured;
mod store;
mod trail;
mod view;

use std::sync::Arc;
use std::time::Duration;

use ::http::{Foundation, Job, Module, Worker};
use contracts::audit::SecurityTrail;
use db::migrate::Migrations;

pub use app::{Config, ERASED, Head, Heads, Verdict, erase, tell, verify};
pub use manifest::{AuditLogExport, AuditLogRead, MANIFEST};

use crate::trail::Trail;

/// The context, for the composition root.
#[must_use]
pub fn module() -> Module {
    Module {
        manifest: MANIFEST,
        migrations: Some(MIGRATIONS),
        statements: [
            store::entries::STATEMENTS,
            store::seals::STATEMENTS,
            store::archives::STATEMENTS,
        ]
        .concat(),
        start: |foundation| {
            start(&foundation);
            Box::pin(std::future::ready(Ok(())))
        },
        routes: |app| vec![http::routes().with_state(app)],
        jobs: vec![
            Job {
                name: "audit-sealing",
                description: "Seals audit entries, so that changes to them show",
                every: Duration::from_secs(5),
                run: |app| Box::pin(async move { Ok(app::seal_all(&app).await?) }),
            },
            Job {
                name: "audit-retention",
                description: "Moves audit entries that are past their time to signed files",
                every: Duration::from_secs(60 * 60),
                run: |app| Box::pin(async move { app::retain_all(&app).await }),
            },
        ],
        workers: vec![Worker {
            name: "security trail",
            run: |app, stop| {
                Box::pin(async move {
                    if let Some(trail) = app.ports().find::<Trail>() {
                        Trail::clone(&trail).work(stop).await;
                    }
                })
            },
        }],
        ..Module::new(MANIFEST)
    }
}

// The entries' own table is written by every unit of work, so it is among the core migrations.
const MIGRATIONS: Migrations = db::migrations!("audit": "0001_seals");

fn start(foundation: &Foundation) {
    let trail = Arc::new(Trail::new(foundation.db.clone(), foundation.generators.clone()));
    let measured = Arc::new(measured::Measured::default());
    measured.show(&foundation.metrics, Arc::clone(&foundation.generators.clock));
    foundation.ports.provide(measured);
    foundation.ports.provide(Arc::clone(&trail));
    foundation.ports.provide::<dyn SecurityTrail>(trail);
}
