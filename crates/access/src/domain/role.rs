//! A role of an organization. (System roles are catalogue rows that nothing changes.)

use contracts::access::RoleId;
use kernel::{DomainEvent, FieldValue, OrganizationId, Timestamp};

use super::{Code, Description, Name};
use crate::manifest::{CREATED, DELETED, UPDATED};

/// What it takes to make a role.
#[derive(Debug, Clone)]
pub(crate) struct NewRole {
    pub(crate) code: Code,
    pub(crate) name: Name,
    pub(crate) description: Option<Description>,
}

/// What to change; what is `None` stays. The code never changes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Changes {
    pub(crate) name: Option<Name>,
    /// `Some(None)` removes the description.
    pub(crate) description: Option<Option<Description>>,
}

/// A role. It records what happens to it; whoever stores it takes the events along.
#[derive(Debug, Clone)]
pub(crate) struct Role {
    stored: Stored,
    events: Vec<DomainEvent>,
}

/// Its state, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) organization_id: OrganizationId,
    pub(crate) id: RoleId,
    pub(crate) code: Code,
    pub(crate) name: Name,
    pub(crate) description: Option<Description>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

impl From<Stored> for Role {
    fn from(stored: Stored) -> Self {
        Self {
            stored,
            events: Vec::new(),
        }
    }
}

impl Role {
    /// Makes a role of an organization.
    pub(crate) fn create(organization_id: OrganizationId, id: RoleId, new: NewRole, now: Timestamp) -> Self {
        let NewRole {
            code,
            name,
            description,
        } = new;
        let event = DomainEvent::new(CREATED, id)
            .changed("code", FieldValue::Null, code.as_str())
            .changed("name", FieldValue::Null, name.as_str())
            .changed(
                "description",
                FieldValue::Null,
                description.as_ref().map(Description::as_str),
            );
        let stored = Stored {
            organization_id,
            id,
            code,
            name,
            description,
            created_at: now,
            updated_at: now,
        };
        Self {
            stored,
            events: vec![event],
        }
    }

    /// Its state.
    pub(crate) fn state(&self) -> &Stored {
        &self.stored
    }

    /// Changes what differs; nothing is recorded when nothing does.
    pub(crate) fn change(&mut self, changes: Changes, now: Timestamp) {
        let mut event = DomainEvent::new(UPDATED, self.stored.id);
        if let Some(name) = changes.name {
            event = event.changed("name", self.stored.name.as_str(), name.as_str());
            self.stored.name = name;
        }
        if let Some(description) = changes.description {
            let from = self.stored.description.as_ref().map(Description::as_str);
            event = event.changed("description", from, description.as_ref().map(Description::as_str));
            self.stored.description = description;
        }
        if !event.changes.is_empty() {
            self.stored.updated_at = now;
            self.events.push(event);
        }
    }

    /// Says that what it holds or inherits changed: `field` is `permissions` or `parents`.
    pub(crate) fn regrant(&mut self, field: &'static str, from: Option<&str>, to: Option<&str>) {
        self.events
            .push(DomainEvent::new(UPDATED, self.stored.id).changed(field, from, to));
    }

    /// Says that it is being deleted.
    pub(crate) fn delete(&mut self) {
        self.events.push(DomainEvent::new(DELETED, self.stored.id).changed(
            "code",
            self.stored.code.as_str(),
            FieldValue::Null,
        ));
    }

    /// Hands over what happened since the last time.
    pub(crate) fn take_events(&mut self) -> Vec<DomainEvent> {
        std::mem::take(&mut self.events)
    }
}

#[cfg(test)]
mod tests {
    use kernel::Id as _;

    use super::*;

    const MADE: Timestamp = Timestamp::from_micros(1_000_000);
    const LATER: Timestamp = Timestamp::from_micros(2_000_000);

    fn role() -> Role {
        let new = NewRole {
            code: Code::new("CLERK").unwrap(),
            name: Name::new("Clerk").unwrap(),
            description: Some(Description::new("Writes invoices").unwrap()),
        };
        let id = |number| uuid::Uuid::from_u128(number);
        let mut made = Role::create(OrganizationId::from_uuid(id(1)), RoleId::from_uuid(id(2)), new, MADE);
        assert_eq!(made.take_events().len(), 1);
        made
    }

    #[test]
    fn a_change_records_only_what_differs() {
        let mut clerk = role();
        let changes = Changes {
            name: Some(Name::new("Clerk").unwrap()),
            description: Some(None),
        };
        clerk.change(changes, LATER);
        let events = clerk.take_events();
        assert_eq!(
            events[0].changes.iter().map(|change| change.field).collect::<Vec<_>>(),
            ["description"]
        );
        assert_eq!(clerk.state().updated_at, LATER);
    }

    #[test]
    fn a_change_that_changes_nothing_is_none() {
        let mut clerk = role();
        clerk.change(Changes::default(), LATER);
        assert!(clerk.take_events().is_empty());
        assert_eq!(clerk.state().updated_at, MADE);
    }
}
