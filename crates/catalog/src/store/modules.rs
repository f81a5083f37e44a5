//! The table `modules`.

use contracts::Manifest;
use contracts::catalog::ModuleId;
use db::{DbError, Row, Scope, Sql, UnitOfWork, Value};
use kernel::OrganizationId;

use crate::domain::{Module, ModuleFacts, StoredModule};
use crate::manifest::{MODULE_ACTIVATED, MODULE_DEACTIVATED};
use crate::views::{ModuleView, SwitchedModuleView};

const ALL: Sql = Sql::global(
    "SELECT id, code, name, description, icon, is_active, is_core, sort_order, off_epoch, off_at, created_at, updated_at \
     FROM modules ORDER BY sort_order, code",
);
const LOOKUP: Sql = Sql::global(
    "SELECT id, code, name, description, icon, is_active, is_core, sort_order, off_epoch, off_at, created_at, updated_at \
     FROM modules WHERE id = $1",
)
.point();
// Rows of organizations refer to modules; this lock stands in the way of changes of the module alone.
const LOCK: Sql = Sql::global(
    "SELECT id, code, name, description, icon, is_active, is_core, sort_order, off_epoch, off_at, created_at, updated_at \
     FROM modules WHERE id = $1 FOR NO KEY UPDATE",
)
.on_sqlite(LOOKUP.text(db::Engine::Sqlite));
// Switching takes all of them, in one order: of two at once the second gets the greater epoch.
const EPOCHS: Sql = Sql::global("SELECT off_epoch FROM modules ORDER BY id FOR NO KEY UPDATE")
    .on_sqlite("SELECT off_epoch FROM modules ORDER BY id");
const LAST_EPOCH: Sql = Sql::global("SELECT coalesce(max(off_epoch), 0) FROM modules");
const FACTS: Sql =
    Sql::global("SELECT id, code, is_active, is_core, off_epoch, off_at FROM modules ORDER BY sort_order, code");
const ADD: Sql = Sql::global(
    "INSERT INTO modules (id, code, name, description, icon, is_active, is_core, sort_order, off_epoch, off_at, created_at, \
     updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
);
const SAVE: Sql = Sql::global(
    "UPDATE modules SET name = $2, description = $3, icon = $4, is_active = $5, sort_order = $6, off_epoch = $7, off_at = $8, \
     updated_at = $9 WHERE id = $1",
);
const DECLARE: Sql = Sql::global(
    "INSERT INTO modules (id, code, name, description, is_active, is_core, sort_order, off_epoch, created_at, updated_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $8) \
     ON CONFLICT (code) DO UPDATE SET name = excluded.name, description = excluded.description, \
     is_core = excluded.is_core, updated_at = excluded.updated_at",
);

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[ALL, LOOKUP, LOCK, EPOCHS, LAST_EPOCH, FACTS, ADD, SAVE, DECLARE];

/// Every module, in their order. There are some tens of them: lists of them are narrowed, ordered and paged in memory.
pub(crate) async fn all(scope: Scope<'_>) -> Result<Vec<StoredModule>, DbError> {
    scope.all(&ALL, &[], stored).await
}

pub(crate) async fn lookup(scope: Scope<'_>, id: ModuleId) -> Result<Option<StoredModule>, DbError> {
    scope.optional(&LOOKUP, &[Value::id(id)], stored).await
}

/// Reads it for a change, and holds it until the unit ends.
pub(crate) async fn lock(uow: &UnitOfWork, id: ModuleId) -> Result<Option<Module>, DbError> {
    let found = uow.global().reads().optional(&LOCK, &[Value::id(id)], stored).await?;
    Ok(found.map(Module::from))
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

/// The epoch of what is switched off now, greater than every one before; held against others until the unit ends.
pub(crate) async fn off_epoch(uow: &UnitOfWork) -> Result<i64, DbError> {
    let epochs = uow.global().reads().all(&EPOCHS, &[], |row| row.get::<i64>(0)).await?;
    Ok(epochs.into_iter().max().unwrap_or(0) + 1)
}

/// The epoch of what is switched on now, greater than that of everything that has been switched off. What is switched off later
/// gets the same one or a greater.
pub(crate) async fn on_epoch(uow: &UnitOfWork) -> Result<i64, DbError> {
    let last: i64 = uow.global().reads().one(&LAST_EPOCH, &[], |row| row.get(0)).await?;
    Ok(last + 1)
}

pub(crate) async fn add(uow: &UnitOfWork, home: OrganizationId, module: &mut Module) -> Result<(), DbError> {
    record(uow, home, module)?;
    let state = module.state();
    let row = [
        Value::id(state.id),
        state.code.as_str().into(),
        state.name.as_str().into(),
        state.description.as_deref().into(),
        state.icon.as_deref().into(),
        state.is_active.into(),
        state.is_core.into(),
        state.sort_order.into(),
        state.off_epoch.into(),
        state.off_at.into(),
        state.created_at.into(),
        state.updated_at.into(),
    ];
    uow.global().send(&ADD, &row).await
}

/// Stores what changed; false when nothing did. What happens to modules is told in the trail of `home`, the platform's.
pub(crate) async fn save(uow: &UnitOfWork, home: OrganizationId, module: &mut Module) -> Result<bool, DbError> {
    if !record(uow, home, module)? {
        return Ok(false);
    }
    let state = module.state();
    let row = [
        Value::id(state.id),
        state.name.as_str().into(),
        state.description.as_deref().into(),
        state.icon.as_deref().into(),
        state.is_active.into(),
        state.sort_order.into(),
        state.off_epoch.into(),
        state.off_at.into(),
        state.updated_at.into(),
    ];
    uow.global().send(&SAVE, &row).await?;
    Ok(true)
}

/// Hands what happened to the unit of work; false when nothing did.
fn record(uow: &UnitOfWork, home: OrganizationId, module: &mut Module) -> Result<bool, DbError> {
    let events = module.take_events();
    let happened = !events.is_empty();
    for event in events {
        if [MODULE_ACTIVATED, MODULE_DEACTIVATED].contains(&event.kind) {
            uow.record_all(home, [event], &SwitchedModuleView::for_all(module.state()))?;
        } else {
            uow.record_all(home, [event], &ModuleView::from(module.state()))?;
        }
    }
    Ok(happened)
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

fn stored(row: &Row<'_>) -> Result<StoredModule, DbError> {
    Ok(StoredModule {
        id: row.id(0)?,
        code: row.get(1)?,
        name: row.get(2)?,
        description: row.get(3)?,
        icon: row.get(4)?,
        is_active: row.get(5)?,
        is_core: row.get(6)?,
        sort_order: row.get(7)?,
        off_epoch: row.get(8)?,
        off_at: row.get(9)?,
        created_at: row.get(10)?,
        updated_at: row.get(11)?,
    })
}
