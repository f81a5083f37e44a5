//! An endpoint: where an organization wants to hear of events.

use kernel::{Actor, DomainEvent, FieldValue, OrganizationId, Timestamp};

use super::{Description, EndpointUrl, EventTypes, Ordering, Overlap};
use crate::manifest::{CREATED, DELETED, DISABLED, SECRET_ROTATED, UPDATED};

kernel::id!(
    /// A webhook endpoint.
    pub(crate) struct EndpointId = "webhook"
);

/// What it takes to make an endpoint.
#[derive(Debug, Clone)]
pub(crate) struct NewEndpoint {
    pub(crate) url: EndpointUrl,
    pub(crate) event_types: EventTypes,
    pub(crate) description: Option<Description>,
    pub(crate) ordering: Ordering,
}

/// What to change; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub(crate) struct Changes {
    pub(crate) url: Option<EndpointUrl>,
    pub(crate) event_types: Option<EventTypes>,
    /// `Some(None)` removes the description.
    pub(crate) description: Option<Option<Description>>,
    pub(crate) ordering: Option<Ordering>,
    pub(crate) is_active: Option<bool>,
}

/// A secret that still signs for a while, sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Former {
    pub(crate) secret: Vec<u8>,
    pub(crate) until: Timestamp,
}

/// An endpoint. It records what happens to it; whoever stores it takes the events along.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    stored: Stored,
    events: Vec<DomainEvent>,
}

/// Its state, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) organization_id: OrganizationId,
    pub(crate) id: EndpointId,
    pub(crate) url: EndpointUrl,
    pub(crate) event_types: EventTypes,
    pub(crate) description: Option<Description>,
    /// Of what is handed on from now on.
    pub(crate) ordering: Ordering,
    pub(crate) is_active: bool,
    /// By whose right it gets what it gets: whoever last said where and what.
    pub(crate) maker: Actor,
    /// Sealed.
    pub(crate) secret: Vec<u8>,
    pub(crate) former: Option<Former>,
    pub(crate) failing_since: Option<Timestamp>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

impl From<Stored> for Endpoint {
    fn from(stored: Stored) -> Self {
        Self {
            stored,
            events: Vec::new(),
        }
    }
}

fn listed(types: &EventTypes) -> FieldValue {
    types.to_texts().into()
}

fn text(description: Option<&Description>) -> FieldValue {
    description.map(Description::as_str).into()
}

impl Endpoint {
    /// Makes an endpoint of an organization.
    pub(crate) fn create(
        organization_id: OrganizationId,
        id: EndpointId,
        new: NewEndpoint,
        maker: Actor,
        secret: Vec<u8>,
        now: Timestamp,
    ) -> Self {
        let event = DomainEvent::new(CREATED, id)
            .changed("url", FieldValue::Null, new.url.as_str())
            .changed("eventTypes", FieldValue::Null, listed(&new.event_types))
            .changed("description", FieldValue::Null, text(new.description.as_ref()))
            .changed("ordering", FieldValue::Null, new.ordering.as_str());
        let stored = Stored {
            organization_id,
            id,
            url: new.url,
            event_types: new.event_types,
            description: new.description,
            ordering: new.ordering,
            is_active: true,
            maker,
            secret,
            former: None,
            failing_since: None,
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

    /// Changes what differs; nothing is recorded when nothing does. Whoever says where it leads or what it gets answers for that
    /// from then on: it gets what they may read, and no more what its former maker may.
    pub(crate) fn change(&mut self, changes: Changes, by: &Actor, now: Timestamp) {
        let mut event = DomainEvent::new(UPDATED, self.stored.id);
        let mut redirected = false;
        if let Some(url) = changes.url.filter(|url| *url != self.stored.url) {
            event = event.changed("url", self.stored.url.as_str(), url.as_str());
            self.stored.url = url;
            redirected = true;
        }
        if let Some(types) = changes.event_types.filter(|types| *types != self.stored.event_types) {
            event = event.changed("eventTypes", listed(&self.stored.event_types), listed(&types));
            self.stored.event_types = types;
            redirected = true;
        }
        if let Some(description) = changes.description {
            let (from, to) = (text(self.stored.description.as_ref()), text(description.as_ref()));
            event = event.changed("description", from, to);
            self.stored.description = description;
        }
        if let Some(ordering) = changes.ordering {
            event = event.changed("ordering", self.stored.ordering.as_str(), ordering.as_str());
            self.stored.ordering = ordering;
        }
        if let Some(is_active) = changes.is_active {
            event = event.changed("isActive", self.stored.is_active, is_active);
            self.stored.is_active = is_active;
        }
        if event.changes.is_empty() {
            return;
        }
        if redirected {
            self.stored.maker = by.clone();
        }
        // What it failed at before says nothing about what it is now.
        self.stored.failing_since = None;
        self.stored.updated_at = now;
        self.events.push(event);
    }

    /// Gives it another secret. The former one signs too, for as long as the overlap lasts; one that signed still ends now.
    pub(crate) fn rotate(&mut self, secret: Vec<u8>, overlap: Overlap, now: Timestamp) {
        let former = std::mem::replace(&mut self.stored.secret, secret);
        self.stored.former = (!overlap.get().is_zero()).then(|| Former {
            secret: former,
            until: now.plus(overlap.get()),
        });
        self.stored.updated_at = now;
        self.events.push(DomainEvent::new(SECRET_ROTATED, self.stored.id));
    }

    /// Switches it off because nothing arrives; false when it was off.
    pub(crate) fn disable(&mut self, now: Timestamp) -> bool {
        if !self.stored.is_active {
            return false;
        }
        self.stored.is_active = false;
        self.stored.updated_at = now;
        self.events
            .push(DomainEvent::new(DISABLED, self.stored.id).changed("isActive", true, false));
        true
    }

    /// Says that it is being removed.
    pub(crate) fn delete(&mut self) {
        let event = DomainEvent::new(DELETED, self.stored.id);
        self.events
            .push(event.changed("url", self.stored.url.as_str(), FieldValue::Null));
    }

    /// Hands over what happened since the last time.
    pub(crate) fn take_events(&mut self) -> Vec<DomainEvent> {
        std::mem::take(&mut self.events)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kernel::{ActorKind, Id as _};
    use uuid::Uuid;

    use super::*;

    const MADE: Timestamp = Timestamp::from_micros(1_000_000);
    const LATER: Timestamp = Timestamp::from_micros(2_000_000);

    fn actor(id: u128) -> Actor {
        Actor {
            kind: ActorKind::User,
            id: Uuid::from_u128(id),
            name: "Ana".to_owned(),
        }
    }

    fn types(texts: &[&str]) -> EventTypes {
        EventTypes::stored(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    fn endpoint() -> Endpoint {
        let new = NewEndpoint {
            url: EndpointUrl::new("https://example.com/hook").unwrap(),
            event_types: types(&["role.*"]),
            description: None,
            ordering: Ordering::None,
        };
        let (organization, id) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut made = Endpoint::create(
            OrganizationId::from_uuid(organization),
            EndpointId::from_uuid(id),
            new,
            actor(1),
            vec![1],
            MADE,
        );
        assert_eq!(made.take_events().len(), 1);
        made
    }

    #[test]
    fn a_change_that_changes_nothing_is_none() {
        let mut same = endpoint();
        let changes = Changes {
            url: Some(EndpointUrl::new("https://example.com/hook").unwrap()),
            event_types: Some(types(&["role.*"])),
            description: Some(None),
            ordering: Some(Ordering::None),
            is_active: Some(true),
        };
        same.change(changes, &actor(2), LATER);
        assert!(same.take_events().is_empty());
        assert_eq!(
            (same.state().updated_at, same.state().maker.id),
            (MADE, Uuid::from_u128(1))
        );
    }

    #[test]
    fn whoever_redirects_it_answers_for_what_it_gets() {
        let mut renamed = endpoint();
        let changes = Changes {
            description: Some(Some(Description::new("The books").unwrap())),
            ..Changes::default()
        };
        renamed.change(changes, &actor(2), LATER);
        assert_eq!(renamed.state().maker.id, Uuid::from_u128(1));

        let mut redirected = endpoint();
        let changes = Changes {
            url: Some(EndpointUrl::new("https://example.net/").unwrap()),
            ..Changes::default()
        };
        redirected.change(changes, &actor(2), LATER);
        assert_eq!(redirected.state().maker.id, Uuid::from_u128(2));
    }

    #[test]
    fn the_former_secret_signs_for_as_long_as_the_overlap() {
        let mut rotated = endpoint();
        rotated.rotate(vec![2], Overlap::new("1h").unwrap(), MADE);
        let former = rotated.state().former.clone().unwrap();
        assert_eq!(
            (former.secret, former.until),
            (vec![1], MADE.plus(Duration::from_secs(3_600)))
        );
        assert_eq!(rotated.state().secret, [2]);
        rotated.rotate(vec![3], Overlap::new("0s").unwrap(), MADE);
        assert_eq!(rotated.state().former, None);
        assert!(rotated.take_events().iter().all(|event| event.changes.is_empty()));
    }

    #[test]
    fn it_is_disabled_once() {
        let mut off = endpoint();
        assert!(off.disable(LATER));
        assert!(!off.disable(LATER));
        assert_eq!(off.take_events().len(), 1);
    }
}
