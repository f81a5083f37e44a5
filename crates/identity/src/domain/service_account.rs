//! The service account: a machine that logs in with client credentials (RFC 6749, section 4.4) and has a list of permissions of
//! its own.

use contracts::identity::ServiceAccountId;
use kernel::{DomainEvent, FieldValue, OrganizationId, Timestamp};

use super::{CredentialName, PermissionList};
use crate::manifest::{SERVICE_ACCOUNT_CREATED, SERVICE_ACCOUNT_DEACTIVATED, SERVICE_ACCOUNT_ROTATED};

kernel::id!(
    /// One secret of a service account: the `sid` of the tokens that were asked for with it.
    pub struct ClientSecretId = "client_secret"
);

/// The account was deactivated, and gets no secret any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the service account was deactivated")]
pub struct AccountInactive;

/// A service account. It records what happens to it; whoever stores it takes the events along.
#[derive(Debug, Clone)]
pub struct ServiceAccount {
    stored: StoredServiceAccount,
    events: Vec<DomainEvent>,
}

/// A service account's state, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredServiceAccount {
    /// Which one. Its client id is the same.
    pub id: ServiceAccountId,
    /// Whose.
    pub organization: OrganizationId,
    /// What people call it.
    pub name: CredentialName,
    /// What it may do.
    pub permissions: PermissionList,
    /// Whether it may act.
    pub is_active: bool,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl From<StoredServiceAccount> for ServiceAccount {
    fn from(stored: StoredServiceAccount) -> Self {
        Self {
            stored,
            events: Vec::new(),
        }
    }
}

impl ServiceAccount {
    /// Makes a service account, active from the start.
    #[must_use]
    pub fn create(
        id: ServiceAccountId,
        organization: OrganizationId,
        name: CredentialName,
        permissions: PermissionList,
        now: Timestamp,
    ) -> Self {
        let event = DomainEvent::new(SERVICE_ACCOUNT_CREATED, id)
            .changed("name", FieldValue::Null, name.as_str())
            .changed("permissions", FieldValue::Null, &permissions);
        let stored = StoredServiceAccount {
            id,
            organization,
            name,
            permissions,
            is_active: true,
            last_used_at: None,
            created_at: now,
        };
        Self {
            stored,
            events: vec![event],
        }
    }

    /// Its state.
    #[must_use]
    pub fn state(&self) -> &StoredServiceAccount {
        &self.stored
    }

    /// It has another secret from now on.
    ///
    /// # Errors
    /// [`AccountInactive`].
    pub fn rotate(&mut self) -> Result<(), AccountInactive> {
        if !self.stored.is_active {
            return Err(AccountInactive);
        }
        self.events
            .push(DomainEvent::new(SERVICE_ACCOUNT_ROTATED, self.stored.id));
        Ok(())
    }

    /// Ends its access for good. Nothing happens to one that is inactive.
    pub fn deactivate(&mut self) {
        if self.stored.is_active {
            self.stored.is_active = false;
            let event = DomainEvent::new(SERVICE_ACCOUNT_DEACTIVATED, self.stored.id).changed("isActive", true, false);
            self.events.push(event);
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

    use super::*;

    fn stored() -> ServiceAccount {
        let mut account = ServiceAccount::create(
            ServiceAccountId::from_uuid(Uuid::from_u128(1)),
            OrganizationId::from_uuid(Uuid::from_u128(2)),
            CredentialName::new("Importer").unwrap(),
            PermissionList::new(vec!["IDENTITY_USER_READ".to_owned()]).unwrap(),
            Timestamp::UNIX_EPOCH,
        );
        assert_eq!(kinds(&mut account), ["service_account.created"]);
        account
    }

    fn kinds(account: &mut ServiceAccount) -> Vec<&'static str> {
        account.take_events().iter().map(|event| event.kind).collect()
    }

    #[test]
    fn a_rotation_is_recorded() {
        let mut account = stored();
        account.rotate().unwrap();
        assert_eq!(kinds(&mut account), ["service_account.secret_rotated"]);
    }

    #[test]
    fn a_deactivated_account_gets_no_secret() {
        let mut account = stored();
        account.deactivate();
        account.deactivate();
        assert_eq!(kinds(&mut account), ["service_account.deactivated"]);
        assert_eq!(account.rotate(), Err(AccountInactive));
        assert_eq!(kinds(&mut account), [""; 0]);
    }
}
