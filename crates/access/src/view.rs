//! What clients see of grants and groups, and what events carry.

use authz::snapshot::Effective;
use contracts::access::{PathView, RoleId, RoleView, condition_json};
use contracts::catalog::{ModuleId, PermissionId};
use contracts::identity::UserId;
use kernel::{Actor, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::{Description, Group, GroupId};

/// A permission of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Permission, rename_all = "camelCase")]
pub(crate) struct PermissionView {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    pub(crate) id: PermissionId,
    /// The module it is linked to.
    #[schema(value_type = String, format = "uuid")]
    pub(crate) module_id: ModuleId,
    /// That module's code.
    pub(crate) module_code: String,
    /// Its code, unique in the installation.
    pub(crate) code: String,
    /// What is acted on.
    pub(crate) resource: String,
    /// What is done to it.
    pub(crate) action: String,
    /// Where it can be held: `tenant` or `platform`.
    pub(crate) scope: String,
    /// What it allows.
    pub(crate) description: Option<String>,
    /// When it was created.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) created_at: Timestamp,
}

/// A permission of a role.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RolePermission, rename_all = "camelCase")]
pub(crate) struct RolePermissionView {
    /// The permission's id.
    #[schema(value_type = String, format = "uuid")]
    pub(crate) permission_id: PermissionId,
    /// The permission's code.
    pub(crate) permission_code: String,
    /// The permission.
    pub(crate) permission: PermissionView,
    /// What must hold of the object; `null` when it is granted for all.
    #[schema(value_type = Option<Object>)]
    pub(crate) conditions: Option<serde_json::Value>,
    /// When it was granted.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) created_at: Timestamp,
}

/// A role that another inherits from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RoleParent, rename_all = "camelCase")]
pub(crate) struct RoleParentView {
    /// The role that inherits.
    #[schema(value_type = String, format = "uuid")]
    pub(crate) role_id: RoleId,
    /// The role that it inherits from.
    #[schema(value_type = String, format = "uuid")]
    pub(crate) parent_role_id: RoleId,
    /// That role.
    pub(crate) parent: RoleView,
}

/// What a role inherits from, what inherits from it, and what it comes to.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Inheritance, rename_all = "camelCase")]
pub(crate) struct InheritanceView {
    /// The roles it inherits from directly.
    pub(crate) parents: Vec<RoleView>,
    /// The roles that inherit from it directly.
    pub(crate) children: Vec<RoleView>,
    /// Everything it grants, inherited permissions included.
    pub(crate) effective_permissions: Vec<EffectiveView>,
}

/// A permission that somebody may use, or that a role grants.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EffectivePermission, rename_all = "camelCase")]
pub(crate) struct EffectiveView {
    /// Its code.
    pub(crate) code: String,
    /// What must hold of the object, with `$or` where any of several is enough; `null` when it is held for all objects.
    #[schema(value_type = Option<Object>)]
    pub(crate) conditions: Option<serde_json::Value>,
    /// The ways in which it is held.
    pub(crate) paths: Vec<PathView>,
    /// When it ends, by its longest way.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) expires_at: Option<Timestamp>,
}

impl EffectiveView {
    /// The view, with the permission's code.
    pub(crate) fn new(code: &str, effective: &Effective) -> Self {
        let mut conditions: Vec<_> = effective
            .conditions
            .iter()
            .map(|condition| condition_json(condition))
            .collect();
        let conditions = match conditions.len() {
            0 | 1 => conditions.pop(),
            _ => Some(serde_json::json!({ "$or": conditions })),
        };
        Self {
            code: code.to_owned(),
            conditions,
            paths: effective.paths.iter().map(PathView::from).collect(),
            expires_at: effective.expires_at,
        }
    }
}

/// Who granted something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AssignedBy, rename_all = "camelCase")]
pub(crate) struct AssignedByView {
    /// What kind of actor: `user`, `api_key`, `service_account`, `system`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Which one.
    #[schema(value_type = String, format = "uuid")]
    pub(crate) id: Uuid,
    /// Its name then.
    pub(crate) name: String,
}

impl From<&Actor> for AssignedByView {
    fn from(actor: &Actor) -> Self {
        Self {
            kind: actor.kind.as_str().to_owned(),
            id: actor.id,
            name: actor.name.clone(),
        }
    }
}

/// What a grant is limited to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = GrantScope)]
pub(crate) struct ScopeView {
    /// The code of the one module.
    pub(crate) module: String,
}

/// A role of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UserRole, rename_all = "camelCase")]
pub(crate) struct UserRoleView {
    /// The role.
    pub(crate) role: RoleView,
    /// Who granted it.
    pub(crate) assigned_by: AssignedByView,
    /// What it is limited to: the module of a `MODULE_MANAGER`.
    pub(crate) scope: Option<ScopeView>,
    /// The instant from which it grants nothing.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) expires_at: Option<Timestamp>,
    /// When it was granted.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) created_at: Timestamp,
}

impl UserRoleView {
    /// The module that it is limited to.
    pub(crate) fn module(&self) -> Option<&str> {
        self.scope.as_ref().map(|scope| scope.module.as_str())
    }
}

/// What `role.granted` and `role.revoked` carry: the role, whose it is or was, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RoleGrant, rename_all = "camelCase")]
pub(crate) struct RoleGrantView {
    /// The role's id.
    #[schema(value_type = String, format = "uuid")]
    pub(crate) id: RoleId,
    /// The user's id.
    #[schema(value_type = String, format = "uuid")]
    pub(crate) user_id: UserId,
    /// The role's code.
    pub(crate) role_code: String,
    /// What it is limited to.
    pub(crate) scope: Option<ScopeView>,
    /// The instant from which it grants nothing.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) expires_at: Option<Timestamp>,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Group, rename_all = "camelCase")]
pub(crate) struct GroupView {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    pub(crate) id: GroupId,
    /// Its name.
    pub(crate) name: String,
    /// Its code, unique in the organization. It never changes.
    pub(crate) code: String,
    /// What it is for.
    pub(crate) description: Option<String>,
    /// When it was created.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) updated_at: Timestamp,
}

impl From<&Group> for GroupView {
    fn from(group: &Group) -> Self {
        let state = group.state();
        Self {
            id: state.id,
            name: state.name.as_str().to_owned(),
            code: state.code.as_str().to_owned(),
            description: state.description.as_ref().map(Description::as_str).map(str::to_owned),
            created_at: state.created_at,
            updated_at: state.updated_at,
        }
    }
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = GroupMember, rename_all = "camelCase")]
pub(crate) struct MemberView {
    /// The user's id.
    #[schema(value_type = String, format = "uuid")]
    pub(crate) id: UserId,
    /// The person's name.
    pub(crate) name: String,
    /// The person's address.
    pub(crate) email: String,
    /// Whether the user may act.
    pub(crate) is_active: bool,
    /// Since when it is a member.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) joined_at: Timestamp,
}
