//! What the bodies of several endpoints are made of, and what their refusals say.

use http::{ApiError, ErrorCode, TextSchema};

use crate::app::Refusal;
use crate::domain::{Description, RoleCode, RoleName};

http::text_value! {
    RoleCode, RoleCode::new,
    TextSchema {
        min_length: Some(RoleCode::MIN),
        max_length: Some(RoleCode::MAX),
        pattern: Some(RoleCode::PATTERN),
        example: "INVOICE_CLERK",
        ..Default::default()
    }
}
http::text_value! {
    RoleName, RoleName::new,
    TextSchema {
        min_length: Some(RoleName::MIN),
        max_length: Some(RoleName::MAX),
        example: "Invoice clerk",
        ..Default::default()
    }
}
http::text_value! {
    Description, Description::new,
    TextSchema { min_length: Some(1), max_length: Some(Description::MAX), example: "Writes invoices", ..Default::default() }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::not_found(),
            Refusal::SystemRole => Self::new(ErrorCode::RbacSystemRoleImmutable),
            Refusal::ReservedCode => Self::duplicate("code"),
            Refusal::Stale => Self::new(ErrorCode::ConflictVersion),
            Refusal::Storage(error) => error.into(),
        }
    }
}
