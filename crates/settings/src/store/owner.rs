//! The row of the organization itself, which stands for rows of this context that may not be there yet.

use db::{DbError, Sql, UnitOfWork, Value};
use kernel::OrganizationId;

const LOCK: Sql = Sql::global("SELECT id FROM organizations WHERE id = $1 FOR NO KEY UPDATE")
    .on_sqlite("SELECT id FROM organizations WHERE id = $1");

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[LOCK];

/// Lets nobody else change what the organization has one of, until the unit ends: two first changes would overwrite each other.
pub(crate) async fn lock(uow: &UnitOfWork, organization_id: OrganizationId) -> Result<(), DbError> {
    uow.global()
        .reads()
        .optional(&LOCK, &[Value::id(organization_id)], |_| Ok(()))
        .await
        .map(|_| ())
}
