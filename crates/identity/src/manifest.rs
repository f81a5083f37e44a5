//! What this context declares: its permissions and its events.

use authz::{Permission, PermissionInfo};
use contracts::identity::{ApiKeyView, InvitationView, ServiceAccountView, UserView};
use contracts::{EventData, EventType, Manifest, ObjectFields};

use crate::http::example;
use crate::mail::letter::MailFact;
use crate::store::{api_keys, service_accounts, users};
use crate::view::{SessionFact, SigningKeyFact, SupportSessionFact};

authz::permission! {
    /// See users and invitations.
    pub struct UserRead = "IDENTITY" "USER" "READ", Tenant, "See users";
    /// Make and invite users.
    pub struct UserCreate = "IDENTITY" "USER" "CREATE", Tenant, "Create and invite users";
    /// Change, activate and unlock users.
    pub struct UserUpdate = "IDENTITY" "USER" "UPDATE", Tenant, "Change, activate and unlock users";
    /// Deactivate users.
    pub struct UserDelete = "IDENTITY" "USER" "DELETE", Tenant, "Deactivate users";
    /// End the sessions of users.
    pub struct SessionRevoke = "IDENTITY" "SESSION" "REVOKE", Tenant, "End the sessions of users";
    /// See API keys.
    pub struct ApiKeyRead = "IDENTITY" "API_KEY" "READ", Tenant, "See API keys";
    /// Make API keys.
    pub struct ApiKeyCreate = "IDENTITY" "API_KEY" "CREATE", Tenant, "Create API keys";
    /// Change and rotate API keys.
    pub struct ApiKeyUpdate = "IDENTITY" "API_KEY" "UPDATE", Tenant, "Change and rotate API keys";
    /// Revoke API keys.
    pub struct ApiKeyDelete = "IDENTITY" "API_KEY" "DELETE", Tenant, "Revoke API keys";
    /// See service accounts.
    pub struct ServiceAccountRead = "IDENTITY" "SERVICE_ACCOUNT" "READ", Tenant, "See service accounts";
    /// Make service accounts.
    pub struct ServiceAccountCreate = "IDENTITY" "SERVICE_ACCOUNT" "CREATE", Tenant, "Create service accounts";
    /// Rotate the secrets of service accounts.
    pub struct ServiceAccountUpdate = "IDENTITY" "SERVICE_ACCOUNT" "UPDATE", Tenant, "Rotate the secrets of service accounts";
    /// Deactivate service accounts.
    pub struct ServiceAccountDelete = "IDENTITY" "SERVICE_ACCOUNT" "DELETE", Tenant, "Deactivate service accounts";
}

/// A user was made.
pub(crate) const USER_CREATED: &str = "user.created";
/// Something about a user changed.
pub(crate) const USER_UPDATED: &str = "user.updated";
/// A user may act again.
pub(crate) const USER_ACTIVATED: &str = "user.activated";
/// A user may no longer act.
pub(crate) const USER_DEACTIVATED: &str = "user.deactivated";
/// A person was taken out of everything that is kept.
pub(crate) const USER_ERASED: &str = "user.erased";
/// Another address was wished for; it counts once its owner confirms it.
pub(crate) const USER_EMAIL_CHANGE_REQUESTED: &str = "user.email_change_requested";
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
/// An API key was made.
pub(crate) const API_KEY_CREATED: &str = "api_key.created";
/// Something about an API key changed.
pub(crate) const API_KEY_UPDATED: &str = "api_key.updated";
/// An API key has another secret.
pub(crate) const API_KEY_ROTATED: &str = "api_key.rotated";
/// An API key was ended for good.
pub(crate) const API_KEY_REVOKED: &str = "api_key.revoked";
/// A service account was made.
pub(crate) const SERVICE_ACCOUNT_CREATED: &str = "service_account.created";
/// A service account has another secret.
pub(crate) const SERVICE_ACCOUNT_ROTATED: &str = "service_account.secret_rotated";
/// A service account may no longer act.
pub(crate) const SERVICE_ACCOUNT_DEACTIVATED: &str = "service_account.deactivated";
/// Somebody was invited.
pub(crate) const INVITATION_CREATED: &str = "invitation.created";
/// An invitation was sent once more.
pub(crate) const INVITATION_RESENT: &str = "invitation.resent";
/// An invitation was taken back.
pub(crate) const INVITATION_REVOKED: &str = "invitation.revoked";
/// Somebody came in by an invitation.
pub(crate) const INVITATION_ACCEPTED: &str = "invitation.accepted";
/// A mail could not be delivered within a day.
pub(crate) const MAIL_FAILED: &str = "mail.failed";
/// Somebody of the platform acts in a customer's organization from now on, for a while.
pub(crate) const SUPPORT_SESSION_CREATED: &str = "support_session.created";
/// A support session was ended before its time.
pub(crate) const SUPPORT_SESSION_ENDED: &str = "support_session.ended";
/// Another key signs access tokens from now on.
pub(crate) const SIGNING_KEY_ROTATED: &str = "signing_key.rotated";

const fn event(name: &'static str, data: EventData, description: &'static str) -> EventType {
    seen_with(UserRead::INFO, name, data, description)
}

const fn key_event(name: &'static str, description: &'static str) -> EventType {
    seen_with(ApiKeyRead::INFO, name, API_KEY, description)
}

const fn account_event(name: &'static str, description: &'static str) -> EventType {
    seen_with(ServiceAccountRead::INFO, name, SERVICE_ACCOUNT, description)
}

const fn seen_with(
    permission: &'static PermissionInfo,
    name: &'static str,
    data: EventData,
    description: &'static str,
) -> EventType {
    EventType {
        name,
        description,
        permission,
        from_platform: None,
        data,
    }
}

const USER: EventData = EventData::of::<UserView>(example::user);
const SESSION: EventData = EventData::of::<SessionFact>(example::session_fact);
const API_KEY: EventData = EventData::of::<ApiKeyView>(example::api_key);
const SERVICE_ACCOUNT: EventData = EventData::of::<ServiceAccountView>(example::service_account);
const INVITATION: EventData = EventData::of::<InvitationView>(example::invitation);
const MAIL: EventData = EventData::of::<MailFact>(example::mail);
const SUPPORT_SESSION: EventData = EventData::of::<SupportSessionFact>(example::support_session);
const SIGNING_KEY: EventData = EventData::of::<SigningKeyFact>(example::signing_key);

/// The context's declaration.
pub const MANIFEST: Manifest = Manifest {
    code: "IDENTITY",
    name: "Identity",
    description: "Who is asking: users, sessions, keys and machine accounts",
    is_core: true,
    permissions: &[
        UserRead::INFO,
        UserCreate::INFO,
        UserUpdate::INFO,
        UserDelete::INFO,
        SessionRevoke::INFO,
        ApiKeyRead::INFO,
        ApiKeyCreate::INFO,
        ApiKeyUpdate::INFO,
        ApiKeyDelete::INFO,
        ServiceAccountRead::INFO,
        ServiceAccountCreate::INFO,
        ServiceAccountUpdate::INFO,
        ServiceAccountDelete::INFO,
    ],
    events: &[
        event(USER_CREATED, USER, "A user was created"),
        event(
            USER_UPDATED,
            USER,
            "The name or the e-mail of a user changed, or was confirmed",
        ),
        event(USER_ACTIVATED, USER, "A user may act again"),
        event(
            USER_DEACTIVATED,
            USER,
            "A user may no longer act, and all its sessions ended",
        ),
        event(
            USER_ERASED,
            USER,
            "A person was taken out of everything that is kept; the user tells nobody who it was",
        ),
        event(
            USER_EMAIL_CHANGE_REQUESTED,
            USER,
            "Another e-mail was wished for; it counts once its owner confirms it",
        ),
        event(
            USER_PASSWORD_CHANGED,
            USER,
            "A user has another password, and its other sessions ended",
        ),
        event(
            USER_LOCKED,
            USER,
            "Too many failed logins locked an account for a while",
        ),
        event(USER_UNLOCKED, USER, "An administrator ended the lock of an account"),
        event(
            USER_MFA_ENABLED,
            USER,
            "A user logs in with a second factor from now on",
        ),
        event(USER_MFA_DISABLED, USER, "The second factor of a user was removed"),
        event(SESSION_CREATED, SESSION, "Somebody logged in"),
        event(
            SESSION_REVOKED,
            SESSION,
            "A session was ended before its time, such as by a logout",
        ),
        key_event(API_KEY_CREATED, "An API key was created"),
        key_event(
            API_KEY_UPDATED,
            "The name, the permissions, the end or the networks of an API key changed",
        ),
        key_event(API_KEY_ROTATED, "An API key has another secret"),
        key_event(API_KEY_REVOKED, "An API key was revoked for good"),
        account_event(SERVICE_ACCOUNT_CREATED, "A service account was created"),
        account_event(SERVICE_ACCOUNT_ROTATED, "A service account has another secret"),
        account_event(
            SERVICE_ACCOUNT_DEACTIVATED,
            "A service account may no longer act, nor the keys that it made",
        ),
        event(INVITATION_CREATED, INVITATION, "Somebody was invited"),
        event(
            INVITATION_RESENT,
            INVITATION,
            "An invitation was sent once more, and lives longer",
        ),
        event(INVITATION_REVOKED, INVITATION, "An invitation was taken back"),
        event(INVITATION_ACCEPTED, INVITATION, "Somebody came in by an invitation"),
        event(
            MAIL_FAILED,
            MAIL,
            "A mail could not be delivered, and is not tried any more",
        ),
        event(
            SUPPORT_SESSION_CREATED,
            SUPPORT_SESSION,
            "Somebody of the platform may act in the organization for a while, to help",
        ),
        event(
            SUPPORT_SESSION_ENDED,
            SUPPORT_SESSION,
            "Somebody of the platform ended a support session before its time",
        ),
        event(
            SIGNING_KEY_ROTATED,
            SIGNING_KEY,
            "Access tokens are signed with another key from now on",
        ),
    ],
    objects: &[
        ObjectFields {
            resource: "USER",
            columns: &users::FIELDS,
        },
        ObjectFields {
            resource: "API_KEY",
            columns: &api_keys::FIELDS,
        },
        ObjectFields {
            resource: "SERVICE_ACCOUNT",
            columns: &service_accounts::FIELDS,
        },
    ],
};
