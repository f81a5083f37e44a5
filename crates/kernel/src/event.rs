//! Facts that happened: what an aggregate records when it changes, and what becomes an audit entry and an outbox row.

use std::fmt;

use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::{Id, Timestamp};

/// The thing an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subject {
    /// What kind of thing: [`Id::KIND`].
    pub kind: &'static str,
    /// Which one.
    pub id: Uuid,
}

impl<I: Id> From<I> for Subject {
    fn from(id: I) -> Self {
        Self {
            kind: I::KIND,
            id: id.as_uuid(),
        }
    }
}

/// The value of a field before or after a change. There is no floating-point variant: nothing stored is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldValue {
    /// No value.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number, of minor units for money.
    Integer(i64),
    /// Text.
    Text(String),
    /// An instant.
    Time(Timestamp),
    /// The id of something.
    Id(Uuid),
    /// Several values.
    List(Vec<FieldValue>),
}

impl Serialize for FieldValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::Text(value) => serializer.serialize_str(value),
            Self::Time(value) => value.serialize(serializer),
            Self::Id(value) => serializer.collect_str(value),
            Self::List(values) => serializer.collect_seq(values),
        }
    }
}

impl From<bool> for FieldValue {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for FieldValue {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<&str> for FieldValue {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for FieldValue {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Timestamp> for FieldValue {
    fn from(value: Timestamp) -> Self {
        Self::Time(value)
    }
}

impl From<Uuid> for FieldValue {
    fn from(value: Uuid) -> Self {
        Self::Id(value)
    }
}

impl<T: Into<Self>> From<Option<T>> for FieldValue {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<T: Into<Self>> From<Vec<T>> for FieldValue {
    fn from(values: Vec<T>) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}

/// One field that an event changed.
#[derive(Clone, PartialEq, Eq)]
pub struct Change {
    /// The field's name as the API shows it: `isActive`.
    pub field: &'static str,
    /// What it was; [`FieldValue::Null`] for a creation.
    pub from: FieldValue,
    /// What it is; [`FieldValue::Null`] for a deletion.
    pub to: FieldValue,
    /// Whether the values tell something about a person, so that they can be erased later and never reach a log.
    pub personal: bool,
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Change");
        debug.field("field", &self.field);
        if self.personal {
            debug.field("values", &format_args!("[redacted]"));
        } else {
            debug.field("from", &self.from).field("to", &self.to);
        }
        debug.finish()
    }
}

/// A fact, in the past tense, with what it changed.
///
/// ```
/// use kernel::{DomainEvent, Id as _, OrganizationId};
///
/// let id: OrganizationId = "01890a5d-ac96-774b-bcce-b302099a8057".parse()?;
/// let event = DomainEvent::new("organization.updated", id)
///     .changed("name", "Acme", "Acme Ltda.")
///     .changed("slug", "acme", "acme");
/// assert_eq!(event.changes.len(), 1, "what stays the same is no change");
/// # Ok::<(), kernel::InvalidId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainEvent {
    /// The event type, `resource.action`: `organization.created`.
    pub kind: &'static str,
    /// What it happened to.
    pub subject: Subject,
    /// The fields it changed, in the order of the object.
    pub changes: Vec<Change>,
}

impl DomainEvent {
    /// An event that changed no field yet.
    #[must_use]
    pub fn new(kind: &'static str, subject: impl Into<Subject>) -> Self {
        Self {
            kind,
            subject: subject.into(),
            changes: Vec::new(),
        }
    }

    /// Adds a change, unless the value stays the same.
    #[must_use]
    pub fn changed(self, field: &'static str, from: impl Into<FieldValue>, to: impl Into<FieldValue>) -> Self {
        self.with(Change {
            field,
            from: from.into(),
            to: to.into(),
            personal: false,
        })
    }

    /// Adds a change of something about a person, unless the value stays the same.
    #[must_use]
    pub fn changed_personal(self, field: &'static str, from: impl Into<FieldValue>, to: impl Into<FieldValue>) -> Self {
        self.with(Change {
            field,
            from: from.into(),
            to: to.into(),
            personal: true,
        })
    }

    fn with(mut self, change: Change) -> Self {
        if change.from != change.to {
            self.changes.push(change);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OrganizationId;

    fn organization() -> OrganizationId {
        "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap()
    }

    #[test]
    fn every_value_has_its_json() {
        let time: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let values = FieldValue::List(vec![
            FieldValue::from(None::<bool>),
            FieldValue::from(true),
            FieldValue::from(i64::MAX),
            FieldValue::from("a"),
            FieldValue::from(Some("b".to_owned())),
            FieldValue::from(time),
            FieldValue::from(organization().as_uuid()),
            FieldValue::from(vec!["x", "y"]),
        ]);
        assert_eq!(
            serde_json::to_string(&values).unwrap(),
            "[null,true,9223372036854775807,\"a\",\"b\",\"2026-11-21T12:00:00.000000Z\",\
             \"01890a5d-ac96-774b-bcce-b302099a8057\",[\"x\",\"y\"]]"
        );
    }

    #[test]
    fn an_event_keeps_only_what_changed() {
        let event = DomainEvent::new("organization.updated", organization())
            .changed("name", "Acme", "Acme Ltda.")
            .changed("slug", "acme", "acme")
            .changed("isActive", true, false)
            .changed_personal("email", "a@example.com", "a@example.com");
        assert_eq!(
            event.subject,
            Subject {
                kind: "organization",
                id: organization().as_uuid()
            }
        );
        let fields: Vec<&str> = event.changes.iter().map(|change| change.field).collect();
        assert_eq!(fields, ["name", "isActive"]);
        assert!(event.changes.iter().all(|change| !change.personal));
    }

    #[test]
    fn personal_values_are_not_printed_by_accident() {
        let event = DomainEvent::new("user.updated", organization())
            .changed("isActive", false, true)
            .changed_personal("email", FieldValue::Null, "ana@example.com");
        let printed = format!("{event:?}");
        assert!(!printed.contains("ana@example.com"), "{printed}");
        assert!(
            printed.contains("[redacted]") && printed.contains("Bool(true)"),
            "{printed}"
        );
        assert_eq!(event.changes[1].to, FieldValue::from("ana@example.com"));
    }
}
