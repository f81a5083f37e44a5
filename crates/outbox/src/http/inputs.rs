//! What the bodies of several endpoints are made of, and what their refusals say.

use http::{ApiError, ErrorCode, IdText, Message, TextSchema};

use crate::app::Refusal;
use crate::domain::{Description, EndpointId, EndpointUrl, EventTypes, Overlap};

http::text_value! {
    EndpointUrl, EndpointUrl::new,
    TextSchema {
        min_length: Some(1),
        max_length: Some(EndpointUrl::MAX),
        format: Some("uri"),
        example: "https://erp.example.com/hooks/lastro",
        ..Default::default()
    }
}
http::text_value! {
    Description, Description::new,
    TextSchema::lines(Description::MAX, "Keeps the directory in step")
}
http::text_value! {
    Overlap, Overlap::new,
    TextSchema::duration("At most 30d", "24h")
}

/// A kind of event, or several, as clients write it; whether it is written well and there is one, the manifests tell.
#[derive(Clone, Debug)]
pub(crate) struct EventTypeText(String);

http::text_value! {
    EventTypeText, |raw| Ok(EventTypeText(raw.to_owned())),
    TextSchema { pattern: Some(EventTypes::PATTERN), example: "role.created", ..Default::default() }
}

/// The texts themselves.
pub(super) fn texts(types: &[EventTypeText]) -> Vec<String> {
    types.iter().map(|EventTypeText(text)| text.clone()).collect()
}

/// The id of an endpoint.
pub(super) type WebhookIdText = IdText<EndpointId>;

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::not_found(),
            Refusal::Stale => Self::new(ErrorCode::ConflictVersion),
            Refusal::Delivered => Self::conflict_state(Message::new("It was delivered already.", "Já foi entregue.")),
            Refusal::EndpointGone => Self::conflict_state(Message::new(
                "The webhook endpoint was removed.",
                "O endpoint do webhook foi removido.",
            )),
            Refusal::Storage(error) => error.into(),
        }
    }
}
