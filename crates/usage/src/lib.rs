//! Usage: what organizations consume, and the quotas it is held against.
//!
//! Applications report what was consumed in batches of [events](mod@self::http); the platform counts by itself how many users are
//! active, how many requests are made and how many bytes are stored. Everything is added to two kinds of sums, in the transaction of
//! what is counted:
//!
//! - **aggregates**, over quarters of an hour, of which the hours, days and months of every time zone are made;
//! - **counters**, over the hours, days and months of the UTC calendar and over all of time, which quotas are held against.
//!
//! The limits come from the catalogue and are read inside the transaction that is held against them, so a quota that was changed
//! counts for the next unit that begins, on every node. Counters are kept for every metric, whether or not it has a quota: one that
//! is made in the middle of a month finds what was used before it. A counter is changed by one conditional upsert, the last
//! statement of its unit, since its row is held from then until COMMIT; that makes it exact, however many consume at once.
//!
//! What an organization reports at the same time is recorded together (`till`), so that its rows are changed once for all of it.
//!
//! Requests are the exception: they must cost no query. They are counted in memory (`meter`) and taken from quotas in blocks.
//!
//! [`domain`] decides from values, [`app`] orders the steps, [`store`] names the tables.

mod app;
mod domain;
mod http;
mod manifest;
mod meter;
mod service;
mod store;
mod till;
mod view;

use std::sync::Arc;
use std::time::Duration;

use ::http::{App, Foundation, Job, Module, StartFailed, Worker};
use contracts::usage::{Quotas, RequestMeter};
use db::migrate::Migrations;
use tokio_util::sync::CancellationToken;

pub use app::{EventRecord, Rebuilt, export, rebuild};
pub use manifest::{EventCreate, MANIFEST, ReportRead};

use meter::Meter;
use service::Service;
use till::Till;

/// How long events are kept, beside their sums, which stay: thirteen months, so that a month can be compared with the same one a year
/// before down to the event.
const EVENTS_KEPT: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// The context, for the composition root.
#[must_use]
pub fn module() -> Module {
    Module {
        manifest: MANIFEST,
        migrations: Some(MIGRATIONS),
        statements: store::statements(),
        start: |foundation| Box::pin(std::future::ready(start(&foundation))),
        routes: |app| vec![http::routes().with_state(app)],
        jobs: vec![
            Job {
                name: "usage-key-expiry",
                description: "Forgets the keys of usage events after 32 days, and counters of periods long over",
                every: Duration::from_secs(60 * 60),
                run: |app| Box::pin(expire_keys(app)),
            },
            Job {
                name: "usage-event-expiry",
                description: "Deletes usage events after 400 days; their sums stay",
                every: Duration::from_secs(24 * 60 * 60),
                run: |app| Box::pin(expire_events(app)),
            },
            Job {
                name: "usage-recount",
                description: "Counts the active users and the stored bytes of every organization anew",
                every: Duration::from_secs(60 * 60),
                run: |app| Box::pin(recount(app)),
            },
        ],
        workers: vec![Worker {
            name: "request-meter",
            run: |app, stop| Box::pin(meter(app, stop)),
        }],
        ..Module::new(MANIFEST)
    }
}

const MIGRATIONS: Migrations = db::migrations!("usage": "0001_usage");

fn start(foundation: &Foundation) -> Result<(), StartFailed> {
    let ports = &foundation.ports;
    let clock = Arc::clone(&foundation.generators.clock);
    let service = Service::new(foundation.db.clone(), clock, ports);
    let meter = Arc::new(Meter::new(service.clone()));
    let hears = Arc::downgrade(&meter);
    foundation.db.feed().subscribe(move |changes| {
        if let Some(meter) = hears.upgrade() {
            meter.hear(changes);
        }
    });
    ports.provide(Arc::new(Till::new(service.clone())));
    let service = Arc::new(service);
    ports.provide::<dyn Quotas>(service.clone());
    ports.provide(service);
    ports.provide::<dyn RequestMeter>(meter.clone());
    ports.provide(meter);
    Ok(())
}

async fn expire_keys(app: App) -> Result<u64, StartFailed> {
    Ok(app::expire_keys(app.db(), app.generators().now()).await?)
}

async fn expire_events(app: App) -> Result<u64, StartFailed> {
    Ok(app::expire_events(app.db(), app.generators().now(), EVENTS_KEPT).await?)
}

async fn recount(app: App) -> Result<u64, StartFailed> {
    let keepers = app::Keepers::of(app.ports());
    let recounted = app::recount(app.db(), &keepers, None, app::Wrong::Corrected).await?;
    Ok(recounted.wrong_levels)
}

async fn meter(app: App, stop: CancellationToken) {
    match app.ports().get::<Meter>() {
        Ok(meter) => meter.run(stop).await,
        Err(error) => tracing::error!(error = %error, "requests are not written down"),
    }
}
