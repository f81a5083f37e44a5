//! What a condition looks at: the values of an object, and who asks.

use std::fmt;

use kernel::{FieldValue, Id, Timestamp};
use uuid::Uuid;

use super::json::whole;

/// The value of a field. That a field has none (it is missing, or null) is the `None` around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// True or false.
    Bool(bool),
    /// A whole number, of minor units for money.
    Integer(i64),
    /// Text, which is only text: what looks like an instant in it is none.
    Text(&'a str),
    /// An instant.
    Time(Timestamp),
    /// The id of something.
    Id(Uuid),
    /// A text from JSON, which has no word for an instant or an id: it is taken for whatever it is compared with.
    Untyped(&'a str),
    /// Something that no comparison fits: a list, an object, a number that is not whole.
    Other,
}

impl<'a> Value<'a> {
    /// A typed id.
    pub fn id(id: impl Id) -> Self {
        Self::Id(id.as_uuid())
    }

    /// The value of an event's field; `None` for null.
    #[must_use]
    pub fn of(value: &'a FieldValue) -> Option<Self> {
        match value {
            FieldValue::Null => None,
            FieldValue::Bool(value) => Some(Self::Bool(*value)),
            FieldValue::Integer(value) => Some(Self::Integer(*value)),
            FieldValue::Text(value) => Some(Self::Text(value)),
            FieldValue::Time(value) => Some(Self::Time(*value)),
            FieldValue::Id(value) => Some(Self::Id(*value)),
            FieldValue::List(_) => Some(Self::Other),
        }
    }

    /// The value that JSON writes like this; `None` for null.
    #[must_use]
    pub fn of_json(value: &'a serde_json::Value) -> Option<Self> {
        match value {
            serde_json::Value::Null => None,
            serde_json::Value::Bool(value) => Some(Self::Bool(*value)),
            serde_json::Value::Number(number) => Some(
                number
                    .as_i64()
                    .or_else(|| number.as_f64().and_then(whole))
                    .map_or(Self::Other, Self::Integer),
            ),
            serde_json::Value::String(text) => Some(Self::Untyped(text)),
            serde_json::Value::Array(_) | serde_json::Value::Object(_) => Some(Self::Other),
        }
    }
}

/// For people: who reads it has sent the value, or may see it.
impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Integer(value) => value.fmt(f),
            Self::Text(text) | Self::Untyped(text) => f.write_str(text),
            Self::Time(value) => value.fmt(f),
            Self::Id(value) => value.fmt(f),
            Self::Other => f.write_str("(neither a text, a whole number, true nor false)"),
        }
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

impl From<Timestamp> for Value<'_> {
    fn from(value: Timestamp) -> Self {
        Self::Time(value)
    }
}

impl From<Uuid> for Value<'_> {
    fn from(value: Uuid) -> Self {
        Self::Id(value)
    }
}

/// What a condition is decided on. An aggregate implements it with one `match` over its fields' names in the API:
///
/// ```
/// use authz::conditions::{Object, Value};
///
/// struct Invoice {
///     amount: i64,
///     note: Option<String>,
/// }
///
/// impl Object for Invoice {
///     fn value(&self, field: &str) -> Option<Value<'_>> {
///         match field {
///             "amount" => Some(self.amount.into()),
///             "note" => self.note.as_deref().map(Value::from),
///             _ => None,
///         }
///     }
/// }
/// ```
pub trait Object {
    /// The value of a field; `None` when there is no such field, or it is null.
    fn value(&self, field: &str) -> Option<Value<'_>>;
}

impl<O: Object + ?Sized> Object for &O {
    fn value(&self, field: &str) -> Option<Value<'_>> {
        (**self).value(field)
    }
}

/// Fields by name: for what is put together for one question.
impl Object for [(&str, Value<'_>)] {
    fn value(&self, field: &str) -> Option<Value<'_>> {
        self.iter().find(|(name, _)| *name == field).map(|(_, value)| *value)
    }
}

/// JSON from outside, such as the `context` of `/access/check`. A dot in the field's name leads into an object.
impl Object for serde_json::Value {
    fn value(&self, field: &str) -> Option<Value<'_>> {
        let value = field.split('.').try_fold(self, |place, name| place.get(name))?;
        Value::of_json(value)
    }
}

/// A value that a condition takes from the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Variable {
    /// `${user.id}`: the id of the user who asks.
    UserId,
    /// `${user.email}`: the e-mail address of the user who asks.
    UserEmail,
    /// `${organization.id}`: the organization acted in.
    OrganizationId,
    /// `${now}`: the instant of the request.
    Now,
}

impl Variable {
    /// Every variable.
    pub const ALL: [Self; 4] = [Self::UserId, Self::UserEmail, Self::OrganizationId, Self::Now];

    /// How a condition writes it: `${user.id}`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UserId => "${user.id}",
            Self::UserEmail => "${user.email}",
            Self::OrganizationId => "${organization.id}",
            Self::Now => "${now}",
        }
    }

    pub(super) fn find(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|variable| variable.as_str() == text)
    }
}

/// The values of the variables in one request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Variables<'a> {
    /// The user who asks; `None` for a key or a service account.
    pub user_id: Option<Uuid>,
    /// The user's e-mail address, in the form in which it is stored. `None` where there is none: a condition that uses
    /// it does not hold then.
    pub user_email: Option<&'a str>,
    /// The organization acted in.
    pub organization_id: Uuid,
    /// The instant of the request.
    pub now: Timestamp,
}

/// By hand, since an e-mail address is personal data.
impl fmt::Debug for Variables<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Variables")
            .field("user_id", &self.user_id)
            .field("user_email", &self.user_email.map(|_| "[redacted]"))
            .field("organization_id", &self.organization_id)
            .field("now", &self.now)
            .finish()
    }
}

impl Variables<'_> {
    /// Whether the variable has a value.
    #[must_use]
    pub const fn has(&self, variable: Variable) -> bool {
        match variable {
            Variable::UserId => self.user_id.is_some(),
            Variable::UserEmail => self.user_email.is_some(),
            Variable::OrganizationId | Variable::Now => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_has_fewer_types_than_a_row() {
        let object = json!({
            "amount": 5, "rate": 1.5, "whole": 2.0, "open": true, "note": "x", "tags": ["a"], "none": null,
            "address": {"city": "Recife", "geo": {"zone": 3}}, "a.b": 1,
        });
        for (field, value) in [
            ("amount", Some(Value::Integer(5))),
            ("rate", Some(Value::Other)),
            ("whole", Some(Value::Integer(2))),
            ("open", Some(Value::Bool(true))),
            ("note", Some(Value::Untyped("x"))),
            ("tags", Some(Value::Other)),
            ("address", Some(Value::Other)),
            ("none", None),
            ("missing", None),
            ("address.city", Some(Value::Untyped("Recife"))),
            ("address.geo.zone", Some(Value::Integer(3))),
            ("address.street", None),
            ("note.city", None),
            ("a.b", None),
        ] {
            assert_eq!(object.value(field), value, "{field}");
        }
    }

    #[test]
    fn an_events_field_is_a_value() {
        let id = Uuid::from_u128(7);
        let time = Timestamp::from_micros(1);
        for (field, value) in [
            (FieldValue::Null, None),
            (FieldValue::Bool(true), Some(Value::from(true))),
            (FieldValue::Integer(-1), Some(Value::from(-1))),
            (FieldValue::Text("a".to_owned()), Some(Value::from("a"))),
            (FieldValue::Time(time), Some(Value::from(time))),
            (FieldValue::Id(id), Some(Value::from(id))),
            (FieldValue::List(Vec::new()), Some(Value::Other)),
        ] {
            assert_eq!(Value::of(&field), value);
        }
    }

    #[test]
    fn a_value_is_shown_as_the_api_shows_it() {
        for (value, text) in [
            (Value::Bool(false), "false"),
            (Value::Integer(-5), "-5"),
            (Value::Text("a"), "a"),
            (Value::Untyped("b"), "b"),
            (Value::Time(Timestamp::UNIX_EPOCH), "1970-01-01T00:00:00.000000Z"),
            (Value::Id(Uuid::nil()), "00000000-0000-0000-0000-000000000000"),
        ] {
            assert_eq!(value.to_string(), text);
        }
    }

    #[test]
    fn fields_are_found_by_name() {
        let fields = [("amount", Value::Integer(1)), ("open", Value::Bool(true))];
        let object: &[(&str, Value<'_>)] = &fields;
        assert_eq!((&object).value("open"), Some(Value::Bool(true)));
        assert_eq!(object.value("closed"), None);
    }

    #[test]
    fn a_variable_has_one_spelling() {
        for variable in Variable::ALL {
            assert_eq!(Variable::find(variable.as_str()), Some(variable));
        }
        assert_eq!(Variable::find("${user.name}"), None);
    }
}
