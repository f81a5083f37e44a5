//! What snapshots are made of: the rows of roles, groups and users' grants, of a whole organization or of what was touched.

use std::sync::Arc;

use authz::conditions::Condition;
use authz::snapshot::{
    GroupPermissionRow, GroupRoleRow, GroupRow, MemberRow, RoleParentRow, RolePermissionRow, RoleRow, Rows, SystemRole,
    SystemRoleRow, Touched, UserRoleRow,
};
use db::{DbError, Row, Scope, Sql, values};
use futures_util::try_join;
use kernel::Timestamp;
use uuid::Uuid;

const SYSTEM_ROLES: Sql = Sql::global("SELECT id, code FROM system_roles ORDER BY code");

const ROLES: Sql = Sql::tenant("SELECT id, code FROM roles WHERE organization_id = $1");
const ROLE_PERMISSIONS: Sql =
    Sql::tenant("SELECT role_id, permission_id, condition FROM role_permissions WHERE organization_id = $1");
const ROLE_PARENTS: Sql = Sql::tenant("SELECT role_id, granted_id FROM role_parents WHERE organization_id = $1");
const GROUPS: Sql = Sql::tenant("SELECT id, code FROM groups WHERE organization_id = $1");
const GROUP_ROLES: Sql = Sql::tenant("SELECT group_id, granted_id FROM group_roles WHERE organization_id = $1");
const GROUP_PERMISSIONS: Sql =
    Sql::tenant("SELECT group_id, permission_id FROM group_permissions WHERE organization_id = $1");
const MEMBERS: Sql = Sql::tenant("SELECT group_id, user_id FROM group_members WHERE organization_id = $1");
const USER_ROLES: Sql = Sql::tenant(
    "SELECT user_id, granted_id, module, expires_at FROM user_roles WHERE organization_id = $1 \
     AND (expires_at IS NULL OR expires_at > $2)",
);

const ROLE: Sql = Sql::tenant("SELECT id, code FROM roles WHERE organization_id = $1 AND id = $2").point();
const ROLE_PERMISSIONS_OF: Sql = Sql::tenant(
    "SELECT role_id, permission_id, condition FROM role_permissions WHERE organization_id = $1 AND role_id = $2",
);
const ROLE_PARENTS_OF: Sql =
    Sql::tenant("SELECT role_id, granted_id FROM role_parents WHERE organization_id = $1 AND role_id = $2");
const GROUP: Sql = Sql::tenant("SELECT id, code FROM groups WHERE organization_id = $1 AND id = $2").point();
const GROUP_ROLES_OF: Sql =
    Sql::tenant("SELECT group_id, granted_id FROM group_roles WHERE organization_id = $1 AND group_id = $2");
const GROUP_PERMISSIONS_OF: Sql =
    Sql::tenant("SELECT group_id, permission_id FROM group_permissions WHERE organization_id = $1 AND group_id = $2");
const MEMBERSHIPS_OF: Sql =
    Sql::tenant("SELECT group_id, user_id FROM group_members WHERE organization_id = $1 AND user_id = $2");
const USER_ROLES_OF: Sql = Sql::tenant(
    "SELECT user_id, granted_id, module, expires_at FROM user_roles WHERE organization_id = $1 AND user_id = $3 \
     AND (expires_at IS NULL OR expires_at > $2)",
);

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[
    SYSTEM_ROLES,
    ROLES,
    ROLE_PERMISSIONS,
    ROLE_PARENTS,
    GROUPS,
    GROUP_ROLES,
    GROUP_PERMISSIONS,
    MEMBERS,
    USER_ROLES,
    ROLE,
    ROLE_PERMISSIONS_OF,
    ROLE_PARENTS_OF,
    GROUP,
    GROUP_ROLES_OF,
    GROUP_PERMISSIONS_OF,
    MEMBERSHIPS_OF,
    USER_ROLES_OF,
];

/// The system roles of the catalogue.
pub(crate) async fn system_roles(scope: Scope<'_>) -> Result<Vec<SystemRoleRow>, DbError> {
    scope
        .all(&SYSTEM_ROLES, &[], |row| {
            let role = SystemRole::find(&row.get::<String>(1)?).ok_or_else(|| row.inconsistency(1))?;
            Ok(SystemRoleRow { id: row.get(0)?, role })
        })
        .await
}

/// Every grant of the organization that is in force at `now` or later. Asked for at once: on PostgreSQL the answers come together.
pub(crate) async fn all(scope: Scope<'_>, now: Timestamp) -> Result<Rows, DbError> {
    let now = values![now];
    let (roles, role_permissions, role_parents, groups, group_roles, group_permissions, members, user_roles) = try_join!(
        scope.all(&ROLES, &[], role),
        scope.all(&ROLE_PERMISSIONS, &[], role_permission),
        scope.all(&ROLE_PARENTS, &[], role_parent),
        scope.all(&GROUPS, &[], group),
        scope.all(&GROUP_ROLES, &[], group_role),
        scope.all(&GROUP_PERMISSIONS, &[], group_permission),
        scope.all(&MEMBERS, &[], member),
        scope.all(&USER_ROLES, &now, user_role),
    )?;
    Ok(Rows {
        roles,
        role_permissions: role_permissions.into_iter().flatten().collect(),
        role_parents,
        groups,
        group_roles,
        group_permissions,
        members,
        user_roles,
        ..Rows::default()
    })
}

/// The grants of what was touched, in force at `now` or later.
pub(crate) async fn of(scope: Scope<'_>, touched: &[Touched], now: Timestamp) -> Result<Rows, DbError> {
    let mut rows = Rows::default();
    add(&mut rows, scope, touched, now).await?;
    Ok(rows)
}

/// Adds to the rows the grants of what was touched, in force at `now` or later.
pub(crate) async fn add(rows: &mut Rows, scope: Scope<'_>, touched: &[Touched], now: Timestamp) -> Result<(), DbError> {
    for touched in touched {
        match *touched {
            Touched::Role(id) => {
                let id = values![id];
                let (found, held, parents) = try_join!(
                    scope.optional(&ROLE, &id, role),
                    scope.all(&ROLE_PERMISSIONS_OF, &id, role_permission),
                    scope.all(&ROLE_PARENTS_OF, &id, role_parent),
                )?;
                rows.roles.extend(found);
                rows.role_permissions.extend(held.into_iter().flatten());
                rows.role_parents.extend(parents);
            }
            Touched::Group(id) => {
                let id = values![id];
                let (found, roles, held) = try_join!(
                    scope.optional(&GROUP, &id, group),
                    scope.all(&GROUP_ROLES_OF, &id, group_role),
                    scope.all(&GROUP_PERMISSIONS_OF, &id, group_permission),
                )?;
                rows.groups.extend(found);
                rows.group_roles.extend(roles);
                rows.group_permissions.extend(held);
            }
            Touched::User(id) => {
                let (user, user_from_now) = (values![id], values![now, id]);
                let (members, roles) = try_join!(
                    scope.all(&MEMBERSHIPS_OF, &user, member),
                    scope.all(&USER_ROLES_OF, &user_from_now, user_role),
                )?;
                rows.members.extend(members);
                rows.user_roles.extend(roles);
            }
            // Others keep those, or everything is read.
            Touched::Everything | Touched::Entitlements | Touched::ServiceAccount(_) | Touched::ApiKey(_) => {}
        }
    }
    Ok(())
}

fn role(row: &Row<'_>) -> Result<RoleRow, DbError> {
    Ok(RoleRow {
        id: row.get(0)?,
        code: row.get(1)?,
    })
}

/// A permission of a role; none when its condition cannot be read, which no version of the program wrote: then it grants nothing.
fn role_permission(row: &Row<'_>) -> Result<Option<RolePermissionRow>, DbError> {
    let condition = match row.get::<Option<String>>(2)? {
        None => None,
        Some(text) => match Condition::parse("conditions", &text) {
            Ok(condition) => Some(Arc::new(condition)),
            Err(problems) => {
                let role: Uuid = row.get(0)?;
                tracing::error!(%role, ?problems, "a stored condition cannot be read, and its grant counts for nothing");
                return Ok(None);
            }
        },
    };
    Ok(Some(RolePermissionRow {
        role: row.get(0)?,
        permission: row.get(1)?,
        condition,
    }))
}

fn role_parent(row: &Row<'_>) -> Result<RoleParentRow, DbError> {
    Ok(RoleParentRow {
        role: row.get(0)?,
        parent: row.get(1)?,
    })
}

fn group(row: &Row<'_>) -> Result<GroupRow, DbError> {
    Ok(GroupRow {
        id: row.get(0)?,
        code: row.get(1)?,
    })
}

fn group_role(row: &Row<'_>) -> Result<GroupRoleRow, DbError> {
    Ok(GroupRoleRow {
        group: row.get(0)?,
        role: row.get(1)?,
    })
}

fn group_permission(row: &Row<'_>) -> Result<GroupPermissionRow, DbError> {
    Ok(GroupPermissionRow {
        group: row.get(0)?,
        permission: row.get(1)?,
    })
}

fn member(row: &Row<'_>) -> Result<MemberRow, DbError> {
    Ok(MemberRow {
        group: row.get(0)?,
        user: row.get(1)?,
    })
}

fn user_role(row: &Row<'_>) -> Result<UserRoleRow, DbError> {
    let module: String = row.get(2)?;
    Ok(UserRoleRow {
        user: row.get(0)?,
        role: row.get(1)?,
        module: (!module.is_empty()).then_some(module),
        expires_at: row.get(3)?,
    })
}
