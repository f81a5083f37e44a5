//! What this context declares: its permissions and its events.

use authz::Permission;
use contracts::access::RoleView;
use contracts::{EventData, EventType, Manifest};

authz::permission! {
    /// See roles.
    pub struct RoleRead = "RBAC" "ROLE" "READ", Tenant, "See roles";
    /// Make roles.
    pub struct RoleCreate = "RBAC" "ROLE" "CREATE", Tenant, "Create roles";
    /// Change roles.
    pub struct RoleUpdate = "RBAC" "ROLE" "UPDATE", Tenant, "Change roles";
    /// Delete roles.
    pub struct RoleDelete = "RBAC" "ROLE" "DELETE", Tenant, "Delete roles";
}

/// A role was made.
pub(crate) const CREATED: &str = "role.created";
/// A role's name or description changed.
pub(crate) const UPDATED: &str = "role.updated";
/// A role was deleted, and with it what it was granted to.
pub(crate) const DELETED: &str = "role.deleted";

const fn event(name: &'static str, description: &'static str) -> EventType {
    EventType {
        name,
        description,
        permission: RoleRead::INFO,
        data: EventData::of::<RoleView>(crate::http::example::role),
    }
}

/// The context's declaration.
pub const MANIFEST: Manifest = Manifest {
    code: "RBAC",
    name: "Access",
    description: "Who may do what: roles, groups, permissions",
    is_core: true,
    permissions: &[RoleRead::INFO, RoleCreate::INFO, RoleUpdate::INFO, RoleDelete::INFO],
    events: &[
        event(CREATED, "A role was created"),
        event(UPDATED, "The name or the description of a role changed"),
        event(DELETED, "A role was deleted, and everybody lost what it granted"),
    ],
};
