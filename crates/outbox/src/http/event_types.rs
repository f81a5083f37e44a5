//! `GET /event-types`

use contracts::EventType;
use http::{Answer, ApiError, Authenticated, Doc};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::service::Service;

/// A kind of event.
#[derive(Serialize, ToSchema)]
#[schema(as = EventType)]
struct EventTypeView {
    /// Its name.
    r#type: &'static str,
    /// When it happens.
    description: &'static str,
    /// The JSON schema of what is delivered.
    #[schema(value_type = Object)]
    schema: Value,
    /// An example of it.
    #[schema(value_type = Object)]
    example: Value,
}

impl From<&EventType> for EventTypeView {
    fn from(event: &EventType) -> Self {
        Self {
            r#type: event.name,
            description: event.description,
            schema: event.schema(),
            example: event.example(),
        }
    }
}

pub(super) fn doc() -> Doc {
    let example = json!([{
        "type": "webhook.created",
        "description": "A webhook endpoint was registered",
        "schema": { "type": "object" },
        "example": { "type": "webhook.created", "timestamp": "2026-11-21T12:00:00.000000Z", "data": {} }
    }]);
    Doc::new("listEventTypes", "List the kinds of events")
        .describe(
            "Everything that endpoints and streams can subscribe to, with the schema of what they get and an example.",
        )
        .answers_all::<EventTypeView>("Every kind of event", example)
}

pub(super) async fn handle(caller: Authenticated) -> Result<Answer, ApiError> {
    let service = Service::of(caller.app())?;
    let views: Vec<EventTypeView> = service.manifests.events().map(EventTypeView::from).collect();
    Answer::ok(&views)
}
