//! The tables `group_members`, `group_roles` and `group_permissions`: who is in a group, and what it holds.

use contracts::access::{RoleId, RoleView};
use contracts::catalog::PermissionId;
use contracts::identity::UserId;
use db::list::{List, Listed, Start};
use db::{DbError, Row, Scope, Sql, UnitOfWork, Value};
use kernel::{Direction, Id as _, OrganizationId, PageRequest};
use uuid::Uuid;

use super::role_parents::own_or_system;
use super::{permissions, roles};
use crate::domain::GroupId;
use crate::view::{MemberView, PermissionView};

/// A group's members with who they are. It reads the table `users`, to which a membership refers, for the order and the page.
const MEMBERS: &str = "(SELECT u.id, u.name, u.name_folded, u.email, u.is_active, g.created_at, g.group_id FROM group_members g \
     JOIN users u ON u.organization_id = g.organization_id AND u.id = g.user_id WHERE g.organization_id = $1) AS members";
const MEMBER_COLUMNS: &str = "id, name, email, is_active, created_at";

const ADD_MEMBER: Sql = Sql::tenant(
    "INSERT INTO group_members (organization_id, group_id, user_id, created_at) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (organization_id, group_id, user_id) DO NOTHING",
);
const REMOVE_MEMBER: Sql =
    Sql::tenant("DELETE FROM group_members WHERE organization_id = $1 AND group_id = $2 AND user_id = $3");
const ADD_ROLE: Sql = Sql::tenant(
    "INSERT INTO group_roles (organization_id, group_id, granted_id, role_id, system_role_id, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (organization_id, group_id, granted_id) DO NOTHING",
);
const REMOVE_ROLE: Sql =
    Sql::tenant("DELETE FROM group_roles WHERE organization_id = $1 AND group_id = $2 AND granted_id = $3");
const ROLES: Sql = Sql::tenant(
    "SELECT r.id, r.organization_id, r.name, r.code, r.description, r.created_at, r.updated_at FROM group_roles g \
     JOIN roles r ON r.organization_id = $1 AND r.id = g.role_id WHERE g.organization_id = $1 AND g.group_id = $2 UNION ALL \
     SELECT s.id, NULL, s.name, s.code, s.description, s.created_at, s.created_at FROM group_roles g \
     JOIN system_roles s ON s.id = g.system_role_id WHERE g.organization_id = $1 AND g.group_id = $2 ORDER BY 4",
);
const ADD_PERMISSION: Sql = Sql::tenant(
    "INSERT INTO group_permissions (organization_id, group_id, permission_id, created_at) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (organization_id, group_id, permission_id) DO NOTHING",
);
const REMOVE_PERMISSION: Sql =
    Sql::tenant("DELETE FROM group_permissions WHERE organization_id = $1 AND group_id = $2 AND permission_id = $3");
const PERMISSIONS: Sql = Sql::tenant(
    "SELECT p.id, p.module_id, m.code, p.code, p.resource, p.action, p.scope, p.description, p.created_at \
     FROM group_permissions g JOIN permissions p ON p.id = g.permission_id JOIN modules m ON m.id = p.module_id \
     WHERE g.organization_id = $1 AND g.group_id = $2 ORDER BY p.code",
);
// Explicit grants of a module's permissions. The role and the group that came with the module count only when somebody has them.
const COUNT_USERS: Sql = Sql::tenant(
    "SELECT count(DISTINCT holder) FROM (SELECT u.user_id AS holder FROM user_roles u \
     JOIN role_permissions h ON h.organization_id = u.organization_id AND h.role_id = u.role_id \
     JOIN permissions p ON p.id = h.permission_id JOIN modules m ON m.id = p.module_id \
     WHERE u.organization_id = $1 AND m.code = $2 AND (u.expires_at IS NULL OR u.expires_at > $3) UNION ALL \
     SELECT c.user_id FROM group_members c JOIN group_roles g ON g.organization_id = c.organization_id AND g.group_id = c.group_id \
     JOIN role_permissions h ON h.organization_id = g.organization_id AND h.role_id = g.role_id \
     JOIN permissions p ON p.id = h.permission_id JOIN modules m ON m.id = p.module_id \
     WHERE c.organization_id = $1 AND m.code = $2 UNION ALL \
     SELECT c.user_id FROM group_members c \
     JOIN group_permissions g ON g.organization_id = c.organization_id AND g.group_id = c.group_id \
     JOIN permissions p ON p.id = g.permission_id JOIN modules m ON m.id = p.module_id \
     WHERE c.organization_id = $1 AND m.code = $2) AS holders",
);
const COUNT_ROLES: Sql = Sql::tenant(
    "SELECT count(DISTINCT r.id) FROM roles r \
     JOIN role_permissions h ON h.organization_id = r.organization_id AND h.role_id = r.id \
     JOIN permissions p ON p.id = h.permission_id JOIN modules m ON m.id = p.module_id \
     WHERE r.organization_id = $1 AND m.code = $2 AND (r.code <> $3 \
     OR EXISTS (SELECT 1 FROM user_roles u WHERE u.organization_id = $1 AND u.role_id = r.id) \
     OR EXISTS (SELECT 1 FROM group_roles g JOIN group_members c ON c.organization_id = $1 AND c.group_id = g.group_id \
     WHERE g.organization_id = $1 AND g.role_id = r.id))",
);
const COUNT_GROUPS: Sql = Sql::tenant(
    "SELECT count(*) FROM groups x WHERE x.organization_id = $1 AND (x.code <> $3 \
     OR EXISTS (SELECT 1 FROM group_members c WHERE c.organization_id = $1 AND c.group_id = x.id)) AND (EXISTS \
     (SELECT 1 FROM group_permissions g JOIN permissions p ON p.id = g.permission_id JOIN modules m ON m.id = p.module_id \
     WHERE g.organization_id = $1 AND g.group_id = x.id AND m.code = $2) OR EXISTS \
     (SELECT 1 FROM group_roles g JOIN role_permissions h ON h.organization_id = $1 AND h.role_id = g.role_id \
     JOIN permissions p ON p.id = h.permission_id JOIN modules m ON m.id = p.module_id \
     WHERE g.organization_id = $1 AND g.group_id = x.id AND m.code = $2))",
);

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[
    ADD_MEMBER,
    REMOVE_MEMBER,
    ADD_ROLE,
    REMOVE_ROLE,
    ROLES,
    ADD_PERMISSION,
    REMOVE_PERMISSION,
    PERMISSIONS,
    COUNT_USERS,
    COUNT_ROLES,
    COUNT_GROUPS,
];

/// Takes a user into a group, without asking whether it is in it.
pub(crate) async fn put_member(
    uow: &UnitOfWork,
    organization: OrganizationId,
    group: GroupId,
    user: UserId,
) -> Result<(), DbError> {
    let row = [Value::id(group), Value::id(user), uow.now().into()];
    uow.scope(organization).send(&ADD_MEMBER, &row).await
}

/// Grants a role of the organization to a group, without asking whether it has it.
pub(crate) async fn put_role(
    uow: &UnitOfWork,
    organization: OrganizationId,
    group: GroupId,
    role: RoleId,
) -> Result<(), DbError> {
    let (own, system) = own_or_system(role, false);
    let row = [Value::id(group), Value::id(role), own, system, uow.now().into()];
    uow.scope(organization).send(&ADD_ROLE, &row).await
}

/// Takes a user into a group; false when it is in it.
pub(crate) async fn add_member(
    uow: &UnitOfWork,
    organization: OrganizationId,
    group: GroupId,
    user: UserId,
) -> Result<bool, DbError> {
    let row = [Value::id(group), Value::id(user), uow.now().into()];
    Ok(uow.scope(organization).execute(&ADD_MEMBER, &row).await? > 0)
}

/// Takes a user out of a group; false when it was not in it.
pub(crate) async fn remove_member(
    uow: &UnitOfWork,
    organization: OrganizationId,
    group: GroupId,
    user: UserId,
) -> Result<bool, DbError> {
    let key = [Value::id(group), Value::id(user)];
    Ok(uow.scope(organization).execute(&REMOVE_MEMBER, &key).await? > 0)
}

/// The members of a group, by their names.
pub(crate) async fn members(
    scope: Scope<'_>,
    group: GroupId,
    is_active: Option<bool>,
    direction: Direction,
    page: &PageRequest,
    start: Start<'_>,
) -> Result<Listed<MemberView>, DbError> {
    listing(group, is_active, direction)
        .fetch(scope, page, start, |row| member(row, 1))
        .await
}

fn listing(group: GroupId, is_active: Option<bool>, direction: Direction) -> List<'static> {
    List::tenant_view(MEMBERS, MEMBER_COLUMNS)
        .equal("group_id", Some(Value::id(group)))
        .equal("is_active", is_active)
        .order("name_folded", direction)
        .pooled()
}

/// The texts of the list, for the statement test.
pub(crate) fn lists() -> Vec<String> {
    let nil = GroupId::from_uuid(Uuid::nil());
    [None, Some(true)]
        .into_iter()
        .flat_map(|is_active| listing(nil, is_active, Direction::Ascending).texts(&PageRequest::default()))
        .collect()
}

/// Grants a role to a group; false when it has it.
pub(crate) async fn add_role(
    uow: &UnitOfWork,
    organization: OrganizationId,
    group: GroupId,
    role: RoleId,
    is_system: bool,
) -> Result<bool, DbError> {
    let (own, system) = own_or_system(role, is_system);
    let row = [Value::id(group), Value::id(role), own, system, uow.now().into()];
    Ok(uow.scope(organization).execute(&ADD_ROLE, &row).await? > 0)
}

/// Takes a role from a group; false when it did not have it.
pub(crate) async fn remove_role(
    uow: &UnitOfWork,
    organization: OrganizationId,
    group: GroupId,
    role: RoleId,
) -> Result<bool, DbError> {
    let key = [Value::id(group), Value::id(role)];
    Ok(uow.scope(organization).execute(&REMOVE_ROLE, &key).await? > 0)
}

/// The roles of a group.
pub(crate) async fn roles_of(scope: Scope<'_>, group: GroupId) -> Result<Vec<RoleView>, DbError> {
    scope.all(&ROLES, &[Value::id(group)], |row| roles::view(row, 0)).await
}

/// Grants a permission to a group; false when it has it.
pub(crate) async fn add_permission(
    uow: &UnitOfWork,
    organization: OrganizationId,
    group: GroupId,
    permission: PermissionId,
) -> Result<bool, DbError> {
    let row = [Value::id(group), Value::id(permission), uow.now().into()];
    Ok(uow.scope(organization).execute(&ADD_PERMISSION, &row).await? > 0)
}

/// Takes a permission from a group; false when it did not have it.
pub(crate) async fn remove_permission(
    uow: &UnitOfWork,
    organization: OrganizationId,
    group: GroupId,
    permission: PermissionId,
) -> Result<bool, DbError> {
    let key = [Value::id(group), Value::id(permission)];
    Ok(uow.scope(organization).execute(&REMOVE_PERMISSION, &key).await? > 0)
}

/// The permissions that a group was granted directly.
pub(crate) async fn permissions_of(scope: Scope<'_>, group: GroupId) -> Result<Vec<PermissionView>, DbError> {
    scope
        .all(&PERMISSIONS, &[Value::id(group)], |row| permissions::view(row, 0))
        .await
}

/// Users, roles and groups with explicit grants of a module's permissions.
pub(crate) async fn count_of_module(
    uow: &UnitOfWork,
    organization: OrganizationId,
    module: &str,
    readers: &str,
) -> Result<[i64; 3], DbError> {
    let scope = uow.scope(organization).reads();
    let count = |row: &Row<'_>| row.get::<i64>(0);
    Ok([
        scope
            .one(&COUNT_USERS, &[module.into(), uow.now().into()], count)
            .await?,
        scope.one(&COUNT_ROLES, &[module.into(), readers.into()], count).await?,
        scope
            .one(&COUNT_GROUPS, &[module.into(), readers.into()], count)
            .await?,
    ])
}

fn member(row: &Row<'_>, first: usize) -> Result<MemberView, DbError> {
    Ok(MemberView {
        id: row.id(first)?,
        name: row.get(first + 1)?,
        email: row.get(first + 2)?,
        is_active: row.get(first + 3)?,
        joined_at: row.get(first + 4)?,
    })
}
