//! Endpoints and events as clients see them.

use db::EventId;
use kernel::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::domain::{Endpoint, EndpointId, Ordering};

/// A webhook endpoint as the API shows it, and as `webhook.*` events carry it. Never its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Webhook, rename_all = "camelCase")]
pub(crate) struct WebhookView {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    pub(crate) id: EndpointId,
    /// Where events are sent to.
    pub(crate) url: String,
    /// Which events: `role.created`, every one of a resource as `role.*`, or all as `*`.
    pub(crate) event_types: Vec<String>,
    /// What it is for.
    pub(crate) description: Option<String>,
    /// Whether events are sent one after the other: `none`, or of one `organization` or one `aggregate` (the object an event is
    /// about).
    pub(crate) ordering: OrderingText,
    /// Whether events are sent.
    pub(crate) is_active: bool,
    /// When it was registered.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) updated_at: Timestamp,
}

impl From<&Endpoint> for WebhookView {
    fn from(endpoint: &Endpoint) -> Self {
        let state = endpoint.state();
        Self {
            id: state.id,
            url: state.url.as_str().to_owned(),
            event_types: state.event_types.to_texts(),
            description: state.description.as_ref().map(|text| text.as_str().to_owned()),
            ordering: state.ordering.into(),
            is_active: state.is_active,
            created_at: state.created_at,
            updated_at: state.updated_at,
        }
    }
}

http::choice! {
    /// What an endpoint's events must not overtake each other of.
    pub(crate) enum OrderingText { None = "none", Organization = "organization", Aggregate = "aggregate" }
}

impl From<Ordering> for OrderingText {
    fn from(ordering: Ordering) -> Self {
        match ordering {
            Ordering::None => Self::None,
            Ordering::Organization => Self::Organization,
            Ordering::Aggregate => Self::Aggregate,
        }
    }
}

impl From<OrderingText> for Ordering {
    fn from(text: OrderingText) -> Self {
        match text {
            OrderingText::None => Self::None,
            OrderingText::Organization => Self::Organization,
            OrderingText::Aggregate => Self::Aggregate,
        }
    }
}

/// What a webhook's body is: the fact, without what was done to hand it on.
#[derive(Serialize)]
pub(crate) struct Body<'e> {
    /// Which kind of event.
    pub(crate) r#type: &'e str,
    /// When it happened.
    pub(crate) timestamp: Timestamp,
    /// The object, as it was recorded.
    pub(crate) data: &'e RawValue,
}

/// The same with its id: an event of a list or a stream.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Event)]
pub(crate) struct EventView {
    /// Its id, the same as `webhook-id` of its deliveries.
    #[schema(value_type = String, format = "uuid")]
    pub(crate) id: EventId,
    /// Which kind of event.
    pub(crate) r#type: String,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) timestamp: Timestamp,
    /// The object, as it was then.
    #[schema(value_type = Object)]
    pub(crate) data: Box<RawValue>,
}
