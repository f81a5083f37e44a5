//! Whether, and of what, events arrive one after the other.

use kernel::{Id as _, OrganizationId};
use uuid::Uuid;

/// What an endpoint's events must not overtake each other of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Ordering {
    /// Of nothing: several are under way at once, and one that is tried again comes after later ones.
    #[default]
    None,
    /// Of one organization: no event is sent before those that happened before it there arrived or were given up.
    Organization,
    /// Of one object: no event is sent before those about the same object arrived or were given up.
    Aggregate,
}

impl Ordering {
    /// As it is stored and shown.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Organization => "organization",
            Self::Aggregate => "aggregate",
        }
    }

    /// Reads what was stored.
    pub(crate) fn stored(text: &str) -> Option<Self> {
        [Self::None, Self::Organization, Self::Aggregate]
            .into_iter()
            .find(|one| one.as_str() == text)
    }

    /// What an event about `subject` in `organization` must not overtake others of.
    pub(crate) fn key(self, organization: OrganizationId, subject: Uuid) -> Option<Uuid> {
        match self {
            Self::None => None,
            Self::Organization => Some(organization.as_uuid()),
            Self::Aggregate => Some(subject),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_is_written() {
        for one in [Ordering::None, Ordering::Organization, Ordering::Aggregate] {
            assert_eq!(Ordering::stored(one.as_str()), Some(one));
        }
        assert_eq!(Ordering::stored("object"), None);
    }

    #[test]
    fn only_events_of_one_key_wait_for_each_other() {
        let (organization, subject) = (OrganizationId::from_uuid(Uuid::from_u128(1)), Uuid::from_u128(2));
        assert_eq!(Ordering::None.key(organization, subject), None);
        assert_eq!(
            Ordering::Organization.key(organization, subject),
            Some(Uuid::from_u128(1))
        );
        assert_eq!(Ordering::Aggregate.key(organization, subject), Some(subject));
    }
}
