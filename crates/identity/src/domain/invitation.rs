//! The invitation: a place in an organization for whoever reads mail at an address.

use std::time::Duration;

use contracts::access::RoleId;
use kernel::{Actor, DomainEvent, FieldValue, Id as _, OrganizationId, Timestamp};

use super::{Email, InvitationId, UserId};
use crate::manifest::{INVITATION_ACCEPTED, INVITATION_CREATED, INVITATION_RESENT, INVITATION_REVOKED};

/// An invitation. It records what happens to it; whoever stores it takes the events along.
#[derive(Debug, Clone)]
pub struct Invitation {
    stored: StoredInvitation,
    events: Vec<DomainEvent>,
}

/// An invitation's state, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredInvitation {
    /// Which one.
    pub id: InvitationId,
    /// Into which organization.
    pub organization: OrganizationId,
    /// Whom.
    pub email: Email,
    /// The roles that it grants.
    pub roles: Vec<RoleId>,
    /// Who comes in by it, where that is a user already: the first administrator of an organization.
    pub user: Option<UserId>,
    /// Who invites, against whom the grants are judged once more at acceptance.
    pub inviter: Actor,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it can be accepted.
    pub expires_at: Timestamp,
}

/// What it takes to invite somebody.
#[derive(Debug, Clone)]
pub struct NewInvitation {
    /// Into which organization.
    pub organization: OrganizationId,
    /// Whom.
    pub email: Email,
    /// The roles that it grants.
    pub roles: Vec<RoleId>,
    /// Who comes in by it, where that is a user already.
    pub user: Option<UserId>,
    /// Who invites.
    pub inviter: Actor,
}

impl From<StoredInvitation> for Invitation {
    fn from(stored: StoredInvitation) -> Self {
        Self {
            stored,
            events: Vec::new(),
        }
    }
}

impl Invitation {
    /// How long it can be accepted.
    pub const LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);

    /// Invites somebody. A role named twice is granted once.
    #[must_use]
    pub fn create(id: InvitationId, new: NewInvitation, now: Timestamp) -> Self {
        let NewInvitation {
            organization,
            email,
            mut roles,
            user,
            inviter,
        } = new;
        roles.sort_unstable();
        roles.dedup();
        let expires_at = now.plus(Self::LIFETIME);
        let granted: Vec<_> = roles.iter().map(|role| role.as_uuid()).collect();
        let event = DomainEvent::new(INVITATION_CREATED, id)
            .changed_personal("email", FieldValue::Null, email.as_str())
            .changed("roleIds", FieldValue::Null, granted)
            .changed("expiresAt", FieldValue::Null, expires_at);
        Self {
            stored: StoredInvitation {
                id,
                organization,
                email,
                roles,
                user,
                inviter,
                created_at: now,
                expires_at,
            },
            events: vec![event],
        }
    }

    /// Its state.
    #[must_use]
    pub fn state(&self) -> &StoredInvitation {
        &self.stored
    }

    /// Whether it can be accepted.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        now < self.stored.expires_at
    }

    /// It is sent once more, and lives from now on.
    pub fn resend(&mut self, now: Timestamp) {
        let expires_at = now.plus(Self::LIFETIME);
        let event = DomainEvent::new(INVITATION_RESENT, self.stored.id).changed(
            "expiresAt",
            self.stored.expires_at,
            expires_at,
        );
        self.stored.expires_at = expires_at;
        self.events.push(event);
    }

    /// It is taken back.
    pub fn revoke(&mut self) {
        self.events.push(DomainEvent::new(INVITATION_REVOKED, self.stored.id));
    }

    /// It was accepted, and made this user a member.
    pub fn accept(&mut self, user: UserId) {
        let event = DomainEvent::new(INVITATION_ACCEPTED, self.stored.id);
        self.events
            .push(event.changed("userId", FieldValue::Null, user.as_uuid()));
    }

    /// Hands over what happened since the last time.
    #[must_use]
    pub fn take_events(&mut self) -> Vec<DomainEvent> {
        std::mem::take(&mut self.events)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const START: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

    fn invited() -> Invitation {
        let role = |number| RoleId::from_uuid(Uuid::from_u128(number));
        let new = NewInvitation {
            organization: OrganizationId::from_uuid(Uuid::from_u128(1)),
            email: Email::new("ana@example.com").unwrap(),
            roles: vec![role(9), role(8), role(9)],
            user: None,
            inviter: Actor::system("test"),
        };
        Invitation::create(InvitationId::from_uuid(Uuid::from_u128(2)), new, START)
    }

    #[test]
    fn an_invitation_lives_for_seven_days_and_grants_each_role_once() {
        let invitation = invited();
        assert_eq!(invitation.state().roles.len(), 2);
        let end = START.plus(Invitation::LIFETIME);
        assert!(invitation.is_open(START) && !invitation.is_open(end));
    }

    #[test]
    fn what_happens_to_it_is_told() {
        let mut invitation = invited();
        let later = START.plus(Duration::from_secs(60));
        invitation.resend(later);
        assert_eq!(invitation.state().expires_at, later.plus(Invitation::LIFETIME));
        invitation.accept(UserId::from_uuid(Uuid::from_u128(3)));
        invitation.revoke();
        let kinds: Vec<_> = invitation.take_events().iter().map(|event| event.kind).collect();
        assert_eq!(
            kinds,
            [
                "invitation.created",
                "invitation.resent",
                "invitation.accepted",
                "invitation.revoked"
            ]
        );
        let printed = format!("{:?}", invited());
        assert!(!printed.contains("ana@"), "{printed}");
    }
}
