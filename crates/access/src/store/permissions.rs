//! The table `permissions` of the catalogue, as far as the platform manages it here. The contexts' own are declared by seeding.

use contracts::catalog::{ModuleId, PermissionId};
use db::list::{List, Listed, Start};
use db::{DbError, Row, Scope, Sql, UnitOfWork, Value};
use kernel::{Direction, Id as _, PageRequest};
use uuid::Uuid;

use crate::domain::{NewPermission, PermissionText};
use crate::view::PermissionView;

/// Permissions with their modules' codes.
const WITH_MODULE: &str = "(SELECT p.id, p.module_id, m.code AS module_code, p.code, p.resource, p.action, p.scope, \
     p.description, p.created_at, p.is_declared FROM permissions p JOIN modules m ON m.id = p.module_id) AS shown";
const COLUMNS: &str = "id, module_id, module_code, code, resource, action, scope, description, created_at";

const LOOKUP: Sql = Sql::global(
    "SELECT p.id, p.module_id, m.code AS module_code, p.code, p.resource, p.action, p.scope, p.description, p.created_at, \
     p.is_declared FROM permissions p JOIN modules m ON m.id = p.module_id WHERE p.id = $1",
)
.point();
const BY_CODE: Sql = Sql::global("SELECT id FROM permissions WHERE code = $1").point();
const MODULE: Sql = Sql::global("SELECT code FROM modules WHERE id = $1").point();
const MODULE_BY_CODE: Sql = Sql::global("SELECT id FROM modules WHERE code = $1").point();
const READS_OF_MODULE: Sql = Sql::global(
    "SELECT p.id FROM permissions p JOIN modules m ON m.id = p.module_id \
     WHERE m.code = $1 AND p.action = 'READ' AND p.scope = 'tenant' ORDER BY p.code",
);
const ADD: Sql = Sql::global(
    "INSERT INTO permissions (id, module_id, code, resource, action, scope, description, is_declared, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
);
const REMOVE: Sql = Sql::global("DELETE FROM permissions WHERE id = $1");

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[LOOKUP, BY_CODE, MODULE, MODULE_BY_CODE, READS_OF_MODULE, ADD, REMOVE];

/// What a list is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PermissionOrder {
    Code,
    CreatedAt,
}

/// A permission, and whether a context declares it.
pub(crate) async fn lookup(scope: Scope<'_>, id: PermissionId) -> Result<Option<(PermissionView, bool)>, DbError> {
    scope
        .optional(&LOOKUP, &[Value::id(id)], |row| Ok((view(row, 0)?, row.get(9)?)))
        .await
}

/// The id of a permission by its code.
pub(crate) async fn find_by_code(scope: Scope<'_>, code: &str) -> Result<Option<PermissionId>, DbError> {
    scope.optional(&BY_CODE, &[code.into()], |row| row.id(0)).await
}

/// The code of a module.
pub(crate) async fn module_code(scope: Scope<'_>, id: ModuleId) -> Result<Option<String>, DbError> {
    scope.optional(&MODULE, &[Value::id(id)], |row| row.get(0)).await
}

/// The id of a module by its code.
pub(crate) async fn module_by_code(scope: Scope<'_>, code: &str) -> Result<Option<ModuleId>, DbError> {
    scope.optional(&MODULE_BY_CODE, &[code.into()], |row| row.id(0)).await
}

/// The tenant-scoped `_READ` permissions of a module.
pub(crate) async fn reads_of_module(scope: Scope<'_>, code: &str) -> Result<Vec<PermissionId>, DbError> {
    scope.all(&READS_OF_MODULE, &[code.into()], |row| row.id(0)).await
}

/// The permissions, of one module or of all.
pub(crate) async fn list(
    scope: Scope<'_>,
    module: Option<&str>,
    order: PermissionOrder,
    direction: Direction,
    page: &PageRequest,
    start: Start<'_>,
) -> Result<Listed<PermissionView>, DbError> {
    listing(module, order, direction)
        .fetch(scope, page, start, |row| view(row, 1))
        .await
}

fn listing<'v>(module: Option<&str>, order: PermissionOrder, direction: Direction) -> List<'v> {
    let column = match order {
        PermissionOrder::Code => "code",
        PermissionOrder::CreatedAt => "created_at",
    };
    // A module is named by its code or its id, and no code is written like an id.
    let by_id = module.and_then(|module| Uuid::try_parse(module).ok());
    let by_code = module.filter(|_| by_id.is_none()).map(str::to_owned);
    List::global(WITH_MODULE, COLUMNS)
        .equal("module_id", by_id)
        .equal("module_code", by_code)
        .order(column, direction)
        .pooled()
}

/// The texts of the list, for the statement test.
pub(crate) fn lists() -> Vec<String> {
    let mut texts = Vec::new();
    for module in [None, Some("FINANCE"), Some("01932f5c-9c5e-7cc3-9d4e-3b2f6a1e8d40")] {
        for order in [PermissionOrder::Code, PermissionOrder::CreatedAt] {
            texts.extend(listing(module, order, Direction::Ascending).texts(&PageRequest::default()));
        }
    }
    texts
}

/// Makes a permission in the module. A taken code is refused by the storage.
pub(crate) async fn add(
    uow: &UnitOfWork,
    id: PermissionId,
    module: ModuleId,
    module_code: &str,
    new: &NewPermission,
) -> Result<PermissionView, DbError> {
    let scope = if new.is_platform { "platform" } else { "tenant" };
    let view = PermissionView {
        id,
        module_id: module,
        module_code: module_code.to_owned(),
        code: new.code(module_code),
        resource: new.resource.as_str().to_owned(),
        action: new.action.as_str().to_owned(),
        scope: scope.to_owned(),
        description: new.description.as_ref().map(PermissionText::as_str).map(str::to_owned),
        created_at: uow.now(),
    };
    let row = [
        Value::id(id),
        Value::id(module),
        view.code.as_str().into(),
        view.resource.as_str().into(),
        view.action.as_str().into(),
        scope.into(),
        view.description.as_deref().into(),
        false.into(),
        view.created_at.into(),
    ];
    uow.global().send(&ADD, &row).await?;
    Ok(view)
}

/// Deletes a permission, and with it every grant of it.
pub(crate) async fn remove(uow: &UnitOfWork, id: PermissionId) -> Result<(), DbError> {
    uow.global().send(&REMOVE, &[Value::id(id)]).await
}

/// Reads what clients see, from columns that begin at `first`.
pub(crate) fn view(row: &Row<'_>, first: usize) -> Result<PermissionView, DbError> {
    Ok(PermissionView {
        id: row.id(first)?,
        module_id: ModuleId::from_uuid(row.get(first + 1)?),
        module_code: row.get(first + 2)?,
        code: row.get(first + 3)?,
        resource: row.get(first + 4)?,
        action: row.get(first + 5)?,
        scope: row.get(first + 6)?,
        description: row.get(first + 7)?,
        created_at: row.get(first + 8)?,
    })
}
