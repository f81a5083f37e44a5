//! The routes of this context.

mod create_webhook;
mod dead_letters;
mod delete_webhook;
mod deliveries;
mod event_stream;
mod event_types;
mod events;
pub(crate) mod example;
mod get_webhook;
mod inputs;
mod list_webhooks;
mod replay;
mod retry;
mod rotate_secret;
mod test_webhook;
mod update_webhook;
mod views;

use http::{App, Routes};

pub(crate) fn routes() -> Routes<App> {
    Routes::new("Webhooks", "Endpoints that events are sent to, and what arrived there")
        .post("/webhooks", create_webhook::handle, create_webhook::doc())
        .get("/webhooks", list_webhooks::handle, list_webhooks::doc())
        .get("/webhooks/dead-letters", dead_letters::handle, dead_letters::doc())
        .post("/webhooks/dead-letters/replay", replay::handle, replay::doc())
        .get("/webhooks/deliveries/{id}", deliveries::get, deliveries::get_doc())
        .post("/webhooks/deliveries/{id}/retry", retry::handle, retry::doc())
        .get("/webhooks/{id}", get_webhook::handle, get_webhook::doc())
        .patch("/webhooks/{id}", update_webhook::handle, update_webhook::doc())
        .delete("/webhooks/{id}", delete_webhook::handle, delete_webhook::doc())
        .post(
            "/webhooks/{id}/rotate-secret",
            rotate_secret::handle,
            rotate_secret::doc(),
        )
        .post("/webhooks/{id}/test", test_webhook::handle, test_webhook::doc())
        .get("/webhooks/{id}/deliveries", deliveries::list, deliveries::list_doc())
}

pub(crate) fn event_routes() -> Routes<App> {
    Routes::new("Events", "What happened, as a list and as it happens")
        .get("/event-types", event_types::handle, event_types::doc())
        .get("/events", events::handle, events::doc())
        .get("/events/stream", event_stream::handle, event_stream::doc())
}
