//! What the bodies and queries of several endpoints are made of, and what their refusals say.

use http::{ApiError, ErrorCode, Message, TextSchema};

use crate::app::Refusal;
use crate::domain::{Document, Name, Slug};

/// What the documentation says of an organization's name, here and wherever another part takes one for this context to read.
pub const NAME_TEXT: TextSchema = TextSchema::line(Name::MIN, Name::MAX, "Padaria Central");
/// What the documentation says of a slug.
pub const SLUG_TEXT: TextSchema = TextSchema {
    min_length: Some(Slug::MIN),
    max_length: Some(Slug::MAX),
    pattern: Some(Slug::PATTERN),
    format: None,
    description: None,
    example: "padaria-central",
};
/// What the documentation says of a document.
pub const DOCUMENT_TEXT: TextSchema = TextSchema {
    min_length: Some(14),
    max_length: Some(18),
    pattern: Some(r"^[0-9A-Za-z]{2}\.?[0-9A-Za-z]{3}\.?[0-9A-Za-z]{3}/?[0-9A-Za-z]{4}-?[0-9]{2}$"),
    format: None,
    description: None,
    example: "12.ABC.345/01DE-35",
};

http::text_value! { Name, Name::new, NAME_TEXT }
http::text_value! { Slug, Slug::new, SLUG_TEXT }
http::text_value! { Document, Document::new, DOCUMENT_TEXT }

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::not_found(),
            Refusal::Platform => Self::conflict_state(Message::new(
                "The platform organization cannot be renamed or deactivated.",
                "A organização da plataforma não pode ser renomeada nem desativada.",
            )),
            Refusal::Moved => Self::conflict_state(Message::new(
                "The organization was moved to another database.",
                "A organização foi movida para outro banco de dados.",
            )),
            Refusal::Stale => Self::new(ErrorCode::ConflictVersion),
            Refusal::Storage(error) => error.into(),
        }
    }
}
