//! Outbox: events on their way out, as webhooks, lists and streams.
//!
//! Every unit of work leaves its events in `outbox_events`, and beside each a row in `outbox_queue`, in the same transaction as the
//! change. This context takes them from there:
//!
//! 1. **Handing on** ([`dispatch`]): each node looks for queued events, at once after a commit of its own and twice a second
//!    otherwise. In one transaction they leave the queue, get the next numbers of their organization in `outbox_log`, and become
//!    deliveries to the endpoints that want them and whose makers may read them. So no event is lost or handed on twice,
//!    whichever node dies when, and readers of the log see events in an order that never changes behind them.
//! 2. **Delivering** ([`dispatch`]): deliveries that are due are claimed for a minute, sent, and settled; what a node held when it
//!    died is due again after that minute. An event arrives at least once, with the same `webhook-id` each time. Each endpoint has
//!    a lane of its own, narrower the worse it answers, so that a slow one delays nobody else.
//! 3. **Lists and streams**: `GET /events` shows what happened, `GET /events/stream` tells it as it happens and resumes where a
//!    client left off.
//!
//! Deliveries of an endpoint begin in the order of the events, and several are under way at once. An endpoint with an `ordering` gets
//! those of one organization, or of one object, one after the other: of those that are not done, the one whose event has the lowest
//! number is under way and the others wait for it (a unique index sees to it), until it was delivered or is dead.
//!
//! Signatures, headers and secrets are those of [Standard Webhooks](https://www.standardwebhooks.com/); `examples/webhooks` verifies
//! them with the public libraries.

mod app;
mod config;
mod dispatch;
mod domain;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod http;
mod jobs;
mod manifest;
mod measured;
mod places;
mod reading;
mod service;
mod signature;
mod store;
mod stream;
mod view;

use std::sync::Arc;

use ::http::{Foundation, Module, StartFailed, Worker};
use db::migrate::Migrations;

pub use config::Config;
pub use manifest::{
    DeliveryRead, DeliveryRetry, EndpointCreate, EndpointDelete, EndpointRead, EndpointUpdate, MANIFEST,
};

use service::Service;

/// The context, for the composition root, which provides its [`Config`].
#[must_use]
pub fn module() -> Module {
    Module {
        migrations: Some(MIGRATIONS),
        statements: store::statements(),
        lists: store::endpoints::lists(),
        start: |foundation| Box::pin(start(foundation)),
        routes: |app| {
            vec![
                http::routes().with_state(app.clone()),
                http::event_routes().with_state(app),
            ]
        },
        jobs: jobs::JOBS.to_vec(),
        workers: vec![DISPATCH],
        sealed: store::endpoints::SEALED.to_vec(),
        ..Module::new(MANIFEST)
    }
}

const MIGRATIONS: Migrations = db::migrations!("outbox": "0001_webhooks", "0002_ordering");

/// Hands events on and delivers them, on every node.
const DISPATCH: Worker = Worker {
    name: "webhooks",
    run: |app, stop| Box::pin(dispatch::run(app, stop)),
};

async fn start(foundation: Foundation) -> Result<(), StartFailed> {
    let service = Service::new(&foundation)?;
    foundation.ports.provide(Arc::new(service));
    Ok(())
}
