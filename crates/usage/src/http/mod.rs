//! The routes of this context, each line with its handler and, in the handler's first argument, its permission.

mod create_events;
mod get_usage;
mod inputs;
mod list_quotas;

use ::http::{App, Routes};
use serde_json::{Value, json};

pub(crate) fn routes() -> Routes<App> {
    Routes::new(
        "Usage",
        "What an organization consumes, and the quotas it is held against",
    )
    .post("/usage/events", create_events::handle, create_events::doc())
    .get("/usage", get_usage::handle, get_usage::doc())
    .get("/usage/quotas", list_quotas::handle, list_quotas::doc())
}

/// The event that the documentation shows.
pub(crate) fn threshold() -> Value {
    json!({
        "id": "019a9d2e-6f1b-8c44-b0aa-8f6a3c1d2e41",
        "metric": "documents.signed",
        "limit": 500,
        "used": 400,
        "period": "month",
        "mode": "hard",
        "resetsAt": "2026-12-01T00:00:00.000000Z",
        "percent": 80
    })
}
