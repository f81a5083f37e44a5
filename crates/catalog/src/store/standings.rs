//! What was decided about one organization: the package it is on, what was switched by hand, and the exceptions.

use contracts::catalog::{ModuleId, PackageId, PermissionId, QuotaMode, QuotaPeriod};
use db::{DbError, Row, Scope, Sql, UnitOfWork, Value, values};
use futures_util::try_join;
use kernel::{OrganizationId, Timestamp};

use crate::domain::{
    Effect, ModuleOverride, OnPackage, Packaged, PermissionOverride, QuotaOverride, Standing, Switched, Terms,
};

const PACKAGE: Sql = Sql::tenant(
    "SELECT p.id, p.code, op.on_epoch, op.assigned_at FROM organization_packages op JOIN packages p ON p.id = op.package_id \
     WHERE op.organization_id = $1",
)
.point();
const PACKAGED: Sql = Sql::tenant(
    "SELECT pm.module_id, pm.on_epoch, pm.added_at FROM organization_packages op \
     JOIN package_modules pm ON pm.package_id = op.package_id WHERE op.organization_id = $1",
)
.point();
// What only the platform can hold is not withheld from it: nobody could take that back.
const WITHHELD: Sql = Sql::tenant(
    "SELECT pw.permission_id FROM organization_packages op JOIN package_withheld_permissions pw \
     ON pw.package_id = op.package_id JOIN permissions p ON p.id = pw.permission_id \
     WHERE op.organization_id = $1 AND p.scope = 'tenant'",
)
.point();
const QUOTAS: Sql = Sql::tenant(
    "SELECT pq.metric, pq.period, pq.quota_limit, pq.mode FROM organization_packages op \
     JOIN package_quotas pq ON pq.package_id = op.package_id WHERE op.organization_id = $1",
)
.point();
const SWITCHED: Sql = Sql::tenant(
    "SELECT module_id, is_active, on_epoch, activated_at, deactivated_at FROM organization_modules WHERE organization_id = $1",
)
.point();
const MODULE_OVERRIDES: Sql = Sql::tenant(
    "SELECT module_id, effect, reason, expires_at, on_epoch, created_at FROM module_overrides WHERE organization_id = $1",
)
.point();
const PERMISSION_OVERRIDES: Sql = Sql::tenant(
    "SELECT po.permission_id, po.effect, po.reason, po.expires_at FROM permission_overrides po \
     JOIN permissions p ON p.id = po.permission_id WHERE po.organization_id = $1 AND p.scope = 'tenant'",
)
.point();
const QUOTA_OVERRIDES: Sql = Sql::tenant(
    "SELECT metric, period, quota_limit, mode, reason, expires_at FROM quota_overrides WHERE organization_id = $1",
)
.point();

const ASSIGN: Sql = Sql::tenant(
    "INSERT INTO organization_packages (organization_id, package_id, on_epoch, assigned_at) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (organization_id) DO UPDATE SET package_id = excluded.package_id, on_epoch = excluded.on_epoch, \
     assigned_at = excluded.assigned_at",
);
const SWITCH: Sql = Sql::tenant(
    "INSERT INTO organization_modules (organization_id, module_id, is_active, on_epoch, activated_at, deactivated_at) \
     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (organization_id, module_id) DO UPDATE SET is_active = excluded.is_active, \
     on_epoch = excluded.on_epoch, activated_at = excluded.activated_at, deactivated_at = excluded.deactivated_at",
);
const UNSWITCH: Sql = Sql::tenant("DELETE FROM organization_modules WHERE organization_id = $1 AND module_id = $2");

const CLEAR_MODULES: Sql = Sql::tenant("DELETE FROM module_overrides WHERE organization_id = $1");
const CLEAR_PERMISSIONS: Sql = Sql::tenant("DELETE FROM permission_overrides WHERE organization_id = $1");
const CLEAR_QUOTAS: Sql = Sql::tenant("DELETE FROM quota_overrides WHERE organization_id = $1");
const OVERRIDE_MODULE: Sql = Sql::tenant(
    "INSERT INTO module_overrides (organization_id, module_id, effect, reason, expires_at, on_epoch, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7)",
);
const OVERRIDE_PERMISSION: Sql = Sql::tenant(
    "INSERT INTO permission_overrides (organization_id, permission_id, effect, reason, expires_at, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6)",
);
const OVERRIDE_QUOTA: Sql = Sql::tenant(
    "INSERT INTO quota_overrides (organization_id, metric, period, quota_limit, mode, reason, expires_at, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
);

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[
    PACKAGE,
    PACKAGED,
    WITHHELD,
    QUOTAS,
    SWITCHED,
    MODULE_OVERRIDES,
    PERMISSION_OVERRIDES,
    QUOTA_OVERRIDES,
    ASSIGN,
    SWITCH,
    UNSWITCH,
    CLEAR_MODULES,
    CLEAR_PERMISSIONS,
    CLEAR_QUOTAS,
    OVERRIDE_MODULE,
    OVERRIDE_PERMISSION,
    OVERRIDE_QUOTA,
];

/// Everything that was decided about the organization of the scope.
pub(crate) async fn load(scope: Scope<'_>) -> Result<Standing, DbError> {
    let (package, packaged, withheld, quotas, switched, module_overrides, permission_overrides, quota_overrides) = try_join!(
        scope.optional(&PACKAGE, &[], package),
        scope.all(&PACKAGED, &[], packaged),
        scope.all(&WITHHELD, &[], |row| row.id(0)),
        scope.all(&QUOTAS, &[], terms),
        scope.all(&SWITCHED, &[], switched),
        scope.all(&MODULE_OVERRIDES, &[], module_override),
        scope.all(&PERMISSION_OVERRIDES, &[], permission_override),
        scope.all(&QUOTA_OVERRIDES, &[], quota_override),
    )?;
    Ok(Standing {
        package,
        packaged,
        withheld,
        quotas,
        switched,
        module_overrides,
        permission_overrides,
        quota_overrides,
    })
}

/// The quotas alone.
pub(crate) async fn load_quotas(scope: Scope<'_>) -> Result<Standing, DbError> {
    let (quotas, quota_overrides) = try_join!(
        scope.all(&QUOTAS, &[], terms),
        scope.all(&QUOTA_OVERRIDES, &[], quota_override),
    )?;
    Ok(Standing {
        quotas,
        quota_overrides,
        ..Standing::default()
    })
}

/// Puts the organization on a package, or on the same one anew.
pub(crate) async fn assign(
    uow: &UnitOfWork,
    organization: OrganizationId,
    package: PackageId,
    on_epoch: i64,
) -> Result<(), DbError> {
    let row = [Value::id(package), on_epoch.into(), uow.now().into()];
    uow.scope(organization).send(&ASSIGN, &row).await
}

/// Writes a module as it was switched by hand.
pub(crate) async fn switch(uow: &UnitOfWork, organization: OrganizationId, switched: &Switched) -> Result<(), DbError> {
    let row = [
        Value::id(switched.module),
        switched.is_active.into(),
        switched.on_epoch.into(),
        switched.activated_at.into(),
        switched.deactivated_at.into(),
    ];
    uow.scope(organization).send(&SWITCH, &row).await
}

/// Forgets that a module was switched by hand.
pub(crate) async fn unswitch(uow: &UnitOfWork, organization: OrganizationId, module: ModuleId) -> Result<(), DbError> {
    uow.scope(organization).send(&UNSWITCH, &[Value::id(module)]).await
}

/// Replaces all exceptions of the organization by those of `standing`.
pub(crate) async fn replace_overrides(
    uow: &UnitOfWork,
    organization: OrganizationId,
    standing: &Standing,
) -> Result<(), DbError> {
    let scope = uow.scope(organization);
    for clear in [&CLEAR_MODULES, &CLEAR_PERMISSIONS, &CLEAR_QUOTAS] {
        scope.send(clear, &[]).await?;
    }
    for exception in &standing.module_overrides {
        let row = [
            Value::id(exception.module),
            exception.effect.as_str().into(),
            exception.reason.as_deref().into(),
            exception.expires_at.into(),
            exception.on_epoch.into(),
            exception.created_at.into(),
        ];
        scope.send(&OVERRIDE_MODULE, &row).await?;
    }
    for exception in &standing.permission_overrides {
        let row = [
            Value::id(exception.permission),
            exception.effect.as_str().into(),
            exception.reason.as_deref().into(),
            exception.expires_at.into(),
            uow.now().into(),
        ];
        scope.send(&OVERRIDE_PERMISSION, &row).await?;
    }
    for QuotaOverride {
        terms,
        reason,
        expires_at,
    } in &standing.quota_overrides
    {
        let row = values![
            terms.metric.as_str(),
            terms.period.as_str(),
            terms.limit,
            terms.mode.as_str(),
            reason.as_deref(),
            *expires_at,
            uow.now()
        ];
        scope.send(&OVERRIDE_QUOTA, &row).await?;
    }
    Ok(())
}

fn package(row: &Row<'_>) -> Result<OnPackage, DbError> {
    Ok(OnPackage {
        id: row.id(0)?,
        code: row.get(1)?,
        on_epoch: row.get(2)?,
        assigned_at: row.get(3)?,
    })
}

pub(super) fn packaged(row: &Row<'_>) -> Result<Packaged, DbError> {
    Ok(Packaged {
        module: row.id(0)?,
        on_epoch: row.get(1)?,
        added_at: row.get(2)?,
    })
}

fn switched(row: &Row<'_>) -> Result<Switched, DbError> {
    Ok(Switched {
        module: row.id(0)?,
        is_active: row.get(1)?,
        on_epoch: row.get(2)?,
        activated_at: row.get(3)?,
        deactivated_at: row.get(4)?,
    })
}

fn effect(row: &Row<'_>, index: usize) -> Result<Effect, DbError> {
    Effect::find(&row.get::<String>(index)?).ok_or_else(|| row.inconsistency(index))
}

fn module_override(row: &Row<'_>) -> Result<ModuleOverride, DbError> {
    Ok(ModuleOverride {
        module: row.id(0)?,
        effect: effect(row, 1)?,
        reason: row.get(2)?,
        expires_at: row.get(3)?,
        on_epoch: row.get(4)?,
        created_at: row.get(5)?,
    })
}

fn permission_override(row: &Row<'_>) -> Result<PermissionOverride, DbError> {
    Ok(PermissionOverride {
        permission: row.id::<PermissionId>(0)?,
        effect: effect(row, 1)?,
        reason: row.get(2)?,
        expires_at: row.get::<Option<Timestamp>>(3)?,
    })
}

/// Metric, period, limit and mode, from the first columns.
pub(super) fn terms(row: &Row<'_>) -> Result<Terms, DbError> {
    Ok(Terms {
        metric: row.get(0)?,
        period: QuotaPeriod::find(&row.get::<String>(1)?).ok_or_else(|| row.inconsistency(1))?,
        limit: row.get(2)?,
        mode: QuotaMode::find(&row.get::<String>(3)?).ok_or_else(|| row.inconsistency(3))?,
    })
}

fn quota_override(row: &Row<'_>) -> Result<QuotaOverride, DbError> {
    Ok(QuotaOverride {
        terms: terms(row)?,
        reason: row.get(4)?,
        expires_at: row.get(5)?,
    })
}
