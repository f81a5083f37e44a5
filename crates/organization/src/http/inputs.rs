//! What the bodies and queries of several endpoints are made of, and what their refusals say.

use http::{ApiError, ErrorCode, Message, TextSchema};

use crate::app::Refusal;
use crate::domain::{Document, Name, Slug};

http::text_value! {
    Name, Name::new,
    TextSchema { min_length: Some(Name::MIN), max_length: Some(Name::MAX), example: "Padaria Central", ..Default::default() }
}
http::text_value! {
    Slug, Slug::new,
    TextSchema {
        min_length: Some(Slug::MIN),
        max_length: Some(Slug::MAX),
        pattern: Some(Slug::PATTERN),
        example: "padaria-central",
        ..Default::default()
    }
}
http::text_value! {
    Document, Document::new,
    TextSchema { example: "12.ABC.345/01DE-35", ..Default::default() }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::not_found(),
            Refusal::Platform => Self::conflict_state(Message::new(
                "The platform organization cannot be renamed or deactivated.",
                "A organização da plataforma não pode ser renomeada nem desativada.",
            )),
            Refusal::Stale => Self::new(ErrorCode::ConflictVersion),
            Refusal::Storage(error) => error.into(),
        }
    }
}
