//! The table `role_parents`: what roles inherit from.

use contracts::access::{RoleId, RoleView};
use db::{DbError, Scope, Sql, UnitOfWork, Value};
use kernel::OrganizationId;
use uuid::Uuid;

use super::roles;

const EDGES: Sql = Sql::tenant("SELECT role_id, granted_id FROM role_parents WHERE organization_id = $1");
const ADD: Sql = Sql::tenant(
    "INSERT INTO role_parents (organization_id, role_id, granted_id, parent_role_id, parent_system_role_id, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (organization_id, role_id, granted_id) DO NOTHING",
);
const REMOVE: Sql =
    Sql::tenant("DELETE FROM role_parents WHERE organization_id = $1 AND role_id = $2 AND granted_id = $3");
const PARENTS: Sql = Sql::tenant(
    "SELECT r.id, r.organization_id, r.name, r.code, r.description, r.created_at, r.updated_at FROM role_parents p \
     JOIN roles r ON r.organization_id = $1 AND r.id = p.parent_role_id \
     WHERE p.organization_id = $1 AND p.role_id = $2 UNION ALL \
     SELECT s.id, NULL, s.name, s.code, s.description, s.created_at, s.created_at FROM role_parents p \
     JOIN system_roles s ON s.id = p.parent_system_role_id WHERE p.organization_id = $1 AND p.role_id = $2 ORDER BY 4",
);
const CHILDREN: Sql = Sql::tenant(
    "SELECT r.id, r.organization_id, r.name, r.code, r.description, r.created_at, r.updated_at FROM role_parents p \
     JOIN roles r ON r.organization_id = $1 AND r.id = p.role_id \
     WHERE p.organization_id = $1 AND p.granted_id = $2 ORDER BY 4",
);

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[EDGES, ADD, REMOVE, PARENTS, CHILDREN];

/// Every pair of child and parent of the organization, as the unit sees them.
pub(crate) async fn edges(uow: &UnitOfWork, organization: OrganizationId) -> Result<Vec<(Uuid, Uuid)>, DbError> {
    uow.scope(organization)
        .reads()
        .all(&EDGES, &[], |row| Ok((row.get(0)?, row.get(1)?)))
        .await
}

/// Lets the role inherit from the parent; false when it did already.
pub(crate) async fn add(
    uow: &UnitOfWork,
    organization: OrganizationId,
    role: RoleId,
    parent: &RoleView,
) -> Result<bool, DbError> {
    let (own, system) = own_or_system(parent.id, parent.is_system);
    let row = [Value::id(role), Value::id(parent.id), own, system, uow.now().into()];
    Ok(uow.scope(organization).execute(&ADD, &row).await? > 0)
}

/// Lets the role inherit from a system role, without asking whether it did already.
pub(crate) async fn put_system(
    uow: &UnitOfWork,
    organization: OrganizationId,
    role: RoleId,
    parent: RoleId,
) -> Result<(), DbError> {
    let (own, system) = own_or_system(parent, true);
    let row = [Value::id(role), Value::id(parent), own, system, uow.now().into()];
    uow.scope(organization).send(&ADD, &row).await
}

/// The two columns of which one names a role.
pub(crate) fn own_or_system(role: RoleId, is_system: bool) -> (Value<'static>, Value<'static>) {
    if is_system {
        (Value::Null, Value::id(role))
    } else {
        (Value::id(role), Value::Null)
    }
}

/// Lets the role inherit from the parent no more; false when it did not.
pub(crate) async fn remove(
    uow: &UnitOfWork,
    organization: OrganizationId,
    role: RoleId,
    parent: RoleId,
) -> Result<bool, DbError> {
    let removed = uow
        .scope(organization)
        .execute(&REMOVE, &[Value::id(role), Value::id(parent)])
        .await?;
    Ok(removed > 0)
}

/// The roles that a role inherits from directly.
pub(crate) async fn parents(scope: Scope<'_>, role: RoleId) -> Result<Vec<RoleView>, DbError> {
    scope.all(&PARENTS, &[Value::id(role)], |row| roles::view(row, 0)).await
}

/// The roles that inherit from a role directly.
pub(crate) async fn children(scope: Scope<'_>, role: RoleId) -> Result<Vec<RoleView>, DbError> {
    scope
        .all(&CHILDREN, &[Value::id(role)], |row| roles::view(row, 0))
        .await
}
