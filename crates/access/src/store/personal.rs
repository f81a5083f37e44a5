//! What one person was granted, as the person is told it.

use contracts::identity::UserId;
use db::{DbError, Row, Scope, Sql, Value};
use kernel::Timestamp;
use serde_json::{Value as Json, json};

const ROLES: Sql = Sql::tenant(
    "SELECT coalesce(r.code, s.code), coalesce(r.name, s.name), u.module, u.expires_at, u.created_at FROM user_roles u \
     LEFT JOIN roles r ON r.organization_id = u.organization_id AND r.id = u.role_id \
     LEFT JOIN system_roles s ON s.id = u.system_role_id \
     WHERE u.organization_id = $1 AND u.user_id = $2 ORDER BY u.created_at, u.granted_id, u.module",
);
const GROUPS: Sql = Sql::tenant(
    "SELECT g.code, g.name, m.created_at FROM group_members m \
     JOIN groups g ON g.organization_id = m.organization_id AND g.id = m.group_id \
     WHERE m.organization_id = $1 AND m.user_id = $2 ORDER BY g.code",
);

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[ROLES, GROUPS];

/// The person's roles, also those whose time is over, as long as they are kept.
pub(crate) async fn roles(scope: Scope<'_>, user: UserId) -> Result<Vec<Json>, DbError> {
    let read = |row: &Row<'_>| {
        let module: String = row.get(2)?;
        Ok(json!({
            "code": row.get::<String>(0)?,
            "name": row.get::<String>(1)?,
            "module": Some(module).filter(|module| !module.is_empty()),
            "expiresAt": row.get::<Option<Timestamp>>(3)?,
            "assignedAt": row.get::<Timestamp>(4)?,
        }))
    };
    scope.all(&ROLES, &[Value::id(user)], read).await
}

/// The groups that the person is in.
pub(crate) async fn groups(scope: Scope<'_>, user: UserId) -> Result<Vec<Json>, DbError> {
    let read = |row: &Row<'_>| {
        Ok(json!({
            "code": row.get::<String>(0)?,
            "name": row.get::<String>(1)?,
            "memberSince": row.get::<Timestamp>(2)?,
        }))
    };
    scope.all(&GROUPS, &[Value::id(user)], read).await
}
