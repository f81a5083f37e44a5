//! Which organizations have usage: each found by a step along a key, however many rows it has.

use db::{Db, DbError, Sql, SystemScope};
use kernel::OrganizationId;

const COUNTED: Sql = Sql::system(
    "WITH RECURSIVE found(id) AS (\
     SELECT (SELECT organization_id FROM usage_counters ORDER BY organization_id LIMIT 1) UNION ALL \
     SELECT (SELECT c.organization_id FROM usage_counters c WHERE c.organization_id > found.id \
     ORDER BY c.organization_id LIMIT 1) FROM found WHERE found.id IS NOT NULL) \
     SELECT id FROM found WHERE id IS NOT NULL",
);
const REPORTED: Sql = Sql::system(
    "WITH RECURSIVE found(id) AS (\
     SELECT (SELECT organization_id FROM usage_events ORDER BY organization_id LIMIT 1) UNION ALL \
     SELECT (SELECT e.organization_id FROM usage_events e WHERE e.organization_id > found.id \
     ORDER BY e.organization_id LIMIT 1) FROM found WHERE found.id IS NOT NULL) \
     SELECT id FROM found WHERE id IS NOT NULL",
);

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[COUNTED, REPORTED];

/// Every organization that something was ever counted for.
pub(crate) async fn counted(db: &Db, scope: SystemScope) -> Result<Vec<OrganizationId>, DbError> {
    db.system(scope).all(&COUNTED, &[], |row| row.id(0)).await
}

/// Every organization with events, or with anything counted: sums may be all that is left, or all that is lost.
pub(crate) async fn all(db: &Db, scope: SystemScope) -> Result<Vec<OrganizationId>, DbError> {
    let mut found = counted(db, scope).await?;
    let reported: Vec<OrganizationId> = db.system(scope).all(&REPORTED, &[], |row| row.id(0)).await?;
    found.extend(reported);
    found.sort_unstable();
    found.dedup();
    Ok(found)
}
