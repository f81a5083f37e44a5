//! The table `access_versions`: how often what people hold in an organization changed, and the organization's structural lock.

use db::{DbError, Scope, Sql, UnitOfWork};
use kernel::OrganizationId;

const VERSION: Sql = Sql::tenant("SELECT version FROM access_versions WHERE organization_id = $1").point();
const LOCK: Sql = Sql::tenant("SELECT version FROM access_versions WHERE organization_id = $1 FOR UPDATE")
    .on_sqlite("SELECT version FROM access_versions WHERE organization_id = $1");
const BEGIN: Sql = Sql::tenant(
    "INSERT INTO access_versions (organization_id, version) VALUES ($1, 0) ON CONFLICT (organization_id) DO NOTHING",
);

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[VERSION, LOCK, BEGIN];

/// Before the first change.
const NONE_YET: i64 = 0;

/// The version that is committed.
pub(crate) async fn version(scope: Scope<'_>) -> Result<i64, DbError> {
    let version = scope.optional(&VERSION, &[], |row| row.get(0)).await?;
    Ok(version.unwrap_or(NONE_YET))
}

/// Takes the organization's structural lock, which the unit holds until it ends; the version as nobody else can change it now. It is a
/// statement of its own: in the same statement as what it protects, that would be read before the lock is had.
pub(crate) async fn lock(uow: &UnitOfWork, organization: OrganizationId) -> Result<i64, DbError> {
    let scope = uow.scope(organization);
    if let Some(version) = scope.reads().optional(&LOCK, &[], |row| row.get(0)).await? {
        return Ok(version);
    }
    // Nothing can be locked that is not there.
    scope.execute(&BEGIN, &[]).await?;
    scope.reads().one(&LOCK, &[], |row| row.get(0)).await
}
