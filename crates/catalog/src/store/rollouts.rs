//! The table `package_rollouts`: modules for which what comes with them is still to be made, for the organizations on a package.

use contracts::catalog::{ModuleId, PackageId};
use db::{DbError, Scope, Sql, UnitOfWork, Value};
use kernel::Timestamp;

// Nothing comes with a core module.
const ASK: Sql = Sql::global(
    "INSERT INTO package_rollouts (package_id, module_id, asked_at) \
     SELECT pm.package_id, pm.module_id, $3 FROM package_modules pm JOIN modules m ON m.id = pm.module_id \
     WHERE pm.package_id = $1 AND pm.module_id = $2 AND NOT m.is_core \
     ON CONFLICT (package_id, module_id) DO UPDATE SET asked_at = excluded.asked_at",
);
const ALL: Sql = Sql::global(
    "SELECT r.package_id, r.module_id, m.code, r.asked_at FROM package_rollouts r JOIN modules m ON m.id = r.module_id \
     ORDER BY r.asked_at, r.package_id, r.module_id",
);
const FORGET: Sql =
    Sql::global("DELETE FROM package_rollouts WHERE package_id = $1 AND module_id = $2 AND asked_at = $3");

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[ASK, ALL, FORGET];

/// A module whose organizations are still to get what comes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rollout {
    pub(crate) package: PackageId,
    pub(crate) module: ModuleId,
    pub(crate) code: String,
    pub(crate) asked_at: Timestamp,
}

/// Asks for it, with the edit that gives the package the module.
pub(crate) async fn ask(uow: &UnitOfWork, package: PackageId, module: ModuleId) -> Result<(), DbError> {
    let row = [Value::id(package), Value::id(module), uow.now().into()];
    uow.global().send(&ASK, &row).await
}

/// All that is asked for: as many as packages got modules of late.
pub(crate) async fn all(scope: Scope<'_>) -> Result<Vec<Rollout>, DbError> {
    scope
        .all(&ALL, &[], |row| {
            Ok(Rollout {
                package: row.id(0)?,
                module: row.id(1)?,
                code: row.get(2)?,
                asked_at: row.get(3)?,
            })
        })
        .await
}

/// Forgets one that is done, unless it was asked for again meanwhile.
pub(crate) async fn forget(uow: &UnitOfWork, done: &Rollout) -> Result<(), DbError> {
    let row = [Value::id(done.package), Value::id(done.module), done.asked_at.into()];
    uow.global().send(&FORGET, &row).await
}
