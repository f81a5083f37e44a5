//! People and machines as others know them.

use authz::snapshot::{AccountPermissionRow, AccountRow, KeyPermissionRow, KeyRow, Principal, UserRow};
use db::{DbError, UnitOfWork};
use futures_util::future::BoxFuture;
use kernel::{OrganizationId, RuleViolation, Timestamp};
use secrecy::SecretString;
use serde::Serialize;
use utoipa::ToSchema;

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
    /// [`DbError`], a taken address among it.
    fn add_first<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        organization: OrganizationId,
        person: &'a FirstAdministrator,
    ) -> BoxFuture<'a, Result<UserView, DbError>>;
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
