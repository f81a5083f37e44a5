//! The table `modules`.

use contracts::Manifest;
use contracts::catalog::ModuleId;
use db::{DbError, Row, Scope, Sql, UnitOfWork, Value};

use crate::domain::ModuleFacts;

const ALL: Sql = Sql::global("SELECT id, code, name, description, is_core FROM modules ORDER BY sort_order, code");
const FACTS: Sql =
    Sql::global("SELECT id, code, is_active, is_core, off_epoch, off_at FROM modules ORDER BY sort_order, code");
const DECLARE: Sql = Sql::global(
    "INSERT INTO modules (id, code, name, description, is_active, is_core, sort_order, off_epoch, created_at, updated_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $8) \
     ON CONFLICT (code) DO UPDATE SET name = excluded.name, description = excluded.description, \
     is_core = excluded.is_core, updated_at = excluded.updated_at",
);

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[ALL, FACTS, DECLARE];

/// What seeding compares.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) id: ModuleId,
    pub(crate) code: String,
    name: String,
    description: Option<String>,
    is_core: bool,
}

impl Known {
    pub(crate) fn is_as_declared(&self, manifest: &Manifest) -> bool {
        self.name == manifest.name
            && self.description.as_deref() == Some(manifest.description)
            && self.is_core == manifest.is_core
    }
}

pub(crate) async fn all(scope: Scope<'_>) -> Result<Vec<Known>, DbError> {
    scope.all(&ALL, &[], known).await
}

/// What decides about each module for every organization at once, in their order.
pub(crate) async fn facts(scope: Scope<'_>) -> Result<Vec<ModuleFacts>, DbError> {
    let fact = |row: &Row<'_>| {
        Ok(ModuleFacts {
            id: row.id(0)?,
            code: row.get(1)?,
            is_active: row.get(2)?,
            is_core: row.get(3)?,
            off_epoch: row.get(4)?,
            off_at: row.get(5)?,
        })
    };
    scope.all(&FACTS, &[], fact).await
}

/// Writes a module as its context declares it. What an operator decides about it (whether it is on, its order) stays.
pub(crate) async fn declare(
    uow: &UnitOfWork,
    id: ModuleId,
    manifest: &Manifest,
    sort_order: i64,
) -> Result<(), DbError> {
    let row = [
        Value::id(id),
        manifest.code.into(),
        manifest.name.into(),
        manifest.description.into(),
        true.into(),
        manifest.is_core.into(),
        sort_order.into(),
        uow.now().into(),
    ];
    uow.global().send(&DECLARE, &row).await
}

fn known(row: &Row<'_>) -> Result<Known, DbError> {
    Ok(Known {
        id: row.id(0)?,
        code: row.get(1)?,
        name: row.get(2)?,
        description: row.get(3)?,
        is_core: row.get(4)?,
    })
}
