//! The table `packages`, and what each package holds.

use contracts::catalog::{ModuleId, PackageId};
use db::list::{List, Listed, Start};
use db::{DbError, Row, Scope, Sql, UnitOfWork, Value};
use futures_util::future::try_join_all;
use futures_util::try_join;
use kernel::{Direction, OrganizationId, PageRequest, Timestamp, fold};

use super::{rollouts, standings};
use crate::domain::{Contents, NamedModule, NamedPermission, Package, Packaged, StoredPackage};
use crate::views::PackageView;

const COLUMNS: &str = "id, code, name, description, created_at, updated_at";

const LOOKUP: Sql =
    Sql::global("SELECT id, code, name, description, created_at, updated_at FROM packages WHERE id = $1").point();
// Organizations refer to packages; putting one on a package waits for nobody who edits it.
const LOCK: Sql = Sql::global(
    "SELECT id, code, name, description, created_at, updated_at FROM packages WHERE id = $1 FOR NO KEY UPDATE",
)
.on_sqlite(LOOKUP.text(db::Engine::Sqlite));
const FIND_BY_CODE: Sql =
    Sql::global("SELECT id, code, name, description, created_at, updated_at FROM packages WHERE code = $1").point();
const MODULES: Sql = Sql::global(
    "SELECT m.code, m.id FROM package_modules pm JOIN modules m ON m.id = pm.module_id WHERE pm.package_id = $1",
)
.point();
const WITHHELD: Sql = Sql::global(
    "SELECT p.code, p.id FROM package_withheld_permissions pw JOIN permissions p ON p.id = pw.permission_id \
     WHERE pw.package_id = $1",
)
.point();
const QUOTAS: Sql =
    Sql::global("SELECT metric, period, quota_limit, mode FROM package_quotas WHERE package_id = $1").point();
const STALE_MODULES: Sql = Sql::global(
    "SELECT m.id FROM package_modules pm JOIN modules m ON m.id = pm.module_id \
     WHERE pm.package_id = $1 AND m.is_active AND pm.on_epoch <= m.off_epoch",
)
.point();
const ADD: Sql = Sql::global(
    "INSERT INTO packages (id, code, name, name_folded, description, created_at, updated_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7)",
);
const SAVE: Sql =
    Sql::global("UPDATE packages SET name = $2, name_folded = $3, description = $4, updated_at = $5 WHERE id = $1");
const REMOVE: Sql = Sql::global("DELETE FROM packages WHERE id = $1");
const PUT_MODULE: Sql = Sql::global(
    "INSERT INTO package_modules (package_id, module_id, on_epoch, added_at) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (package_id, module_id) DO UPDATE SET on_epoch = excluded.on_epoch, added_at = excluded.added_at",
);
const REMOVE_MODULE: Sql = Sql::global("DELETE FROM package_modules WHERE package_id = $1 AND module_id = $2");
const CLEAR_WITHHELD: Sql = Sql::global("DELETE FROM package_withheld_permissions WHERE package_id = $1");
const WITHHOLD: Sql =
    Sql::global("INSERT INTO package_withheld_permissions (package_id, permission_id) VALUES ($1, $2)");
const CLEAR_QUOTAS: Sql = Sql::global("DELETE FROM package_quotas WHERE package_id = $1");
const ADD_QUOTA: Sql = Sql::global(
    "INSERT INTO package_quotas (package_id, metric, period, quota_limit, mode) VALUES ($1, $2, $3, $4, $5)",
);
const PACKAGED: Sql =
    Sql::global("SELECT module_id, on_epoch, added_at FROM package_modules WHERE package_id = $1").point();
const FIND_ID: Sql = Sql::global("SELECT id FROM packages WHERE code = $1").point();
// A package without modules is one row without a code.
const ACTIVE_MODULES: Sql = Sql::global(
    "SELECT p.id, m.code FROM packages p LEFT JOIN package_modules pm ON pm.package_id = p.id \
     LEFT JOIN modules m ON m.id = pm.module_id AND m.is_active AND NOT m.is_core WHERE p.code = $1 ORDER BY m.code",
)
.point();
const ORGANIZATIONS: Sql = Sql::system(
    "SELECT organization_id, on_epoch FROM organization_packages WHERE package_id = $1 ORDER BY organization_id",
);
const ORGANIZATIONS_AFTER: Sql = Sql::system(
    "SELECT organization_id FROM organization_packages WHERE package_id = $1 AND organization_id > $2 \
     ORDER BY organization_id LIMIT 100",
);
// Where something else than the package decides at $2: a switch by hand or an override that counts.
const EXCEPTIONS: Sql = Sql::system(
    "SELECT op.organization_id, om.module_id FROM organization_packages op \
     JOIN organization_modules om ON om.organization_id = op.organization_id JOIN modules m ON m.id = om.module_id \
     WHERE op.package_id = $1 AND (NOT om.is_active OR om.on_epoch > m.off_epoch) \
     UNION SELECT op.organization_id, mo.module_id FROM organization_packages op \
     JOIN module_overrides mo ON mo.organization_id = op.organization_id JOIN modules m ON m.id = mo.module_id \
     WHERE op.package_id = $1 AND (mo.expires_at IS NULL OR mo.expires_at > $2) \
     AND (mo.effect = 'withhold' OR mo.on_epoch > m.off_epoch)",
);

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[
    LOOKUP,
    LOCK,
    FIND_BY_CODE,
    MODULES,
    WITHHELD,
    QUOTAS,
    STALE_MODULES,
    ADD,
    SAVE,
    REMOVE,
    PUT_MODULE,
    REMOVE_MODULE,
    CLEAR_WITHHELD,
    WITHHOLD,
    CLEAR_QUOTAS,
    ADD_QUOTA,
    PACKAGED,
    FIND_ID,
    ACTIVE_MODULES,
    ORGANIZATIONS,
    ORGANIZATIONS_AFTER,
    EXCEPTIONS,
];

/// What a list is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Name,
    Code,
    CreatedAt,
}

/// The package with all that it holds.
pub(crate) async fn lookup(scope: Scope<'_>, id: PackageId) -> Result<Option<StoredPackage>, DbError> {
    let found = scope.optional(&LOOKUP, &[Value::id(id)], |row| bare(row, 0)).await?;
    whole(scope, found).await
}

/// The package with the code.
pub(crate) async fn find_by_code(scope: Scope<'_>, code: &str) -> Result<Option<StoredPackage>, DbError> {
    let found = scope
        .optional(&FIND_BY_CODE, &[code.into()], |row| bare(row, 0))
        .await?;
    whole(scope, found).await
}

/// Reads it for a change, and holds it until the unit ends.
pub(crate) async fn lock(uow: &UnitOfWork, id: PackageId) -> Result<Option<Package>, DbError> {
    let scope = uow.global().reads();
    let found = scope.optional(&LOCK, &[Value::id(id)], |row| bare(row, 0)).await?;
    Ok(whole(scope, found).await?.map(Package::from))
}

async fn whole(scope: Scope<'_>, found: Option<StoredPackage>) -> Result<Option<StoredPackage>, DbError> {
    let Some(package) = found else { return Ok(None) };
    let contents = contents(scope, package.id).await?;
    Ok(Some(StoredPackage { contents, ..package }))
}

async fn contents(scope: Scope<'_>, id: PackageId) -> Result<Contents, DbError> {
    let of = [Value::id(id)];
    let (modules, withheld, quotas) = try_join!(
        scope.all(&MODULES, &of, |row| Ok(NamedModule {
            code: row.get(0)?,
            id: row.id(1)?
        })),
        scope.all(&WITHHELD, &of, |row| Ok(NamedPermission {
            code: row.get(0)?,
            id: row.id(1)?
        })),
        scope.all(&QUOTAS, &of, standings::terms),
    )?;
    let contents = Contents {
        modules,
        withheld,
        quotas,
    };
    Ok(contents.ordered())
}

/// A page of packages, each with all that it holds.
pub(crate) async fn list(
    scope: Scope<'_>,
    text: Option<&str>,
    order: Order,
    direction: Direction,
    page: &PageRequest,
    start: Start<'_>,
) -> Result<Listed<StoredPackage>, DbError> {
    // The list's first column is the total.
    let listed = listing(text, order, direction)
        .fetch(scope, page, start, |row| bare(row, 1))
        .await?;
    let all_contents = try_join_all(listed.items.iter().map(|package| contents(scope, package.id))).await?;
    let items = listed.items.into_iter().zip(all_contents);
    let items = items.map(|(package, contents)| StoredPackage { contents, ..package });
    Ok(Listed {
        items: items.collect(),
        total: listed.total,
        has_more: listed.has_more,
    })
}

fn listing<'t>(text: Option<&'t str>, order: Order, direction: Direction) -> List<'t> {
    let column = match order {
        Order::Name => "name_folded",
        Order::Code => "code",
        Order::CreatedAt => "created_at",
    };
    List::global("packages", COLUMNS)
        .containing(&["name_folded", "code"], text)
        .order(column, direction)
}

/// The texts of the list in every order, without and with its search, for the statement test.
pub(crate) fn lists() -> Vec<String> {
    let mut texts = Vec::new();
    for text in [None, Some("starter")] {
        for order in [Order::Name, Order::Code, Order::CreatedAt] {
            texts.extend(listing(text, order, Direction::Ascending).texts(&PageRequest::default()));
        }
    }
    texts
}

/// Stores a new package; its modules are on from `on_epoch`.
pub(crate) async fn add(
    uow: &UnitOfWork,
    home: OrganizationId,
    package: &mut Package,
    on_epoch: i64,
) -> Result<(), DbError> {
    record(uow, home, package)?;
    let state = package.state();
    let row = [
        Value::id(state.id),
        state.code.as_str().into(),
        state.name.as_str().into(),
        fold(&state.name).into(),
        state.description.as_deref().into(),
        state.created_at.into(),
        state.updated_at.into(),
    ];
    uow.global().send(&ADD, &row).await?;
    for module in &state.contents.modules {
        put_module(uow, state.id, module.id, on_epoch).await?;
    }
    withhold(uow, state).await?;
    add_quotas(uow, state).await
}

/// Stores what changed since `before`; false when nothing did. Modules that were not in it, and those of `renewed`, are on from
/// `on_epoch`, and what comes with them is made for its organizations soon after.
pub(crate) async fn save(
    uow: &UnitOfWork,
    home: OrganizationId,
    before: &Contents,
    package: &mut Package,
    renewed: &[ModuleId],
    on_epoch: i64,
) -> Result<bool, DbError> {
    if !record(uow, home, package)? {
        return Ok(false);
    }
    let state = package.state();
    let row = [
        Value::id(state.id),
        state.name.as_str().into(),
        fold(&state.name).into(),
        state.description.as_deref().into(),
        state.updated_at.into(),
    ];
    uow.global().send(&SAVE, &row).await?;
    let after = &state.contents;
    for module in before.modules.iter().filter(|module| !after.modules.contains(module)) {
        let row = [Value::id(state.id), Value::id(module.id)];
        uow.global().send(&REMOVE_MODULE, &row).await?;
    }
    for module in &after.modules {
        if !before.modules.contains(module) || renewed.contains(&module.id) {
            put_module(uow, state.id, module.id, on_epoch).await?;
            rollouts::ask(uow, state.id, module.id).await?;
        }
    }
    if before.withheld != after.withheld {
        uow.global().send(&CLEAR_WITHHELD, &[Value::id(state.id)]).await?;
        withhold(uow, state).await?;
    }
    if before.quotas != after.quotas {
        uow.global().send(&CLEAR_QUOTAS, &[Value::id(state.id)]).await?;
        add_quotas(uow, state).await?;
    }
    Ok(true)
}

/// Deletes it.
///
/// # Errors
/// [`DbError::ForeignKey`] when an organization is on it.
pub(crate) async fn remove(uow: &UnitOfWork, home: OrganizationId, package: &mut Package) -> Result<(), DbError> {
    record(uow, home, package)?;
    uow.global().execute(&REMOVE, &[Value::id(package.state().id)]).await?;
    Ok(())
}

/// Those of its modules that are off for its organizations because they were switched off for the installation after the package
/// got them, and may be on again.
pub(crate) async fn stale_modules(uow: &UnitOfWork, id: PackageId) -> Result<Vec<ModuleId>, DbError> {
    uow.global()
        .reads()
        .all(&STALE_MODULES, &[Value::id(id)], |row| row.id(0))
        .await
}

/// Its modules, with the epochs from which they are on.
pub(crate) async fn packaged(scope: Scope<'_>, id: PackageId) -> Result<Vec<Packaged>, DbError> {
    scope.all(&PACKAGED, &[Value::id(id)], standings::packaged).await
}

/// Whether there is a package with the code.
pub(crate) async fn exists(scope: Scope<'_>, code: &str) -> Result<bool, DbError> {
    let found = scope.optional(&FIND_ID, &[code.into()], |_| Ok(())).await?;
    Ok(found.is_some())
}

/// The package with the code, and those of its business modules that are active for the installation, by their codes.
pub(crate) async fn active_modules(scope: Scope<'_>, code: &str) -> Result<Option<(PackageId, Vec<String>)>, DbError> {
    let rows = scope
        .all(&ACTIVE_MODULES, &[code.into()], |row| {
            Ok((row.id::<PackageId>(0)?, row.get::<Option<String>>(1)?))
        })
        .await?;
    let Some(id) = rows.first().map(|(id, _)| *id) else {
        return Ok(None);
    };
    Ok(Some((id, rows.into_iter().filter_map(|(_, code)| code).collect())))
}

/// The organizations on the package, with the epochs from which they are; `scope` reads across organizations.
pub(crate) async fn organizations(scope: Scope<'_>, id: PackageId) -> Result<Vec<(OrganizationId, i64)>, DbError> {
    scope
        .all(&ORGANIZATIONS, &[Value::id(id)], |row| Ok((row.id(0)?, row.get(1)?)))
        .await
}

/// The next organizations on the package after one of them, at most 100; `scope` reads across organizations.
pub(crate) async fn organizations_after(
    scope: Scope<'_>,
    id: PackageId,
    after: OrganizationId,
) -> Result<Vec<OrganizationId>, DbError> {
    let values = [Value::id(id), Value::id(after)];
    scope.all(&ORGANIZATIONS_AFTER, &values, |row| row.id(0)).await
}

/// The organizations on the package for which something else decides about some modules; `scope` reads across organizations.
pub(crate) async fn exceptions(
    scope: Scope<'_>,
    id: PackageId,
    now: Timestamp,
) -> Result<Vec<(OrganizationId, ModuleId)>, DbError> {
    scope
        .all(&EXCEPTIONS, &[Value::id(id), now.into()], |row| {
            Ok((row.id(0)?, row.id(1)?))
        })
        .await
}

async fn put_module(uow: &UnitOfWork, id: PackageId, module: ModuleId, on_epoch: i64) -> Result<(), DbError> {
    let row = [Value::id(id), Value::id(module), on_epoch.into(), uow.now().into()];
    uow.global().send(&PUT_MODULE, &row).await
}

async fn withhold(uow: &UnitOfWork, state: &StoredPackage) -> Result<(), DbError> {
    for permission in &state.contents.withheld {
        let row = [Value::id(state.id), Value::id(permission.id)];
        uow.global().send(&WITHHOLD, &row).await?;
    }
    Ok(())
}

async fn add_quotas(uow: &UnitOfWork, state: &StoredPackage) -> Result<(), DbError> {
    for terms in &state.contents.quotas {
        let row = [
            Value::id(state.id),
            terms.metric.as_str().into(),
            terms.period.as_str().into(),
            terms.limit.into(),
            terms.mode.as_str().into(),
        ];
        uow.global().send(&ADD_QUOTA, &row).await?;
    }
    Ok(())
}

/// Hands what happened to the unit of work; false when nothing did. What happens to packages is told in the trail of `home`, the
/// platform's.
fn record(uow: &UnitOfWork, home: OrganizationId, package: &mut Package) -> Result<bool, DbError> {
    let events = package.take_events();
    uow.record_all(home, events, &PackageView::from(package.state()))
}

/// The package without what it holds, from columns that begin at `first`.
fn bare(row: &Row<'_>, first: usize) -> Result<StoredPackage, DbError> {
    Ok(StoredPackage {
        id: row.id(first)?,
        code: row.get(first + 1)?,
        name: row.get(first + 2)?,
        description: row.get(first + 3)?,
        contents: Contents::default(),
        created_at: row.get(first + 4)?,
        updated_at: row.get(first + 5)?,
    })
}
