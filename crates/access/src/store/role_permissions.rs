//! The table `role_permissions`: what roles hold.

use contracts::access::RoleId;
use contracts::catalog::PermissionId;
use db::list::{List, Listed, Start};
use db::{DbError, Row, Scope, Sql, UnitOfWork, Value};
use kernel::{Direction, OrganizationId, PageRequest, Timestamp};

use super::permissions;
use crate::view::RolePermissionView;

/// A role's permissions with what they are; `$2` is the role.
const HELD: &str = "(SELECT p.id, p.module_id, m.code AS module_code, p.code, p.resource, p.action, p.scope, p.description, \
     p.created_at, h.condition, h.created_at AS granted_at, h.role_id, h.organization_id FROM role_permissions h \
     JOIN permissions p ON p.id = h.permission_id JOIN modules m ON m.id = p.module_id \
     WHERE h.organization_id = $1) AS held";
const COLUMNS: &str =
    "id, module_id, module_code, code, resource, action, scope, description, created_at, condition, granted_at";

const FIND: Sql = Sql::tenant(
    "SELECT condition, created_at FROM role_permissions WHERE organization_id = $1 AND role_id = $2 AND permission_id = $3",
)
.point();
const PUT: Sql = Sql::tenant(
    "INSERT INTO role_permissions (organization_id, role_id, permission_id, condition, created_at) \
     VALUES ($1, $2, $3, $4, $5) \
     ON CONFLICT (organization_id, role_id, permission_id) DO UPDATE SET condition = excluded.condition",
);
const REMOVE: Sql =
    Sql::tenant("DELETE FROM role_permissions WHERE organization_id = $1 AND role_id = $2 AND permission_id = $3");

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[FIND, PUT, REMOVE];

/// A permission that a role holds already.
pub(crate) struct Held {
    /// Its condition, as JSON.
    pub(crate) condition: Option<String>,
    pub(crate) created_at: Timestamp,
}

/// The role's grant of the permission, as the unit sees it.
pub(crate) async fn find(
    uow: &UnitOfWork,
    organization: OrganizationId,
    role: RoleId,
    permission: PermissionId,
) -> Result<Option<Held>, DbError> {
    uow.scope(organization)
        .reads()
        .optional(&FIND, &[Value::id(role), Value::id(permission)], |row| {
            Ok(Held {
                condition: row.get(0)?,
                created_at: row.get(1)?,
            })
        })
        .await
}

/// Grants the permission to the role, or replaces the condition of the grant.
pub(crate) async fn put(
    uow: &UnitOfWork,
    organization: OrganizationId,
    role: RoleId,
    permission: PermissionId,
    condition: Option<&str>,
) -> Result<(), DbError> {
    let row = [
        Value::id(role),
        Value::id(permission),
        condition.map_or(Value::Null, |condition| Value::Json(condition.into())),
        uow.now().into(),
    ];
    uow.scope(organization).send(&PUT, &row).await
}

/// Takes the permission from the role; false when it did not hold it.
pub(crate) async fn remove(
    uow: &UnitOfWork,
    organization: OrganizationId,
    role: RoleId,
    permission: PermissionId,
) -> Result<bool, DbError> {
    let removed = uow
        .scope(organization)
        .execute(&REMOVE, &[Value::id(role), Value::id(permission)])
        .await?;
    Ok(removed > 0)
}

/// The permissions of a role, by their codes.
pub(crate) async fn list(
    scope: Scope<'_>,
    role: RoleId,
    code: Option<&str>,
    direction: Direction,
    page: &PageRequest,
    start: Start<'_>,
) -> Result<Listed<RolePermissionView>, DbError> {
    listing(role, code, direction)
        .fetch(scope, page, start, |row| view(row, 1))
        .await
}

fn listing<'v>(role: RoleId, code: Option<&str>, direction: Direction) -> List<'v> {
    List::tenant_view(HELD, COLUMNS)
        .equal("role_id", Some(Value::id(role)))
        .equal("code", code.map(str::to_owned))
        .order("code", direction)
        .pooled()
}

/// The texts of the list, for the statement test.
pub(crate) fn lists() -> Vec<String> {
    let nil = <RoleId as kernel::Id>::from_uuid(uuid::Uuid::nil());
    [None, Some("FINANCE_INVOICE_READ")]
        .into_iter()
        .flat_map(|code| listing(nil, code, Direction::Ascending).texts(&PageRequest::default()))
        .collect()
}

fn view(row: &Row<'_>, first: usize) -> Result<RolePermissionView, DbError> {
    let permission = permissions::view(row, first)?;
    let conditions = row
        .get::<Option<String>>(first + 9)?
        .map(|text| serde_json::from_str(&text).map_err(|_| row.inconsistency(first + 9)))
        .transpose()?;
    Ok(RolePermissionView {
        permission_id: permission.id,
        permission_code: permission.code.clone(),
        permission,
        conditions,
        created_at: row.get(first + 10)?,
    })
}
