//! What this context declares: the events that its aggregates record.

/// A user was made.
pub(crate) const USER_CREATED: &str = "user.created";
/// Something about a user changed.
pub(crate) const USER_UPDATED: &str = "user.updated";
/// A user may act again.
pub(crate) const USER_ACTIVATED: &str = "user.activated";
/// A user may no longer act.
pub(crate) const USER_DEACTIVATED: &str = "user.deactivated";
/// A user's password is another one.
pub(crate) const USER_PASSWORD_CHANGED: &str = "user.password_changed";
/// Too many failed logins locked an account.
pub(crate) const USER_LOCKED: &str = "user.locked";
/// An administrator ended a lock.
pub(crate) const USER_UNLOCKED: &str = "user.unlocked";
/// A user logs in with a second factor from now on.
pub(crate) const USER_MFA_ENABLED: &str = "user.mfa_enabled";
/// A user's second factor was removed.
pub(crate) const USER_MFA_DISABLED: &str = "user.mfa_disabled";
/// Somebody logged in.
pub(crate) const SESSION_CREATED: &str = "session.created";
/// A session was ended before its time.
pub(crate) const SESSION_REVOKED: &str = "session.revoked";
