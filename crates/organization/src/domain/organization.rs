//! The organization: a customer company, or the platform itself.

use contracts::organization::PLATFORM_SLUG;
use kernel::{DomainEvent, FieldValue, OrganizationId, Timestamp};

use super::{Document, Name, Slug};
use crate::manifest::{ACTIVATED, CREATED, DEACTIVATED, FROZEN, MOVED, PURGED, UPDATED};

/// The platform organization was asked for something that it cannot do: be renamed or deactivated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PlatformOrganization;

/// What was asked for does not fit how far the organization's move to another database has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moving {
    /// It is in another database.
    Gone,
    /// Nothing was begun, or it was given up.
    NotFrozen,
}

/// What it takes to make an organization.
#[derive(Debug, Clone)]
pub(crate) struct NewOrganization {
    pub(crate) name: Name,
    pub(crate) slug: Slug,
    pub(crate) document: Option<Document>,
}

/// What to change; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub(crate) struct Changes {
    pub(crate) name: Option<Name>,
    pub(crate) slug: Option<Slug>,
    /// `Some(None)` removes the document.
    pub(crate) document: Option<Option<Document>>,
}

/// An organization. It records what happens to it; whoever stores it takes the events along.
#[derive(Debug, Clone)]
pub(crate) struct Organization {
    stored: Stored,
    events: Vec<DomainEvent>,
}

/// Its state, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) id: OrganizationId,
    pub(crate) name: Name,
    pub(crate) slug: Slug,
    pub(crate) document: Option<Document>,
    pub(crate) is_active: bool,
    pub(crate) package_code: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) ending: Ending,
}

/// How an organization that is not active came to be so. It says nothing of one that is: a node of an older version activates
/// without clearing it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ending {
    /// Since when; `None` also where a node of an older version deactivated it.
    pub(crate) deactivated_at: Option<Timestamp>,
    /// Since when nothing leaves for it in the background either: it is on its way to another database. The instant of its
    /// deactivation, if that was what deactivated it.
    pub(crate) frozen_at: Option<Timestamp>,
    /// The database that it went to.
    pub(crate) moved_to: Option<String>,
}

impl From<Stored> for Organization {
    fn from(stored: Stored) -> Self {
        Self {
            stored,
            events: Vec::new(),
        }
    }
}

impl Organization {
    /// Makes an organization, active from the start.
    pub(crate) fn create(id: OrganizationId, new: NewOrganization, now: Timestamp) -> Self {
        let event = DomainEvent::new(CREATED, id)
            .changed("name", FieldValue::Null, new.name.as_str())
            .changed("slug", FieldValue::Null, new.slug.as_str())
            .changed(
                "document",
                FieldValue::Null,
                new.document.as_ref().map(Document::as_str),
            );
        let NewOrganization { name, slug, document } = new;
        let stored = Stored {
            id,
            name,
            slug,
            document,
            is_active: true,
            package_code: None,
            created_at: now,
            updated_at: now,
            ending: Ending::default(),
        };
        Self {
            stored,
            events: vec![event],
        }
    }

    /// Says which package it is on from its beginning.
    pub(crate) fn enter_on_package(&mut self, code: Option<&str>) {
        self.stored.package_code = code.map(str::to_owned);
        self.events = std::mem::take(&mut self.events)
            .into_iter()
            .map(|event| event.changed("packageCode", FieldValue::Null, code))
            .collect();
    }

    /// Its state.
    pub(crate) fn state(&self) -> &Stored {
        &self.stored
    }

    /// Whether it is the platform organization.
    pub(crate) fn is_platform(&self) -> bool {
        self.stored.slug.as_str() == PLATFORM_SLUG
    }

    /// Changes what differs; nothing is recorded when nothing does.
    ///
    /// # Errors
    /// [`PlatformOrganization`] when the platform organization would get another name or slug.
    pub(crate) fn change(&mut self, changes: Changes, now: Timestamp) -> Result<(), PlatformOrganization> {
        let Changes { name, slug, document } = changes;
        let name = name.filter(|name| *name != self.stored.name);
        let slug = slug.filter(|slug| *slug != self.stored.slug);
        let document = document.filter(|document| *document != self.stored.document);
        if self.is_platform() && (name.is_some() || slug.is_some()) {
            return Err(PlatformOrganization);
        }
        let mut event = DomainEvent::new(UPDATED, self.stored.id);
        if let Some(name) = name {
            event = event.changed("name", self.stored.name.as_str(), name.as_str());
            self.stored.name = name;
        }
        if let Some(slug) = slug {
            event = event.changed("slug", self.stored.slug.as_str(), slug.as_str());
            self.stored.slug = slug;
        }
        if let Some(document) = document {
            let from = self.stored.document.as_ref().map(Document::as_str);
            event = event.changed("document", from, document.as_ref().map(Document::as_str));
            self.stored.document = document;
        }
        if !event.changes.is_empty() {
            self.record(event, now);
        }
        Ok(())
    }

    /// Lets it act again, and gives a move up that was begun. Nothing happens to one that is active.
    ///
    /// # Errors
    /// [`Moving::Gone`]: it acts in another database now.
    pub(crate) fn activate(&mut self, now: Timestamp) -> Result<(), Moving> {
        if self.stored.is_active {
            return Ok(());
        }
        if self.stored.ending.moved_to.is_some() {
            return Err(Moving::Gone);
        }
        self.act_again(now);
        Ok(())
    }

    /// Nothing is left of how it ended.
    fn act_again(&mut self, now: Timestamp) {
        self.stored.is_active = true;
        self.stored.ending = Ending::default();
        self.record(
            DomainEvent::new(ACTIVATED, self.stored.id).changed("isActive", false, true),
            now,
        );
    }

    /// Ends its access. Nothing happens to one that is inactive.
    ///
    /// # Errors
    /// [`PlatformOrganization`]: without it nobody could operate the installation.
    pub(crate) fn deactivate(&mut self, now: Timestamp) -> Result<(), PlatformOrganization> {
        if self.is_platform() {
            return Err(PlatformOrganization);
        }
        if self.stored.is_active {
            self.stored.is_active = false;
            self.stored.ending = Ending {
                deactivated_at: Some(now),
                ..Ending::default()
            };
            self.record(
                DomainEvent::new(DEACTIVATED, self.stored.id).changed("isActive", true, false),
                now,
            );
        }
        Ok(())
    }

    /// Since when it is not active; `None` while it is.
    pub(crate) fn deactivated_at(&self) -> Option<Timestamp> {
        let since = self.stored.ending.deactivated_at.unwrap_or(self.stored.updated_at);
        (!self.stored.is_active).then_some(since)
    }

    /// Begins its move to another database: it is deactivated if it is not yet, and nothing leaves for it any more. Nothing happens
    /// to one that is frozen.
    ///
    /// # Errors
    /// [`PlatformOrganization`]: without it nobody could operate the installation.
    pub(crate) fn freeze(&mut self, now: Timestamp) -> Result<(), PlatformOrganization> {
        self.deactivate(now)?;
        if self.stored.ending.frozen_at.is_none() {
            self.stored.ending.frozen_at = Some(now);
            self.record(DomainEvent::new(FROZEN, self.stored.id), now);
        }
        Ok(())
    }

    /// Ends its move where it came from: it is in another database, and stays deactivated here.
    ///
    /// # Errors
    /// [`Moving::NotFrozen`] when it was activated meanwhile.
    pub(crate) fn leave(&mut self, to: &str, now: Timestamp) -> Result<(), Moving> {
        let ending = &mut self.stored.ending;
        if self.stored.is_active || ending.frozen_at.is_none() {
            return Err(Moving::NotFrozen);
        }
        if ending.moved_to.is_none() {
            ending.moved_to = Some(to.to_owned());
            self.record(
                DomainEvent::new(MOVED, self.stored.id).changed("movedTo", FieldValue::Null, to),
                now,
            );
        }
        Ok(())
    }

    /// Ends its move where it went to: it is as it was before it was frozen. Nothing happens to one that is not frozen.
    pub(crate) fn arrive(&mut self, now: Timestamp) {
        let Some(frozen_at) = self.stored.ending.frozen_at.take() else {
            return;
        };
        self.record(DomainEvent::new(MOVED, self.stored.id), now);
        if !self.stored.is_active && self.stored.ending.deactivated_at == Some(frozen_at) {
            self.act_again(now);
        }
    }

    /// Takes its name, slug and document away. The slug is made of the id, so it is nobody else's.
    ///
    /// # Errors
    /// [`PlatformOrganization`]: without it nobody could operate the installation.
    pub(crate) fn bury(&mut self, now: Timestamp) -> Result<(), PlatformOrganization> {
        if self.is_platform() {
            return Err(PlatformOrganization);
        }
        self.stored.name = Name::of_purged();
        self.stored.slug = Slug::of_purged(self.stored.id);
        self.stored.document = None;
        self.stored.package_code = None;
        self.record(DomainEvent::new(PURGED, self.stored.id), now);
        Ok(())
    }

    fn record(&mut self, event: DomainEvent, now: Timestamp) {
        self.stored.updated_at = now;
        self.events.push(event);
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

    fn organization(slug: &str) -> Organization {
        let new = NewOrganization {
            name: Name::new("Padaria Central").unwrap(),
            slug: Slug::new(slug).unwrap(),
            document: Some(Document::new("33.000.167/0001-01").unwrap()),
        };
        let mut made = Organization::create(OrganizationId::from_uuid(uuid::Uuid::from_u128(1)), new, MADE);
        assert_eq!(made.take_events().len(), 1);
        made
    }

    #[test]
    fn a_new_organization_is_active_and_says_so() {
        let made = organization("padaria");
        assert!(made.state().is_active);
        assert_eq!(made.state().created_at, MADE);
        assert_eq!(made.state().updated_at, MADE);
    }

    #[test]
    fn a_change_records_only_what_differs() {
        let mut made = organization("padaria");
        let changes = Changes {
            name: Some(Name::new("Padaria Nova").unwrap()),
            slug: Some(Slug::new("padaria").unwrap()),
            document: Some(None),
        };
        made.change(changes, LATER).unwrap();
        let events = made.take_events();
        let fields: Vec<_> = events[0].changes.iter().map(|change| change.field).collect();
        assert_eq!(fields, ["name", "document"]);
        assert_eq!(events[0].changes[1].to, FieldValue::Null);
        assert_eq!(made.state().updated_at, LATER);
    }

    #[test]
    fn a_change_that_changes_nothing_is_none() {
        let mut made = organization("padaria");
        made.change(
            Changes {
                name: Some(Name::new("Padaria Central").unwrap()),
                ..Changes::default()
            },
            LATER,
        )
        .unwrap();
        assert!(made.take_events().is_empty());
        assert_eq!(made.state().updated_at, MADE);
    }

    #[test]
    fn deactivating_and_activating_happen_once() {
        let mut made = organization("padaria");
        made.deactivate(LATER).unwrap();
        made.deactivate(LATER).unwrap();
        assert_eq!(made.take_events().len(), 1);
        assert!(!made.state().is_active);
        assert_eq!(made.deactivated_at(), Some(LATER));
        made.activate(LATER).unwrap();
        made.activate(LATER).unwrap();
        assert_eq!(made.take_events().len(), 1);
        assert!(made.state().is_active);
        assert_eq!(made.deactivated_at(), None);
    }

    #[test]
    fn a_change_does_not_move_the_instant_of_the_deactivation() {
        let mut made = organization("padaria");
        made.deactivate(MADE).unwrap();
        let document = Changes {
            document: Some(None),
            ..Changes::default()
        };
        made.change(document, LATER).unwrap();
        assert_eq!((made.deactivated_at(), made.state().updated_at), (Some(MADE), LATER));
        // As an older version left it.
        made.stored.ending.deactivated_at = None;
        assert_eq!(made.deactivated_at(), Some(LATER));
    }

    #[test]
    fn what_leaves_is_frozen_and_arrives_as_it_was() {
        let mut made = organization("padaria");
        assert_eq!(made.leave("there", LATER), Err(Moving::NotFrozen));
        made.freeze(LATER).unwrap();
        made.freeze(LATER).unwrap();
        let names = |made: &mut Organization| {
            made.take_events()
                .into_iter()
                .map(|event| event.kind)
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&mut made), [DEACTIVATED, FROZEN]);
        let mut copy = Organization::from(made.state().clone());
        made.leave("there", LATER).unwrap();
        made.leave("elsewhere", LATER).unwrap();
        assert_eq!(names(&mut made), [MOVED]);
        assert_eq!(made.state().ending.moved_to.as_deref(), Some("there"));
        assert_eq!(made.activate(LATER), Err(Moving::Gone));
        copy.arrive(LATER);
        copy.arrive(LATER);
        assert_eq!(names(&mut copy), [MOVED, ACTIVATED]);
        assert!(copy.state().is_active);
        assert_eq!(copy.state().ending, Ending::default());

        let mut inactive = organization("padaria");
        inactive.deactivate(MADE).unwrap();
        inactive.freeze(LATER).unwrap();
        inactive.take_events();
        inactive.arrive(LATER);
        assert_eq!(names(&mut inactive), [MOVED]);
        assert_eq!(inactive.deactivated_at(), Some(MADE));
        // Giving it up.
        inactive.freeze(LATER).unwrap();
        inactive.activate(LATER).unwrap();
        assert_eq!(inactive.leave("there", LATER), Err(Moving::NotFrozen));
        assert_eq!(organization(PLATFORM_SLUG).freeze(LATER), Err(PlatformOrganization));
    }

    #[test]
    fn the_platform_organization_keeps_its_name_and_stays() {
        let mut platform = organization(PLATFORM_SLUG);
        assert_eq!(platform.deactivate(LATER), Err(PlatformOrganization));
        let renamed = Changes {
            name: Some(Name::new("Outra").unwrap()),
            ..Changes::default()
        };
        assert_eq!(platform.change(renamed, LATER), Err(PlatformOrganization));
        let moved = Changes {
            slug: Some(Slug::new("outra").unwrap()),
            ..Changes::default()
        };
        assert_eq!(platform.change(moved, LATER), Err(PlatformOrganization));
        let documented = Changes {
            document: Some(None),
            ..Changes::default()
        };
        assert_eq!(platform.change(documented, LATER), Ok(()));
        assert!(platform.state().is_active);
    }
}
