//! The API key: what a program of an organization acts with, for the user or service account that made it.

use contracts::identity::ApiKeyId;
use kernel::{Actor, ActorKind, DomainEvent, FieldValue, OrganizationId, Rule, RuleViolation, Timestamp};

use super::{CredentialName, IpAllowlist, PermissionList};
use crate::manifest::{API_KEY_CREATED, API_KEY_REVOKED, API_KEY_ROTATED, API_KEY_UPDATED};

/// What it takes to make a key.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// What people call it.
    pub name: CredentialName,
    /// What it may be used for, where its maker may too.
    pub permissions: PermissionList,
    /// From when on it is worth nothing.
    pub expires_at: Option<Timestamp>,
    /// From where it may be used.
    pub ip_allowlist: IpAllowlist,
}

/// What is to be another about a key; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct ApiKeyChanges {
    /// What people call it.
    pub name: Option<CredentialName>,
    /// What it may be used for.
    pub permissions: Option<PermissionList>,
    /// From when on it is worth nothing, if ever.
    pub expires_at: Option<Option<Timestamp>>,
    /// From where it may be used.
    pub ip_allowlist: Option<IpAllowlist>,
}

/// Keys are made by users and service accounts, not by keys: one that leaked could make itself a successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("keys are made by users and service accounts")]
pub struct NotAMaker;

/// The key was revoked, and nothing about it changes any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key was revoked")]
pub struct KeyRevoked;

/// A key. It records what happens to it; whoever stores it takes the events along.
#[derive(Debug, Clone)]
pub struct ApiKey {
    stored: StoredApiKey,
    events: Vec<DomainEvent>,
}

/// A key's state, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredApiKey {
    /// Which one.
    pub id: ApiKeyId,
    /// Whose.
    pub organization: OrganizationId,
    /// What people call it.
    pub name: CredentialName,
    /// How a person recognises its secret.
    pub prefix: String,
    /// What it may be used for.
    pub permissions: PermissionList,
    /// Who made it, with the name of that time.
    pub maker: Actor,
    /// Whether whoever made it may still act.
    pub is_maker_active: bool,
    /// From when on it is worth nothing.
    pub expires_at: Option<Timestamp>,
    /// From where it may be used.
    pub ip_allowlist: IpAllowlist,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl StoredApiKey {
    /// Whether it can be used at `now`.
    #[must_use]
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.is_maker_active && self.expires_at.is_none_or(|end| now < end)
    }
}

impl From<StoredApiKey> for ApiKey {
    fn from(stored: StoredApiKey) -> Self {
        Self {
            stored,
            events: Vec::new(),
        }
    }
}

/// An end must lie in the future.
///
/// # Errors
/// [`Rule::InPast`] on `expiresAt`.
pub fn check_expiry(expires_at: Option<Timestamp>, now: Timestamp) -> Result<(), RuleViolation> {
    match expires_at {
        Some(end) if end <= now => Err(RuleViolation::new("expiresAt", Rule::InPast)),
        _ => Ok(()),
    }
}

impl ApiKey {
    /// Makes a key, whose secret begins with `prefix`.
    ///
    /// # Errors
    /// [`NotAMaker`].
    pub fn create(
        id: ApiKeyId,
        organization: OrganizationId,
        new: NewApiKey,
        prefix: String,
        maker: &Actor,
        now: Timestamp,
    ) -> Result<Self, NotAMaker> {
        if !matches!(maker.kind, ActorKind::User | ActorKind::ServiceAccount) {
            return Err(NotAMaker);
        }
        let NewApiKey {
            name,
            permissions,
            expires_at,
            ip_allowlist,
        } = new;
        let event = DomainEvent::new(API_KEY_CREATED, id)
            .changed("name", FieldValue::Null, name.as_str())
            .changed("prefix", FieldValue::Null, prefix.as_str())
            .changed("permissions", FieldValue::Null, &permissions)
            .changed("expiresAt", FieldValue::Null, expires_at)
            .changed("ipAllowlist", FieldValue::Null, &ip_allowlist);
        let stored = StoredApiKey {
            id,
            organization,
            name,
            prefix,
            permissions,
            maker: maker.clone(),
            is_maker_active: true,
            expires_at,
            ip_allowlist,
            last_used_at: None,
            revoked_at: None,
            created_at: now,
        };
        Ok(Self {
            stored,
            events: vec![event],
        })
    }

    /// Its state.
    #[must_use]
    pub fn state(&self) -> &StoredApiKey {
        &self.stored
    }

    /// Changes what is to be another. Nothing happens when nothing is.
    ///
    /// # Errors
    /// [`KeyRevoked`].
    pub fn change(&mut self, changes: ApiKeyChanges) -> Result<(), KeyRevoked> {
        self.is_not_revoked()?;
        let before = self.stored.clone();
        let now = &mut self.stored;
        if let Some(name) = changes.name {
            now.name = name;
        }
        if let Some(permissions) = changes.permissions {
            now.permissions = permissions;
        }
        if let Some(expires_at) = changes.expires_at {
            now.expires_at = expires_at;
        }
        if let Some(ip_allowlist) = changes.ip_allowlist {
            now.ip_allowlist = ip_allowlist;
        }
        if *now != before {
            let event = DomainEvent::new(API_KEY_UPDATED, now.id)
                .changed("name", before.name.as_str(), now.name.as_str())
                .changed("permissions", &before.permissions, &now.permissions)
                .changed("expiresAt", before.expires_at, now.expires_at)
                .changed("ipAllowlist", &before.ip_allowlist, &now.ip_allowlist);
            self.events.push(event);
        }
        Ok(())
    }

    /// It has another secret from now on, which begins with `prefix`.
    ///
    /// # Errors
    /// [`KeyRevoked`].
    pub fn rotate(&mut self, prefix: String) -> Result<(), KeyRevoked> {
        self.is_not_revoked()?;
        let event = DomainEvent::new(API_KEY_ROTATED, self.stored.id).changed(
            "prefix",
            self.stored.prefix.as_str(),
            prefix.as_str(),
        );
        self.stored.prefix = prefix;
        self.events.push(event);
        Ok(())
    }

    /// Ends it for good. Nothing happens to one that was revoked before.
    pub fn revoke(&mut self, now: Timestamp) {
        if self.stored.revoked_at.is_none() {
            self.stored.revoked_at = Some(now);
            let event = DomainEvent::new(API_KEY_REVOKED, self.stored.id).changed("isActive", true, false);
            self.events.push(event);
        }
    }

    fn is_not_revoked(&self) -> Result<(), KeyRevoked> {
        match self.stored.revoked_at {
            None => Ok(()),
            Some(_) => Err(KeyRevoked),
        }
    }

    /// Hands over what happened since the last time.
    #[must_use]
    pub fn take_events(&mut self) -> Vec<DomainEvent> {
        std::mem::take(&mut self.events)
    }
}

#[cfg(test)]
mod tests {
    use kernel::Id as _;
    use uuid::Uuid;

    use super::super::Network;
    use super::*;

    const MADE: Timestamp = Timestamp::from_micros(1_000_000);
    const LATER: Timestamp = Timestamp::from_micros(2_000_000);

    fn actor(kind: ActorKind) -> Actor {
        Actor {
            kind,
            id: Uuid::from_u128(3),
            name: "Ana".to_owned(),
        }
    }

    fn list(codes: &[&str]) -> PermissionList {
        PermissionList::new(codes.iter().map(|code| (*code).to_owned()).collect()).unwrap()
    }

    fn made_by(kind: ActorKind) -> Result<ApiKey, NotAMaker> {
        let new = NewApiKey {
            name: CredentialName::new("CI").unwrap(),
            permissions: list(&["IDENTITY_USER_READ"]),
            expires_at: Some(LATER),
            ip_allowlist: IpAllowlist::default(),
        };
        let organization = OrganizationId::from_uuid(Uuid::from_u128(2));
        let id = ApiKeyId::from_uuid(Uuid::from_u128(1));
        ApiKey::create(id, organization, new, "lastro_key_abc".to_owned(), &actor(kind), MADE)
    }

    fn stored() -> ApiKey {
        let mut key = made_by(ActorKind::User).unwrap();
        assert_eq!(kinds(&mut key), ["api_key.created"]);
        key
    }

    fn kinds(key: &mut ApiKey) -> Vec<&'static str> {
        key.take_events().iter().map(|event| event.kind).collect()
    }

    #[test]
    fn users_and_service_accounts_make_keys_and_nobody_else() {
        assert!(made_by(ActorKind::User).is_ok() && made_by(ActorKind::ServiceAccount).is_ok());
        assert_eq!(made_by(ActorKind::ApiKey).unwrap_err(), NotAMaker);
        assert_eq!(made_by(ActorKind::System).unwrap_err(), NotAMaker);
    }

    #[test]
    fn a_key_is_active_until_its_end_its_revocation_and_its_makers() {
        let mut key = stored();
        assert!(key.state().is_active(MADE) && !key.state().is_active(LATER));
        let mut orphan = key.state().clone();
        orphan.is_maker_active = false;
        assert!(!orphan.is_active(MADE));
        key.revoke(MADE);
        assert!(!key.state().is_active(MADE));
    }

    #[test]
    fn a_change_tells_what_is_another_and_nothing_else() {
        let mut key = stored();
        let changes = ApiKeyChanges {
            name: Some(CredentialName::new("CI").unwrap()),
            permissions: Some(list(&["IDENTITY_USER_CREATE"])),
            expires_at: Some(None),
            ip_allowlist: Some(IpAllowlist::new(vec![Network::new("10.0.0.0/8").unwrap()]).unwrap()),
        };
        key.change(changes.clone()).unwrap();
        let events = key.take_events();
        let fields: Vec<_> = events[0].changes.iter().map(|change| change.field).collect();
        assert_eq!(
            (events[0].kind, fields.as_slice()),
            ("api_key.updated", &["permissions", "expiresAt", "ipAllowlist"][..])
        );
        assert!(key.state().is_active(LATER));
        key.change(changes).unwrap();
        assert_eq!(kinds(&mut key), [""; 0]);
    }

    #[test]
    fn a_rotation_tells_the_new_prefix() {
        let mut key = stored();
        key.rotate("lastro_key_xyz".to_owned()).unwrap();
        assert_eq!(
            (kinds(&mut key), key.state().prefix.as_str()),
            (vec!["api_key.rotated"], "lastro_key_xyz")
        );
    }

    #[test]
    fn a_revoked_key_stays_as_it_is() {
        let mut key = stored();
        key.revoke(LATER);
        key.revoke(MADE);
        assert_eq!(
            (kinds(&mut key), key.state().revoked_at),
            (vec!["api_key.revoked"], Some(LATER))
        );
        assert_eq!(key.change(ApiKeyChanges::default()), Err(KeyRevoked));
        assert_eq!(key.rotate(String::new()), Err(KeyRevoked));
    }

    #[test]
    fn an_end_lies_in_the_future() {
        assert!(check_expiry(None, MADE).is_ok() && check_expiry(Some(LATER), MADE).is_ok());
        let violation = check_expiry(Some(MADE), MADE).unwrap_err();
        assert_eq!((&*violation.field, violation.rule), ("expiresAt", Rule::InPast));
    }
}
