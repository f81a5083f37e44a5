//! The table `permissions`.

use authz::PermissionInfo;
use authz::snapshot::PermissionRow;
use contracts::catalog::{ModuleId, PermissionId};
use db::{DbError, Row, Scope, Sql, UnitOfWork, Value};

use crate::entitlements::scope_named;
use crate::file::PermissionEntry;

const ALL: Sql = Sql::global("SELECT code, scope, description, is_declared FROM permissions ORDER BY code");
const ROWS: Sql = Sql::global(
    "SELECT p.id, p.code, m.code, p.action, p.scope FROM permissions p JOIN modules m ON m.id = p.module_id ORDER BY p.id",
);
const DECLARE: Sql = Sql::global(
    "INSERT INTO permissions (id, module_id, code, resource, action, scope, description, is_declared, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
     ON CONFLICT (code) DO UPDATE SET scope = excluded.scope, description = excluded.description, is_declared = excluded.is_declared",
);
const ADD_MISSING: Sql = Sql::global(
    "INSERT INTO permissions (id, module_id, code, resource, action, scope, is_declared, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (code) DO NOTHING",
);

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[ALL, ROWS, DECLARE, ADD_MISSING];

/// What seeding compares.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) code: String,
    scope: String,
    description: Option<String>,
    pub(crate) is_declared: bool,
}

impl Known {
    pub(crate) fn is_as_declared(&self, info: &PermissionInfo) -> bool {
        self.scope == info.scope.as_str() && self.description.as_deref() == Some(info.description) && self.is_declared
    }
}

pub(crate) async fn all(scope: Scope<'_>) -> Result<Vec<Known>, DbError> {
    scope.all(&ALL, &[], known).await
}

/// Every permission, for those who decide, in the order of their ids.
pub(crate) async fn rows(scope: Scope<'_>) -> Result<Vec<PermissionRow>, DbError> {
    let permission = |row: &Row<'_>| {
        Ok(PermissionRow {
            id: row.get(0)?,
            code: row.get(1)?,
            module: row.get(2)?,
            action: row.get(3)?,
            scope: scope_named(&row.get::<String>(4)?).ok_or_else(|| row.inconsistency(4))?,
        })
    };
    scope.all(&ROWS, &[], permission).await
}

/// Writes a permission as its context declares it; its id stays when it was there.
pub(crate) async fn declare(uow: &UnitOfWork, module_id: ModuleId, info: &PermissionInfo) -> Result<(), DbError> {
    let id: PermissionId = uow.generators().id();
    let row = [
        Value::id(id),
        Value::id(module_id),
        info.code.into(),
        info.resource.into(),
        info.action.into(),
        info.scope.as_str().into(),
        info.description.into(),
        true.into(),
        uow.now().into(),
    ];
    uow.global().send(&DECLARE, &row).await
}

/// Writes a permission of the catalogue file where there is none with its code. No route depends on it.
pub(crate) async fn add_missing(uow: &UnitOfWork, module_id: ModuleId, entry: &PermissionEntry) -> Result<(), DbError> {
    let id: PermissionId = uow.generators().id();
    let row = [
        Value::id(id),
        Value::id(module_id),
        entry.code.as_str().into(),
        entry.resource.as_str().into(),
        entry.action.as_str().into(),
        entry.scope.as_str().into(),
        false.into(),
        uow.now().into(),
    ];
    uow.global().send(&ADD_MISSING, &row).await
}

fn known(row: &Row<'_>) -> Result<Known, DbError> {
    Ok(Known {
        code: row.get(0)?,
        scope: row.get(1)?,
        description: row.get(2)?,
        is_declared: row.get(3)?,
    })
}
