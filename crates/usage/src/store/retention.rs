//! The table `usage_retention`: since when an organization's events are kept.

use db::{DbError, Scope, Sql, UnitOfWork, values};
use kernel::{OrganizationId, Timestamp};

const KEPT_FROM: Sql = Sql::tenant("SELECT kept_from FROM usage_retention WHERE organization_id = $1").point();
const KEEP_FROM: Sql = Sql::tenant(
    "INSERT INTO usage_retention (organization_id, kept_from) VALUES ($1, $2) \
     ON CONFLICT (organization_id) DO UPDATE SET kept_from = excluded.kept_from \
     WHERE usage_retention.kept_from < excluded.kept_from",
);

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[KEPT_FROM, KEEP_FROM];

/// Since when every event is kept; none when none was ever deleted.
pub(crate) async fn kept_from(scope: Scope<'_>) -> Result<Option<Timestamp>, DbError> {
    scope.optional(&KEPT_FROM, &[], |row| row.get(0)).await
}

/// Says so, before the first older one is deleted.
pub(crate) async fn keep_from(uow: &UnitOfWork, organization: OrganizationId, from: Timestamp) -> Result<(), DbError> {
    uow.scope(organization).send(&KEEP_FROM, &values![from]).await
}
