//! The table `pending_registrations`: who registered and has not confirmed the address yet.

use contracts::identity::UserId;
use db::{DbError, Sql, UnitOfWork, Value, values};
use kernel::{Id as _, OrganizationId};

const ADD: Sql =
    Sql::tenant("INSERT INTO pending_registrations (organization_id, user_id, created_at) VALUES ($1, $2, $3)");
const FIND: Sql =
    Sql::tenant("SELECT user_id FROM pending_registrations WHERE organization_id = $1 AND user_id = $2").point();
const REMOVE: Sql = Sql::tenant("DELETE FROM pending_registrations WHERE organization_id = $1 AND user_id = $2");

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[ADD, FIND, REMOVE];

/// Notes that the user is to confirm its address first.
pub(crate) async fn add(uow: &UnitOfWork, organization: OrganizationId, user: UserId) -> Result<(), DbError> {
    let row = values![user.as_uuid(), uow.now()];
    uow.scope(organization).send(&ADD, &row).await
}

/// Whether the user is to confirm its address first.
pub(crate) async fn contains(uow: &UnitOfWork, organization: OrganizationId, user: UserId) -> Result<bool, DbError> {
    let scope = uow.scope(organization).reads();
    let found = scope
        .optional(&FIND, &[Value::id(user)], |row| row.id::<UserId>(0))
        .await?;
    Ok(found.is_some())
}

/// It is confirmed, or an administrator decided otherwise. Whether it was pending.
pub(crate) async fn remove(uow: &UnitOfWork, organization: OrganizationId, user: UserId) -> Result<bool, DbError> {
    Ok(uow.scope(organization).execute(&REMOVE, &[Value::id(user)]).await? > 0)
}
