//! Roles as others know them.

use kernel::{OrganizationId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

kernel::id!(
    /// A role, an organization's own or a system role.
    pub struct RoleId = "role"
);

/// The code of the role that bypasses grants and conditions, in the platform organization only.
pub const SUPER_ADMIN: &str = "SUPER_ADMIN";
/// The code of the role that holds every tenant-scoped permission of the active modules.
pub const ORG_ADMIN: &str = "ORG_ADMIN";
/// The code of the role that holds the same within one module.
pub const MODULE_MANAGER: &str = "MODULE_MANAGER";
/// The code of the role that holds every `_READ` of the active modules.
pub const VIEWER: &str = "VIEWER";

/// A role as the API shows it, and as `role.*` events carry it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Role, rename_all = "camelCase")]
pub struct RoleView {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    pub id: RoleId,
    /// The organization it belongs to; `null` for a system role.
    #[schema(value_type = Option<String>, format = "uuid")]
    pub organization_id: Option<OrganizationId>,
    /// Its name.
    pub name: String,
    /// Its code, unique in the organization. It never changes.
    pub code: String,
    /// What it is for.
    pub description: Option<String>,
    /// Whether it is a system role, which nobody changes.
    pub is_system: bool,
    /// When it was created.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}
