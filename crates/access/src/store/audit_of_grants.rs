//! Questions of the operator about grants.

use contracts::identity::UserId;
use db::{DbError, Scope, Sql, Value, values};
use kernel::{Id as _, OrganizationId, Timestamp};
use uuid::Uuid;

const USERS_BY_ID: Sql = Sql::system("SELECT organization_id, id FROM users WHERE id = $1");
const USERS_BY_EMAIL: Sql = Sql::system("SELECT organization_id, id FROM users WHERE email = $1");
// A role is of use when somebody or a group has it, or when a role inherits from it: that one is then told itself. (The group that
// comes with a module has its role from the beginning, and waits for members.)
const UNUSED_ROLES: Sql = Sql::tenant(
    "SELECT r.code FROM roles r WHERE r.organization_id = $1 AND NOT EXISTS (SELECT 1 FROM user_roles u \
     WHERE u.organization_id = $1 AND u.role_id = r.id AND (u.expires_at IS NULL OR u.expires_at > $2)) \
     AND NOT EXISTS (SELECT 1 FROM group_roles g WHERE g.organization_id = $1 AND g.role_id = r.id) \
     AND NOT EXISTS (SELECT 1 FROM role_parents p WHERE p.organization_id = $1 AND p.parent_role_id = r.id) ORDER BY r.code",
);

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[USERS_BY_ID, USERS_BY_EMAIL, UNUSED_ROLES];

/// The users with this id or this address, in whatever organization.
pub(crate) async fn find_users(scope: Scope<'_>, named: &str) -> Result<Vec<(OrganizationId, UserId)>, DbError> {
    let found = |row: &db::Row<'_>| Ok((row.id(0)?, row.id(1)?));
    match Uuid::try_parse(named) {
        Ok(id) => {
            scope
                .all(&USERS_BY_ID, &[Value::id(UserId::from_uuid(id))], found)
                .await
        }
        Err(_) => {
            scope
                .all(&USERS_BY_EMAIL, &values![named.trim().to_lowercase()], found)
                .await
        }
    }
}

/// The codes of the organization's roles that nobody has.
pub(crate) async fn unused_roles(scope: Scope<'_>, now: Timestamp) -> Result<Vec<String>, DbError> {
    scope.all(&UNUSED_ROLES, &values![now], |row| row.get(0)).await
}
