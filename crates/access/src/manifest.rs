//! What this context declares: its permissions and its events.

use authz::{Permission, PermissionInfo};
use contracts::access::RoleView;
use contracts::{EventData, EventType, Manifest, ObjectFields};

use crate::http::example;
use crate::store::{groups, roles, user_roles};
use crate::view::{GroupView, PermissionView, RoleGrantView};

authz::permission! {
    /// See permissions.
    pub struct PermissionRead = "RBAC" "PERMISSION" "READ", Tenant, "See permissions";
    /// Make permissions for business modules.
    pub struct PermissionCreate = "RBAC" "PERMISSION" "CREATE", Platform, "Create permissions";
    /// Delete permissions that were made so.
    pub struct PermissionDelete = "RBAC" "PERMISSION" "DELETE", Platform, "Delete permissions";
    /// See roles.
    pub struct RoleRead = "RBAC" "ROLE" "READ", Tenant, "See roles";
    /// Make roles.
    pub struct RoleCreate = "RBAC" "ROLE" "CREATE", Tenant, "Create roles";
    /// Change roles, and what they hold and inherit.
    pub struct RoleUpdate = "RBAC" "ROLE" "UPDATE", Tenant, "Change roles, their permissions and parents";
    /// Delete roles.
    pub struct RoleDelete = "RBAC" "ROLE" "DELETE", Tenant, "Delete roles";
    /// See who holds which roles and permissions.
    pub struct UserRoleRead = "RBAC" "USER_ROLE" "READ", Tenant, "See the roles and permissions of users";
    /// Grant roles to users.
    pub struct UserRoleAssign = "RBAC" "USER_ROLE" "ASSIGN", Tenant, "Grant roles to users";
    /// Take roles from users.
    pub struct UserRoleRevoke = "RBAC" "USER_ROLE" "REVOKE", Tenant, "Take roles from users";
    /// See groups.
    pub struct GroupRead = "RBAC" "GROUP" "READ", Tenant, "See groups, their members and what they hold";
    /// Make groups.
    pub struct GroupCreate = "RBAC" "GROUP" "CREATE", Tenant, "Create groups";
    /// Change groups, their members and what they hold.
    pub struct GroupUpdate = "RBAC" "GROUP" "UPDATE", Tenant, "Change groups, their members, roles and permissions";
    /// Delete groups.
    pub struct GroupDelete = "RBAC" "GROUP" "DELETE", Tenant, "Delete groups";
}

/// A role was made.
pub(crate) const CREATED: &str = "role.created";
/// A role's name or description changed, or what it holds or inherits.
pub(crate) const UPDATED: &str = "role.updated";
/// A role was deleted, and with it what it was granted to.
pub(crate) const DELETED: &str = "role.deleted";
/// A role was granted to a user.
pub(crate) const GRANTED: &str = "role.granted";
/// A role was taken from a user.
pub(crate) const REVOKED: &str = "role.revoked";
/// A group was made.
pub(crate) const GROUP_CREATED: &str = "group.created";
/// A group's name or description changed, or who is in it, or what it holds.
pub(crate) const GROUP_UPDATED: &str = "group.updated";
/// A group was deleted.
pub(crate) const GROUP_DELETED: &str = "group.deleted";
/// A permission was made for a business module.
pub(crate) const PERMISSION_CREATED: &str = "permission.created";
/// Such a permission was deleted, and with it every grant of it.
pub(crate) const PERMISSION_DELETED: &str = "permission.deleted";

const fn event(
    name: &'static str,
    description: &'static str,
    permission: &'static PermissionInfo,
    data: EventData,
) -> EventType {
    EventType {
        name,
        description,
        permission,
        from_platform: None,
        data,
    }
}

const ROLE: EventData = EventData::of::<RoleView>(example::role);
const GRANT: EventData = EventData::of::<RoleGrantView>(example::role_grant);
const GROUP: EventData = EventData::of::<GroupView>(example::group);
const PERMISSION: EventData = EventData::of::<PermissionView>(example::permission);

/// The context's declaration.
pub const MANIFEST: Manifest = Manifest {
    code: "RBAC",
    name: "Access",
    description: "Who may do what: roles, groups, permissions",
    is_core: true,
    permissions: &[
        PermissionRead::INFO,
        PermissionCreate::INFO,
        PermissionDelete::INFO,
        RoleRead::INFO,
        RoleCreate::INFO,
        RoleUpdate::INFO,
        RoleDelete::INFO,
        UserRoleRead::INFO,
        UserRoleAssign::INFO,
        UserRoleRevoke::INFO,
        GroupRead::INFO,
        GroupCreate::INFO,
        GroupUpdate::INFO,
        GroupDelete::INFO,
    ],
    events: &[
        event(CREATED, "A role was created", RoleRead::INFO, ROLE),
        event(
            UPDATED,
            "The name or the description of a role changed, or what it holds or inherits",
            RoleRead::INFO,
            ROLE,
        ),
        event(
            DELETED,
            "A role was deleted, and everybody lost what it granted",
            RoleRead::INFO,
            ROLE,
        ),
        event(GRANTED, "A role was granted to a user", UserRoleRead::INFO, GRANT),
        event(REVOKED, "A role was taken from a user", UserRoleRead::INFO, GRANT),
        event(GROUP_CREATED, "A group was created", GroupRead::INFO, GROUP),
        event(
            GROUP_UPDATED,
            "The name or the description of a group changed, or its members, roles or permissions",
            GroupRead::INFO,
            GROUP,
        ),
        event(
            GROUP_DELETED,
            "A group was deleted, and its members lost what it granted",
            GroupRead::INFO,
            GROUP,
        ),
        event(
            PERMISSION_CREATED,
            "A permission was created for a business module",
            PermissionRead::INFO,
            PERMISSION,
        ),
        event(
            PERMISSION_DELETED,
            "A permission was deleted, and everybody lost it",
            PermissionRead::INFO,
            PERMISSION,
        ),
    ],
    objects: &[
        ObjectFields {
            resource: "ROLE",
            columns: &roles::FIELDS,
        },
        ObjectFields {
            resource: "GROUP",
            columns: &groups::FIELDS,
        },
        ObjectFields {
            resource: "USER_ROLE",
            columns: &user_roles::FIELDS,
        },
    ],
};
