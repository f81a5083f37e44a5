//! What the bodies of several endpoints are made of, and what their refusals say.

use contracts::access::RoleId;
use contracts::catalog::{ModuleId, PermissionId};
use contracts::identity::UserId;
use deserr::{Deserr, IntoValue, Value, ValueKind, ValuePointerRef};
use http::{ApiError, ErrorCode, IdText, Message, Problems, TextSchema};
use serde_json::json;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::app::Refusal;
use crate::domain::{Code, CodePart, Description, Name, PermissionText};

http::text_value! {
    Code, Code::new,
    TextSchema {
        min_length: Some(Code::MIN),
        max_length: Some(Code::MAX),
        pattern: Some(Code::PATTERN),
        example: "INVOICE_CLERK",
        ..Default::default()
    }
}
http::text_value! {
    Name, Name::new,
    TextSchema::line(Name::MIN, Name::MAX, "Invoice clerk")
}
http::text_value! {
    Description, Description::new,
    TextSchema::lines(Description::MAX, "Writes invoices")
}
http::text_value! {
    CodePart, CodePart::new,
    TextSchema {
        min_length: Some(CodePart::MIN),
        max_length: Some(CodePart::MAX),
        pattern: Some(CodePart::PATTERN),
        example: "INVOICE",
        ..Default::default()
    }
}
http::text_value! {
    PermissionText, PermissionText::new,
    TextSchema::lines(PermissionText::MAX, "Approve invoices")
}

/// An object of any shape, as it was sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AnyObject(pub(crate) serde_json::Value);

impl Deserr<Problems> for AnyObject {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, location: ValuePointerRef<'_>) -> Result<Self, Problems> {
        match value {
            Value::Map(_) => serde_json::Value::deserialize_from_value(value, location).map(Self),
            actual => Err(Problems::wrong_kind(actual, &[ValueKind::Map], location)),
        }
    }
}

impl PartialSchema for AnyObject {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Object).into()
    }
}

impl ToSchema for AnyObject {}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::not_found(),
            Refusal::SystemRole => Self::new(ErrorCode::RbacSystemRoleImmutable),
            Refusal::ReservedCode => Self::duplicate("code"),
            Refusal::Stale => Self::new(ErrorCode::ConflictVersion),
            Refusal::Duplicate(field) => Self::duplicate(field),
            Refusal::Cycle(path) => {
                Self::new(ErrorCode::ConflictCycle).with_details(http::Details::Other(json!({ "path": path })))
            }
            Refusal::Declared => Self::conflict_state(Message::new(
                "The program declares this permission: it cannot be deleted.",
                "Esta permissão é declarada pelo programa: não pode ser excluída.",
            )),
            Refusal::Invalid(violation) => violation.into(),
            Refusal::Denied(denial) => denial.into(),
            Refusal::Judged(error) => error.into(),
            Refusal::Storage(error) => error.into(),
        }
    }
}

// Under names of their own: the documentation looks into a generic type for a schema of its argument.
/// The id of a role.
pub(super) type RoleIdText = IdText<RoleId>;
/// The id of a user.
pub(super) type UserIdText = IdText<UserId>;
/// The id of a module.
pub(super) type ModuleIdText = IdText<ModuleId>;
/// The id of a permission.
pub(super) type PermissionIdText = IdText<PermissionId>;
