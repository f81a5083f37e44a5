//! A group of users.

use kernel::{DomainEvent, FieldValue, OrganizationId, Timestamp};

use super::{Changes, Code, Description, Name};
use crate::manifest::{GROUP_CREATED, GROUP_DELETED, GROUP_UPDATED};

kernel::id!(
    /// A group.
    pub struct GroupId = "group"
);

/// What it takes to make a group.
#[derive(Debug, Clone)]
pub(crate) struct NewGroup {
    pub(crate) code: Code,
    pub(crate) name: Name,
    pub(crate) description: Option<Description>,
}

/// A group. It records what happens to it; whoever stores it takes the events along.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    stored: StoredGroup,
    events: Vec<DomainEvent>,
}

/// Its state, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredGroup {
    pub(crate) organization_id: OrganizationId,
    pub(crate) id: GroupId,
    pub(crate) code: Code,
    pub(crate) name: Name,
    pub(crate) description: Option<Description>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

impl From<StoredGroup> for Group {
    fn from(stored: StoredGroup) -> Self {
        Self {
            stored,
            events: Vec::new(),
        }
    }
}

impl Group {
    /// Makes a group of an organization.
    pub(crate) fn create(organization_id: OrganizationId, id: GroupId, new: NewGroup, now: Timestamp) -> Self {
        let NewGroup {
            code,
            name,
            description,
        } = new;
        let event = DomainEvent::new(GROUP_CREATED, id)
            .changed("code", FieldValue::Null, code.as_str())
            .changed("name", FieldValue::Null, name.as_str())
            .changed(
                "description",
                FieldValue::Null,
                description.as_ref().map(Description::as_str),
            );
        let stored = StoredGroup {
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
    pub(crate) fn state(&self) -> &StoredGroup {
        &self.stored
    }

    /// Changes what differs; nothing is recorded when nothing does.
    pub(crate) fn change(&mut self, changes: Changes, now: Timestamp) {
        let mut event = DomainEvent::new(GROUP_UPDATED, self.stored.id);
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

    /// Says that what it holds, or who is in it, changed: `field` is `members`, `roles` or `permissions`.
    pub(crate) fn regrant(&mut self, field: &'static str, from: Option<&str>, to: Option<&str>) {
        self.events
            .push(DomainEvent::new(GROUP_UPDATED, self.stored.id).changed(field, from, to));
    }

    /// Says that it is being deleted.
    pub(crate) fn delete(&mut self) {
        self.events
            .push(DomainEvent::new(GROUP_DELETED, self.stored.id).changed(
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

    #[test]
    fn a_group_tells_what_happens_to_it() {
        let new = NewGroup {
            code: Code::new("CLERKS").unwrap(),
            name: Name::new("Clerks").unwrap(),
            description: None,
        };
        let id = |number| uuid::Uuid::from_u128(number);
        let (organization, now) = (OrganizationId::from_uuid(id(1)), Timestamp::from_micros(1));
        let mut group = Group::create(organization, GroupId::from_uuid(id(2)), new, now);
        group.change(Changes::default(), now);
        group.regrant("members", None, Some("ana"));
        group.delete();
        let kinds: Vec<_> = group.take_events().iter().map(|event| event.kind).collect();
        assert_eq!(kinds, [GROUP_CREATED, GROUP_UPDATED, GROUP_DELETED]);
        assert!(group.take_events().is_empty());
    }
}
