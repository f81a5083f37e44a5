//! The table `system_roles`.

use contracts::access::RoleId;
use db::{DbError, Sql, UnitOfWork, Value};

use crate::app::Refusal;

const EXISTS: Sql = Sql::global("SELECT 1 FROM system_roles WHERE id = $1").point();
const BY_CODE: Sql = Sql::global("SELECT id FROM system_roles WHERE code = $1").point();
const DECLARE: Sql = Sql::global(
    "INSERT INTO system_roles (id, code, name, name_folded, description, created_at) VALUES ($1, $2, $3, $4, $5, $6) \
     ON CONFLICT (code) DO UPDATE SET name = excluded.name, name_folded = excluded.name_folded, \
     description = excluded.description \
     WHERE system_roles.name <> excluded.name OR system_roles.description <> excluded.description",
);

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[EXISTS, BY_CODE, DECLARE];

/// Why an organization has no role of this id to change: it is a system role, or there is none.
pub(crate) async fn missing(uow: &UnitOfWork, id: RoleId) -> Result<Refusal, DbError> {
    Ok(if is_one(uow, id).await? {
        Refusal::SystemRole
    } else {
        Refusal::NotFound
    })
}

/// Whether the id is a system role's.
pub(crate) async fn is_one(uow: &UnitOfWork, id: RoleId) -> Result<bool, DbError> {
    let found = uow
        .global()
        .reads()
        .optional(&EXISTS, &[Value::id(id)], |_| Ok(()))
        .await?;
    Ok(found.is_some())
}

/// The id of a system role, which seeding wrote.
pub(crate) async fn find(uow: &UnitOfWork, code: &str) -> Result<RoleId, DbError> {
    let found = uow
        .global()
        .reads()
        .optional(&BY_CODE, &[code.into()], |row| row.id(0))
        .await?;
    found.ok_or_else(|| DbError::Internal(format!("the system role {code} was not seeded")))
}

/// Writes a system role, where it is missing or reads otherwise; its id stays when it was there. Whether it did.
pub(crate) async fn declare(uow: &UnitOfWork, code: &str, name: &str, description: &str) -> Result<bool, DbError> {
    let id: RoleId = uow.generators().id();
    let row = [
        Value::id(id),
        code.into(),
        name.into(),
        kernel::fold(name).into(),
        description.into(),
        uow.now().into(),
    ];
    Ok(uow.global().execute(&DECLARE, &row).await? > 0)
}
