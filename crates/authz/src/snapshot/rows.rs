//! What a snapshot is made of: rows as the tables have them, by id and code.

use std::sync::Arc;

use kernel::{Actor, ActorKind, Timestamp};
use uuid::Uuid;

use crate::conditions::Condition;

/// Who holds permissions: an actor without its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Principal {
    /// What kind of actor.
    pub kind: ActorKind,
    /// Which one among its kind.
    pub id: Uuid,
}

impl Principal {
    /// A user.
    #[must_use]
    pub const fn user(id: Uuid) -> Self {
        Self {
            kind: ActorKind::User,
            id,
        }
    }

    /// A service account.
    #[must_use]
    pub const fn service_account(id: Uuid) -> Self {
        Self {
            kind: ActorKind::ServiceAccount,
            id,
        }
    }

    /// An API key.
    #[must_use]
    pub const fn api_key(id: Uuid) -> Self {
        Self {
            kind: ActorKind::ApiKey,
            id,
        }
    }
}

impl From<&Actor> for Principal {
    fn from(actor: &Actor) -> Self {
        Self {
            kind: actor.kind,
            id: actor.id,
        }
    }
}

/// A stretch of time: from an instant on (or ever since) until before another (or for ever).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Period {
    /// The first instant in it.
    pub from: Option<Timestamp>,
    /// The first instant after it.
    pub until: Option<Timestamp>,
}

impl Period {
    /// All of time.
    pub const ALWAYS: Self = Self {
        from: None,
        until: None,
    };

    /// Whether the instant lies in it.
    #[must_use]
    pub fn contains(&self, now: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= now) && self.until.is_none_or(|until| now < until)
    }
}

/// What decided that a module is active or not, or a permission withheld.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Because {
    /// The module is a core module.
    Core,
    /// Nothing says otherwise.
    Default,
    /// The organization's package.
    Package,
    /// It was switched by hand.
    Manual,
    /// An override.
    Override,
    /// The module is inactive for the whole installation.
    Global,
}

impl Because {
    /// The name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Default => "default",
            Self::Package => "package",
            Self::Manual => "manual",
            Self::Override => "override",
            Self::Global => "global",
        }
    }
}

/// A module's state for the organization during a period. Of a module without a row for an instant, or with rows that
/// contradict each other, none is active.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleRow {
    /// The module's code.
    pub module: String,
    /// Whether it is active.
    pub is_active: bool,
    /// What made it so.
    pub because: Because,
    /// When.
    pub period: Period,
}

/// A permission that nobody in the organization may use during a period, whatever was granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WithheldRow {
    /// The permission's id.
    pub permission: Uuid,
    /// What withholds it: [`Because::Package`] or [`Because::Override`].
    pub because: Because,
    /// When.
    pub period: Period,
}

/// A role of the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleRow {
    /// Its id.
    pub id: Uuid,
    /// Its code.
    pub code: String,
}

/// A permission of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolePermissionRow {
    /// The role's id.
    pub role: Uuid,
    /// The permission's id.
    pub permission: Uuid,
    /// What must hold of the object.
    pub condition: Option<Arc<Condition>>,
}

/// A role that inherits from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoleParentRow {
    /// The child, which inherits.
    pub role: Uuid,
    /// The parent, a role of the organization or a system role.
    pub parent: Uuid,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRow {
    /// Its id.
    pub id: Uuid,
    /// Its code.
    pub code: String,
}

/// A role granted to a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupRoleRow {
    /// The group's id.
    pub group: Uuid,
    /// The id of the role, of the organization or of the system.
    pub role: Uuid,
}

/// A permission granted to a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupPermissionRow {
    /// The group's id.
    pub group: Uuid,
    /// The permission's id.
    pub permission: Uuid,
}

/// A user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserRow {
    /// Its id.
    pub id: Uuid,
    /// Whether it is active. Who is not may do nothing, and keeps what it was granted for the time after.
    pub is_active: bool,
}

/// A user in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberRow {
    /// The group's id.
    pub group: Uuid,
    /// The user's id.
    pub user: Uuid,
}

/// A role granted to a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRoleRow {
    /// The user's id.
    pub user: Uuid,
    /// The id of the role, of the organization or of the system.
    pub role: Uuid,
    /// The module that the grant is limited to. `MODULE_MANAGER` needs one, and no other role has one.
    pub module: Option<String>,
    /// The instant from which it grants nothing.
    pub expires_at: Option<Timestamp>,
}

/// A service account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountRow {
    /// Its id.
    pub id: Uuid,
    /// Whether it is active.
    pub is_active: bool,
}

/// A permission on a service account's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountPermissionRow {
    /// The account's id.
    pub account: Uuid,
    /// The permission's id.
    pub permission: Uuid,
}

/// An API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRow {
    /// Its id.
    pub id: Uuid,
    /// Who made it: a user or a service account. The key can do nothing that its maker cannot.
    pub maker: Principal,
    /// The instant from which it is worth nothing.
    pub expires_at: Option<Timestamp>,
}

/// A permission on a key's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyPermissionRow {
    /// The key's id.
    pub key: Uuid,
    /// The permission's id.
    pub permission: Uuid,
}

/// The rows of one organization: all of them, or those of what was touched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    /// The code of the organization's package, for explanations.
    pub package: Option<String>,
    /// The modules.
    pub modules: Vec<ModuleRow>,
    /// The withheld permissions.
    pub withheld: Vec<WithheldRow>,
    /// The roles of the organization; the system's are in the catalogue.
    pub roles: Vec<RoleRow>,
    /// What the roles hold.
    pub role_permissions: Vec<RolePermissionRow>,
    /// What the roles inherit from.
    pub role_parents: Vec<RoleParentRow>,
    /// The groups.
    pub groups: Vec<GroupRow>,
    /// The groups' roles.
    pub group_roles: Vec<GroupRoleRow>,
    /// The groups' permissions.
    pub group_permissions: Vec<GroupPermissionRow>,
    /// The users.
    pub users: Vec<UserRow>,
    /// Which of the users are guests: they hold what they were granted for a while, and may pass nothing of it on.
    pub guests: Vec<Uuid>,
    /// The users' groups.
    pub members: Vec<MemberRow>,
    /// The users' roles.
    pub user_roles: Vec<UserRoleRow>,
    /// The service accounts.
    pub accounts: Vec<AccountRow>,
    /// The service accounts' lists.
    pub account_permissions: Vec<AccountPermissionRow>,
    /// The API keys.
    pub keys: Vec<KeyRow>,
    /// The keys' lists.
    pub key_permissions: Vec<KeyPermissionRow>,
}
