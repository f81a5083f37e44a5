//! The table `system_roles`.

use contracts::access::RoleId;
use db::{DbError, Sql, UnitOfWork, Value};

use crate::app::Refusal;

const EXISTS: Sql = Sql::global("SELECT 1 FROM system_roles WHERE id = $1").point();
const DECLARE: Sql = Sql::global(
    "INSERT INTO system_roles (id, code, name, name_folded, description, created_at) VALUES ($1, $2, $3, $4, $5, $6) \
     ON CONFLICT (code) DO UPDATE SET name = excluded.name, name_folded = excluded.name_folded, \
     description = excluded.description",
);

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[EXISTS, DECLARE];

/// Why an organization has no role of this id to change: it is a system role, or there is none.
pub(crate) async fn missing(uow: &UnitOfWork, id: RoleId) -> Result<Refusal, DbError> {
    let found = uow
        .global()
        .reads()
        .optional(&EXISTS, &[Value::id(id)], |_| Ok(()))
        .await?;
    Ok(if found.is_some() {
        Refusal::SystemRole
    } else {
        Refusal::NotFound
    })
}

/// Writes a system role; its id stays when it was there.
pub(crate) async fn declare(uow: &UnitOfWork, code: &str, name: &str, description: &str) -> Result<(), DbError> {
    let id: RoleId = uow.generators().id();
    let row = [
        Value::id(id),
        code.into(),
        name.into(),
        kernel::fold(name).into(),
        description.into(),
        uow.now().into(),
    ];
    uow.global().send(&DECLARE, &row).await
}
