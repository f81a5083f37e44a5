//! People and machines as others know them.

use std::time::Duration;

use authz::conditions::{Object, Value as FieldOf};
use authz::snapshot::{AccountPermissionRow, AccountRow, KeyPermissionRow, KeyRow, Principal, UserRow};
use db::{DbError, UnitOfWork};
use futures_util::future::BoxFuture;
use kernel::{ActorKind, OrganizationId, RuleViolation, Timestamp};
use secrecy::SecretString;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::RoleId;
use crate::usage::ReserveError;
use uuid::Uuid;

kernel::id!(
    /// A user.
    pub struct UserId = "user";
    /// A login on one device.
    pub struct SessionId = "session";
    /// An API key.
    pub struct ApiKeyId = "api_key";
    /// A service account.
    pub struct ServiceAccountId = "service_account";
    /// An invitation.
    pub struct InvitationId = "invitation";
    /// A time in which somebody of the platform acts in a customer's organization.
    pub struct SupportSessionId = "support_session";
);

/// A user as the API shows it, and as `user.*` events carry it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = User, rename_all = "camelCase")]
pub struct UserView {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    pub id: UserId,
    /// The organization it belongs to.
    #[schema(value_type = String, format = "uuid")]
    pub organization_id: OrganizationId,
    /// The person's name, 2 to 120 characters.
    pub name: String,
    /// The address, lower case, unique in the organization.
    pub email: String,
    /// Whether it may act.
    pub is_active: bool,
    /// Whether its owner confirmed the address.
    pub email_verified: bool,
    /// Whether it logs in with a second factor.
    pub mfa_enabled: bool,
    /// The last login.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_login_at: Option<Timestamp>,
    /// When it was created.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

/// What conditions on users can ask for, by the names of the API.
impl Object for UserView {
    fn value(&self, field: &str) -> Option<FieldOf<'_>> {
        match field {
            "id" => Some(FieldOf::id(self.id)),
            "organizationId" => Some(FieldOf::id(self.organization_id)),
            "name" => Some(self.name.as_str().into()),
            "email" => Some(self.email.as_str().into()),
            "isActive" => Some(self.is_active.into()),
            "emailVerified" => Some(self.email_verified.into()),
            "mfaEnabled" => Some(self.mfa_enabled.into()),
            "lastLoginAt" => self.last_login_at.map(FieldOf::from),
            "createdAt" => Some(self.created_at.into()),
            "updatedAt" => Some(self.updated_at.into()),
            _ => None,
        }
    }
}

/// Who made something, with the name of that time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Maker)]
pub struct MakerView {
    /// What kind of actor: `user` or `service_account`.
    #[serde(rename = "type")]
    #[schema(rename = "type", value_type = String)]
    pub kind: ActorKind,
    /// Which one.
    #[schema(value_type = String, format = "uuid")]
    pub id: Uuid,
    /// What it was called.
    pub name: String,
}

/// An API key as the API shows it, and as `api_key.*` events carry it. Never its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ApiKey, rename_all = "camelCase")]
pub struct ApiKeyView {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    pub id: ApiKeyId,
    /// What people call it.
    pub name: String,
    /// How a person recognises its secret.
    pub prefix: String,
    /// The codes of the permissions that it may use, where whoever made it may too.
    pub permissions: Vec<String>,
    /// Who made it.
    pub created_by: MakerView,
    /// From when on it is worth nothing.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// The networks that it may be used from, in CIDR form; none is everywhere.
    pub ip_allowlist: Vec<String>,
    /// When it was last used, to the minute.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_used_at: Option<Timestamp>,
    /// Whether it can be used: not revoked, not expired, and its maker active.
    pub is_active: bool,
    /// When it was created.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// A service account as the API shows it, and as `service_account.*` events carry it. Never its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ServiceAccount, rename_all = "camelCase")]
pub struct ServiceAccountView {
    /// Its id: the `sub` of its tokens.
    #[schema(value_type = String, format = "uuid")]
    pub id: ServiceAccountId,
    /// What people call it.
    pub name: String,
    /// What it calls itself when it asks for a token.
    pub client_id: String,
    /// The codes of the permissions that it may use.
    pub permissions: Vec<String>,
    /// Whether it may act.
    pub is_active: bool,
    /// When it was last used, to the minute.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_used_at: Option<Timestamp>,
    /// When it was created.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// An invitation as the API shows it, and as `invitation.*` events carry it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Invitation, rename_all = "camelCase")]
pub struct InvitationView {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    pub id: InvitationId,
    /// The address that it was sent to.
    pub email: String,
    /// The roles that it grants to who accepts it.
    #[schema(value_type = Vec<String>)]
    pub role_ids: Vec<RoleId>,
    /// Until when it can be accepted.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// Everybody who can hold permissions in one organization, with the lists of keys and service accounts.
#[derive(Debug, Clone, Default)]
pub struct PrincipalRows {
    /// The users.
    pub users: Vec<UserRow>,
    /// The service accounts.
    pub accounts: Vec<AccountRow>,
    /// Their lists.
    pub account_permissions: Vec<AccountPermissionRow>,
    /// The API keys that are not revoked.
    pub keys: Vec<KeyRow>,
    /// Their lists.
    pub key_permissions: Vec<KeyPermissionRow>,
    /// People of the platform in a support session.
    pub guests: Vec<GuestRow>,
}

/// Somebody of the platform who acts in the organization for a while: a user for as long as a support session lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuestRow {
    /// The support session's id, which is the guest's.
    pub id: Uuid,
    /// Whether the guest may change things, as `ORG_ADMIN`; otherwise it reads, as `VIEWER`.
    pub can_write: bool,
    /// The instant from which it may nothing.
    pub expires_at: Timestamp,
}

/// A support session to be opened.
#[derive(Debug, Clone)]
pub struct NewSupportSession {
    /// The customer.
    pub organization: OrganizationId,
    /// Who acts in it: a user of the platform.
    pub user: UserId,
    /// The login that it is opened from, and lives no longer than.
    pub login: SessionId,
    /// Why.
    pub reason: String,
    /// Whether it may change things.
    pub can_write: bool,
}

/// A support session that is about to be opened: its token is signed, and means nothing until it is open.
#[derive(Debug, Clone)]
pub struct PreparedSupport {
    /// Its id.
    pub id: SupportSessionId,
    /// What was asked for.
    pub new: NewSupportSession,
    /// The token that its holder acts with.
    pub token: SecretString,
    /// How long it lives.
    pub lifetime: Duration,
}

/// Lets people of the platform act in a customer's organization for a while. Provided by identity.
pub trait SupportSessions: Send + Sync {
    /// Checks the reason.
    ///
    /// # Errors
    /// The rule that it breaks.
    fn check_reason(&self, reason: &str) -> Result<String, RuleViolation>;

    /// Signs the token, before a unit of work begins. Whether the customer lets the platform in is asked before, and again at
    /// every use.
    ///
    /// # Errors
    /// [`DbError::Busy`] when too many wait.
    fn prepare(&self, new: NewSupportSession) -> BoxFuture<'_, Result<PreparedSupport, DbError>>;

    /// Opens it inside a unit of work that reaches the customer; the event is recorded in it. When it ends.
    ///
    /// # Errors
    /// [`DbError`].
    fn open<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        prepared: &'a PreparedSupport,
    ) -> BoxFuture<'a, Result<Timestamp, DbError>>;

    /// Ends all of an organization's, with what their guests set up: the customer does not let the platform in any more.
    ///
    /// # Errors
    /// [`DbError`].
    fn end_all<'a>(&'a self, uow: &'a UnitOfWork, organization: OrganizationId) -> BoxFuture<'a, Result<(), DbError>>;
}

/// The address and standing of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserSummary {
    /// Which one.
    pub id: UserId,
    /// The person's name.
    pub name: String,
    /// The address.
    pub email: String,
    /// Whether it may act.
    pub is_active: bool,
}

/// Tells who there is. Provided by identity.
pub trait Principals: Send + Sync {
    /// Everybody of the organization, or only those asked for; who is asked for and missing is gone.
    ///
    /// # Errors
    /// [`DbError`].
    fn rows<'a>(
        &'a self,
        organization: OrganizationId,
        only: Option<&'a [Principal]>,
    ) -> BoxFuture<'a, Result<PrincipalRows, DbError>>;

    /// One user of the organization; `None` for another organization's as for a missing one.
    ///
    /// # Errors
    /// [`DbError`].
    fn user(&self, organization: OrganizationId, id: UserId) -> BoxFuture<'_, Result<Option<UserSummary>, DbError>>;

    /// As [`user`](Self::user), inside a unit of work.
    ///
    /// # Errors
    /// [`DbError`].
    fn user_in<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        organization: OrganizationId,
        id: UserId,
    ) -> BoxFuture<'a, Result<Option<UserSummary>, DbError>>;
}

/// The first administrator of a new organization.
#[derive(Debug, Clone)]
pub struct FirstAdministrator {
    /// The person's name.
    pub name: String,
    /// The address.
    pub email: String,
    /// How the person will come in.
    pub entry: Entry,
}

/// How a new person will come in for the first time.
#[derive(Debug, Clone)]
pub enum Entry {
    /// With a password that was hashed before the unit of work began: [`Accounts::hash`] or an imported hash.
    Hash(SecretString),
    /// By an invitation, mailed after the unit.
    Invitation,
    /// Not yet: somebody sets a password before.
    Later,
}

/// Makes users for other contexts. Provided by identity.
pub trait Accounts: Send + Sync {
    /// What is wrong with a person's name, address and password, each problem at its field; nothing is done.
    ///
    /// # Errors
    /// Every violation.
    fn check(&self, name: &str, email: &str, password: Option<&SecretString>) -> Result<(), Vec<RuleViolation>>;

    /// What is wrong with an imported password hash.
    ///
    /// # Errors
    /// The violation, with its parameters' bounds.
    fn check_hash(&self, hash: &str) -> Result<(), RuleViolation>;

    /// Hashes a password on the bounded pool, before a unit of work begins.
    ///
    /// # Errors
    /// [`DbError::Busy`] when too many wait.
    fn hash<'a>(&'a self, password: &'a SecretString) -> BoxFuture<'a, Result<SecretString, DbError>>;

    /// Makes the user, and its invitation if that is how it comes in: an invited person is a user without a password until the
    /// invitation is accepted. The events and audit entries are recorded in the unit.
    ///
    /// # Errors
    /// [`ReserveError::Exceeded`] where the organization may have no more users; the unit then has to end with it.
    /// [`ReserveError::Storage`], a taken address among it.
    fn add_first<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        organization: OrganizationId,
        person: &'a FirstAdministrator,
    ) -> BoxFuture<'a, Result<UserView, ReserveError>>;
}

/// Counts people and keys. Provided by identity.
pub trait HeadCounts: Send + Sync {
    /// How many active users each of the organizations has, in their order.
    ///
    /// # Errors
    /// [`DbError`].
    fn active_users<'a>(&'a self, organizations: &'a [OrganizationId]) -> BoxFuture<'a, Result<Vec<u64>, DbError>>;

    /// How many API keys that are not revoked list a permission of the module, as the unit of work sees it.
    ///
    /// # Errors
    /// [`DbError`].
    fn keys_of_module<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        organization: OrganizationId,
        module: &'a str,
    ) -> BoxFuture<'a, Result<u64, DbError>>;
}
