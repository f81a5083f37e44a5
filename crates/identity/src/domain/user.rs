//! The user: a person, member of exactly one organization.

use std::fmt;

use kernel::{DomainEvent, FieldValue, OrganizationId, RuleViolation, Timestamp, checked_text};

use super::{Email, UserId};
use crate::crypto::PasswordHash;
use crate::manifest::{
    USER_ACTIVATED, USER_CREATED, USER_DEACTIVATED, USER_EMAIL_CHANGE_REQUESTED, USER_ERASED, USER_LOCKED,
    USER_MFA_DISABLED, USER_MFA_ENABLED, USER_PASSWORD_CHANGED, USER_UNLOCKED, USER_UPDATED,
};

/// What people call a user: 2 to 120 characters. Personal data: it prints as `[redacted]`.
#[derive(Clone, PartialEq, Eq)]
pub struct UserName(String);

impl UserName {
    /// The least number of characters.
    pub const MIN: usize = 2;
    /// The greatest number of characters.
    pub const MAX: usize = 120;

    /// Checks a name.
    ///
    /// # Errors
    /// The rule that it breaks, on `name`.
    pub fn new(raw: &str) -> Result<Self, RuleViolation> {
        checked_text("name", raw, Self::MIN, Self::MAX).map(Self)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserName([redacted])")
    }
}

/// What it takes to make a user.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// What people call them.
    pub name: UserName,
    /// Where mail reaches them; unique in the organization, which whoever stores the user checks.
    pub email: Email,
    /// The hash of their password; `None` for someone whom another system identifies.
    pub password: Option<PasswordHash>,
    /// Whether the address is known to be theirs: they came through a mail sent to it.
    pub email_verified: bool,
}

/// A user. It records what happens to it; whoever stores it takes the events along.
#[derive(Debug, Clone)]
pub struct User {
    stored: StoredUser,
    events: Vec<DomainEvent>,
}

/// A user's state, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredUser {
    /// Which one.
    pub id: UserId,
    /// Whose member.
    pub organization: OrganizationId,
    /// What people call them.
    pub name: UserName,
    /// Where mail reaches them.
    pub email: Email,
    /// The hash of their password, if they have one.
    pub password: Option<PasswordHash>,
    /// Whether they may log in.
    pub is_active: bool,
    /// Whether they proved that the address is theirs.
    pub email_verified: bool,
    /// Whether they log in with a second factor.
    pub mfa_enabled: bool,
    /// When they last logged in.
    pub last_login_at: Option<Timestamp>,
    /// When they were made.
    pub created_at: Timestamp,
    /// When what the API shows of them last changed, logins aside.
    pub updated_at: Timestamp,
}

impl From<StoredUser> for User {
    fn from(stored: StoredUser) -> Self {
        Self {
            stored,
            events: Vec::new(),
        }
    }
}

impl User {
    /// Makes a user, active from the start.
    #[must_use]
    pub fn create(id: UserId, organization: OrganizationId, new: NewUser, now: Timestamp) -> Self {
        let NewUser {
            name,
            email,
            password,
            email_verified,
        } = new;
        let event = DomainEvent::new(USER_CREATED, id)
            .changed_personal("name", FieldValue::Null, name.as_str())
            .changed_personal("email", FieldValue::Null, email.as_str())
            .changed("emailVerified", FieldValue::Null, email_verified);
        let stored = StoredUser {
            id,
            organization,
            name,
            email,
            password,
            is_active: true,
            email_verified,
            mfa_enabled: false,
            last_login_at: None,
            created_at: now,
            updated_at: now,
        };
        Self {
            stored,
            events: vec![event],
        }
    }

    /// As [`create`](Self::create), of somebody who registered and may not act before the address is confirmed to be theirs.
    #[must_use]
    pub fn awaiting_confirmation(mut self) -> Self {
        self.stored.is_active = false;
        self.stored.email_verified = false;
        self
    }

    /// Its state.
    #[must_use]
    pub fn state(&self) -> &StoredUser {
        &self.stored
    }

    /// They, or somebody for them, wish for another address: it is theirs once its owner confirms it.
    pub fn wish_email(&mut self, email: &Email) {
        let event = self.event(USER_EMAIL_CHANGE_REQUESTED).changed_personal(
            "email",
            self.stored.email.as_str(),
            email.as_str(),
        );
        self.events.push(event);
    }

    /// Gives them another name. Nothing happens when it is the same.
    pub fn rename(&mut self, name: UserName, now: Timestamp) {
        if name != self.stored.name {
            let event = self
                .event(USER_UPDATED)
                .changed_personal("name", self.stored.name.as_str(), name.as_str());
            self.stored.name = name;
            self.record(event, now);
        }
    }

    /// The owner of an address confirmed it: it is theirs from now on, in place of the one before. Until then a changed
    /// address is only a wish. Nothing happens when it is theirs already.
    pub fn confirm_email(&mut self, email: Email, now: Timestamp) {
        if email != self.stored.email || !self.stored.email_verified {
            let event = self
                .event(USER_UPDATED)
                .changed_personal("email", self.stored.email.as_str(), email.as_str())
                .changed("emailVerified", self.stored.email_verified, true);
            self.stored.email = email;
            self.stored.email_verified = true;
            self.record(event, now);
        }
    }

    /// Gives them another password. Ending their other sessions is up to the caller.
    pub fn change_password(&mut self, password: PasswordHash, now: Timestamp) {
        self.stored.password = Some(password);
        let event = self.event(USER_PASSWORD_CHANGED);
        self.record(event, now);
    }

    /// Stores the same password under stronger parameters, after a login with it. Nothing that anyone can see changes, so
    /// nothing is recorded.
    pub fn rehash(&mut self, password: PasswordHash) {
        self.stored.password = Some(password);
    }

    /// They logged in. The event of it is the session's.
    pub fn record_login(&mut self, now: Timestamp) {
        self.stored.last_login_at = Some(now);
    }

    /// Lets them act again. Nothing happens to one who is active.
    pub fn activate(&mut self, now: Timestamp) {
        if !self.stored.is_active {
            self.stored.is_active = true;
            let event = self.event(USER_ACTIVATED).changed("isActive", false, true);
            self.record(event, now);
        }
    }

    /// Ends their access. Ending their sessions is up to the caller. Nothing happens to one who is inactive.
    pub fn deactivate(&mut self, now: Timestamp) {
        if self.stored.is_active {
            self.stored.is_active = false;
            let event = self.event(USER_DEACTIVATED).changed("isActive", true, false);
            self.record(event, now);
        }
    }

    /// They registered, and are not let in: they never were active.
    pub fn turn_away(&mut self, now: Timestamp) {
        let event = self.event(USER_DEACTIVATED);
        self.record(event, now);
    }

    /// Takes the person out of the user: what is left tells nobody who it was, and lets nobody in. It can be repeated: each
    /// time is an event, since each may find something that was left behind.
    pub fn erase(&mut self, name: UserName, email: Email, now: Timestamp) {
        let event = self
            .event(USER_ERASED)
            .changed("isActive", self.stored.is_active, false);
        self.stored = StoredUser {
            name,
            email,
            password: None,
            is_active: false,
            email_verified: false,
            mfa_enabled: false,
            last_login_at: None,
            ..self.stored.clone()
        };
        self.record(event, now);
    }

    /// They log in with a second factor from now on. Nothing happens when they do already.
    pub fn enable_mfa(&mut self, now: Timestamp) {
        if !self.stored.mfa_enabled {
            self.stored.mfa_enabled = true;
            let event = self.event(USER_MFA_ENABLED).changed("mfaEnabled", false, true);
            self.record(event, now);
        }
    }

    /// Their second factor is gone. Nothing happens when they have none.
    pub fn disable_mfa(&mut self, now: Timestamp) {
        if self.stored.mfa_enabled {
            self.stored.mfa_enabled = false;
            let event = self.event(USER_MFA_DISABLED).changed("mfaEnabled", true, false);
            self.record(event, now);
        }
    }

    /// Too many failed logins locked their account until then. The lock itself is kept beside the user, as it is for
    /// addresses that belong to nobody.
    pub fn locked(&mut self, until: Timestamp) {
        let event = self.event(USER_LOCKED).changed("lockedUntil", FieldValue::Null, until);
        self.events.push(event);
    }

    /// An administrator ended a lock.
    pub fn unlocked(&mut self) {
        let event = self.event(USER_UNLOCKED);
        self.events.push(event);
    }

    fn event(&self, kind: &'static str) -> DomainEvent {
        DomainEvent::new(kind, self.stored.id)
    }

    fn record(&mut self, event: DomainEvent, now: Timestamp) {
        self.stored.updated_at = now;
        self.events.push(event);
    }

    /// Hands over what happened since the last time.
    #[must_use]
    pub fn take_events(&mut self) -> Vec<DomainEvent> {
        std::mem::take(&mut self.events)
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Id as _, Rule};
    use uuid::Uuid;

    use super::*;

    const MADE: Timestamp = Timestamp::from_micros(1_000_000);
    const LATER: Timestamp = Timestamp::from_micros(2_000_000);

    const HASH: &str = "$argon2id$v=19$m=32,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    const OTHER: &str = "$argon2id$v=19$m=32,t=1,p=1$b3RoZXJzYWx0$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

    fn hash(text: &str) -> PasswordHash {
        PasswordHash::parse(text).unwrap()
    }

    fn ana() -> User {
        let new = NewUser {
            name: UserName::new("Ana Souza").unwrap(),
            email: Email::new("ana@example.com").unwrap(),
            password: Some(hash(HASH)),
            email_verified: false,
        };
        User::create(
            UserId::from_uuid(Uuid::from_u128(1)),
            OrganizationId::from_uuid(Uuid::from_u128(2)),
            new,
            MADE,
        )
    }

    fn stored() -> User {
        let mut made = ana();
        assert_eq!(made.take_events().len(), 1);
        made
    }

    fn kinds(user: &mut User) -> Vec<&'static str> {
        user.take_events().iter().map(|event| event.kind).collect()
    }

    #[test]
    fn a_new_user_is_active_and_says_so() {
        let mut made = ana();
        let state = made.state().clone();
        assert!(state.is_active && !state.email_verified && !state.mfa_enabled);
        assert_eq!(
            (state.created_at, state.updated_at, state.last_login_at),
            (MADE, MADE, None)
        );
        let events = made.take_events();
        assert_eq!((events.len(), events[0].kind), (1, "user.created"));
        assert_eq!(events[0].subject, state.id.into());
        let fields: Vec<_> = events[0]
            .changes
            .iter()
            .map(|change| (change.field, change.personal))
            .collect();
        assert_eq!(fields, [("name", true), ("email", true), ("emailVerified", false)]);
        assert!(made.take_events().is_empty(), "handed over once");
    }

    #[test]
    fn a_name_has_two_to_120_characters() {
        assert_eq!(UserName::new("A").unwrap_err().rule, Rule::TooShort { min: 2 });
        assert_eq!(
            UserName::new(&"é".repeat(121)).unwrap_err().rule,
            Rule::TooLong { max: 120 }
        );
        assert_eq!(UserName::new(" Ana\u{a0}").unwrap().as_str(), "Ana");
        assert!(UserName::new("Ana\nSouza").is_err());
    }

    #[test]
    fn a_change_that_changes_nothing_is_none() {
        let mut user = stored();
        user.rename(UserName::new("Ana Souza").unwrap(), LATER);
        user.activate(LATER);
        user.disable_mfa(LATER);
        assert!(user.take_events().is_empty());
        assert_eq!(user.state().updated_at, MADE);
        user.rename(UserName::new("Ana Maria").unwrap(), LATER);
        assert_eq!(kinds(&mut user), ["user.updated"]);
        assert_eq!(user.state().name.as_str(), "Ana Maria");
        assert_eq!(user.state().updated_at, LATER);
    }

    #[test]
    fn confirming_an_address_makes_it_theirs() {
        let mut user = stored();
        user.confirm_email(Email::new("ana@example.com").unwrap(), LATER);
        let events = user.take_events();
        let fields: Vec<_> = events[0].changes.iter().map(|change| change.field).collect();
        assert_eq!(fields, ["emailVerified"]);
        user.confirm_email(Email::new("ana@example.com").unwrap(), LATER);
        assert!(user.take_events().is_empty());
        user.confirm_email(Email::new("ana@example.org").unwrap(), LATER);
        let events = user.take_events();
        assert_eq!((events[0].changes.len(), events[0].changes[0].personal), (1, true));
        assert_eq!(user.state().email.as_str(), "ana@example.org");
    }

    #[test]
    fn deactivating_and_activating_happen_once() {
        let mut user = stored();
        user.deactivate(LATER);
        user.deactivate(LATER);
        assert_eq!(kinds(&mut user), ["user.deactivated"]);
        assert!(!user.state().is_active);
        user.activate(LATER);
        user.activate(LATER);
        assert_eq!(kinds(&mut user), ["user.activated"]);
        assert!(user.state().is_active);
    }

    #[test]
    fn an_erased_user_is_nobody_and_the_event_tells_no_value() {
        let mut user = stored();
        let erase = |user: &mut User| {
            let email = Email::new("erased-1@erased.invalid").unwrap();
            user.erase(UserName::new("Erased").unwrap(), email, LATER);
        };
        erase(&mut user);
        let events = user.take_events();
        assert_eq!(events[0].kind, "user.erased");
        assert!(events[0].changes.iter().all(|change| change.field == "isActive"));
        let state = user.state();
        assert_eq!(
            (state.name.as_str(), state.email.as_str()),
            ("Erased", "erased-1@erased.invalid")
        );
        assert!(state.password.is_none() && !state.is_active && !state.email_verified && state.last_login_at.is_none());
    }

    #[test]
    fn a_changed_password_is_an_event_without_values_and_a_rehashed_one_is_none() {
        let mut user = stored();
        user.rehash(hash(OTHER));
        assert!(user.take_events().is_empty());
        assert_eq!(user.state().updated_at, MADE);
        user.change_password(hash(HASH), LATER);
        let events = user.take_events();
        assert_eq!((events[0].kind, events[0].changes.len()), ("user.password_changed", 0));
        assert_eq!(user.state().password, Some(hash(HASH)));
        assert_ne!(user.state().password, Some(hash(OTHER)));
    }

    #[test]
    fn a_login_is_remembered() {
        let mut user = stored();
        user.record_login(LATER);
        assert_eq!(user.state().last_login_at, Some(LATER));
        assert_eq!(user.state().updated_at, MADE, "a login is no change of the user");
        assert!(user.take_events().is_empty());
    }

    #[test]
    fn the_second_factor_comes_and_goes_once() {
        let mut user = stored();
        user.enable_mfa(LATER);
        user.enable_mfa(LATER);
        assert!(user.state().mfa_enabled);
        user.disable_mfa(LATER);
        user.disable_mfa(LATER);
        assert!(!user.state().mfa_enabled);
        assert_eq!(kinds(&mut user), ["user.mfa_enabled", "user.mfa_disabled"]);
    }

    #[test]
    fn a_lock_is_told_and_changes_nothing_of_the_user() {
        let mut user = stored();
        let before = user.state().clone();
        user.locked(LATER);
        user.unlocked();
        assert_eq!(*user.state(), before);
        let events = user.take_events();
        assert_eq!((events[0].kind, events[1].kind), ("user.locked", "user.unlocked"));
        assert_eq!(events[0].changes[0].to, FieldValue::Time(LATER));
    }

    #[test]
    fn nothing_personal_and_nothing_secret_is_printed() {
        let mut user = ana();
        let new = NewUser {
            name: user.state().name.clone(),
            email: user.state().email.clone(),
            password: user.state().password.clone(),
            email_verified: true,
        };
        let printed = format!("{user:?} {new:?} {:?}", user.take_events());
        for marked in ["Souza", "ana@", "argon2", "c29tZXNhbHQ", "CTFh"] {
            assert!(!printed.contains(marked), "{printed}");
        }
    }
}
