//! What an organization may use now, and why; and its exceptions.

use std::collections::HashMap;

use contracts::catalog::{ModuleId, PermissionId};
use db::{DbError, Scope};
use futures_util::try_join;
use kernel::{Id as _, Timestamp};
use uuid::Uuid;

use authz::PermissionScope;

use crate::domain::{ModuleFacts, Standing, lasts};
use crate::store::{modules, permissions, standings};
use crate::views::{
    EntitlementsView, ModuleEntitlementView, OverrideView, OverridesView, PermissionEntitlementView,
    QuotaEntitlementView, QuotaOverrideView, QuotaView, ground_in_words, permission_in_words,
};

/// Every effective value with its reason. The platform's permissions are told only to the platform.
///
/// # Errors
/// [`DbError`].
pub(crate) async fn entitlements_of(
    global: Scope<'_>,
    scope: Scope<'_>,
    is_platform: bool,
    now: Timestamp,
) -> Result<EntitlementsView, DbError> {
    let (facts, rows, standing) = try_join!(
        modules::facts(global),
        permissions::rows(global),
        standings::load(scope)
    )?;
    let by_code: HashMap<&str, &ModuleFacts> = facts.iter().map(|module| (module.code.as_str(), module)).collect();
    let package = standing.package.as_ref().map(|package| package.code.as_str());
    let mut permissions = Vec::with_capacity(rows.len());
    for row in &rows {
        let Some(module) = by_code.get(row.module.as_str()) else {
            continue;
        };
        if row.scope == PermissionScope::Platform && !is_platform {
            continue;
        }
        let withholding = standing.withholding(PermissionId::from_uuid(row.id), now);
        let (allowed, because) = permission_in_words(standing.module(module, now), withholding, package);
        permissions.push(PermissionEntitlementView {
            code: row.code.clone(),
            allowed,
            because,
        });
    }
    permissions.sort_by(|a, b| a.code.cmp(&b.code));
    let modules = facts.iter().map(|module| {
        let (active, ground) = standing.module(module, now);
        ModuleEntitlementView {
            code: module.code.clone(),
            active,
            source: ground.because().as_str(),
            because: ground_in_words(ground),
        }
    });
    Ok(EntitlementsView {
        modules: modules.collect(),
        permissions,
        quotas: quotas(&standing, package, now),
    })
}

fn quotas(standing: &Standing, package: Option<&str>, now: Timestamp) -> Vec<QuotaEntitlementView> {
    let in_force = standing
        .quota_rows()
        .into_iter()
        .filter(|quota| quota.in_force.contains(now));
    in_force
        .map(|quota| {
            let exception = standing.quota_overrides.iter().find(|exception| {
                quota.is_override && exception.terms.metric == quota.metric && exception.terms.period == quota.period
            });
            let because = match exception {
                Some(exception) => match &exception.reason {
                    Some(reason) => format!("override: {reason}"),
                    None => "override: set for this organization".to_owned(),
                },
                None => format!("package: {}", package.unwrap_or_default()),
            };
            QuotaEntitlementView {
                metric: quota.metric,
                limit: quota.limit,
                period: quota.period.as_str(),
                mode: quota.mode.as_str(),
                source: if quota.is_override { "override" } else { "package" },
                because,
            }
        })
        .collect()
}

/// The exceptions of the organization of a scope that have not expired.
///
/// # Errors
/// [`DbError`].
pub(crate) async fn overrides_of(
    global: Scope<'_>,
    scope: Scope<'_>,
    now: Timestamp,
) -> Result<OverridesView, DbError> {
    let standing = standings::load(scope).await?;
    overrides_in(global, &standing, now).await
}

/// The exceptions of a standing that have not expired, in the order of what they are about.
pub(super) async fn overrides_in(
    global: Scope<'_>,
    standing: &Standing,
    now: Timestamp,
) -> Result<OverridesView, DbError> {
    let (facts, rows) = try_join!(modules::facts(global), permissions::rows(global))?;
    let module_codes: HashMap<ModuleId, String> = facts.into_iter().map(|module| (module.id, module.code)).collect();
    let permission_codes: HashMap<Uuid, String> = rows.into_iter().map(|row| (row.id, row.code)).collect();
    let mut modules: Vec<_> = standing
        .module_overrides
        .iter()
        .filter(|exception| lasts(exception.expires_at, now))
        .map(|exception| OverrideView {
            code: module_codes.get(&exception.module).cloned().unwrap_or_default(),
            effect: exception.effect.as_str(),
            reason: exception.reason.clone(),
            expires_at: exception.expires_at,
        })
        .collect();
    modules.sort_by(|a, b| a.code.cmp(&b.code));
    let mut permissions: Vec<_> = standing
        .permission_overrides
        .iter()
        .filter(|exception| lasts(exception.expires_at, now))
        .map(|exception| OverrideView {
            code: permission_codes
                .get(&exception.permission.as_uuid())
                .cloned()
                .unwrap_or_default(),
            effect: exception.effect.as_str(),
            reason: exception.reason.clone(),
            expires_at: exception.expires_at,
        })
        .collect();
    permissions.sort_by(|a, b| a.code.cmp(&b.code));
    let mut quotas: Vec<_> = standing
        .quota_overrides
        .iter()
        .filter(|exception| lasts(exception.expires_at, now))
        .map(|exception| {
            let QuotaView {
                metric,
                limit,
                period,
                mode,
            } = QuotaView::from(&exception.terms);
            QuotaOverrideView {
                metric,
                limit,
                period,
                mode,
                reason: exception.reason.clone(),
                expires_at: exception.expires_at,
            }
        })
        .collect();
    quotas.sort_by(|a, b| (&a.metric, a.period).cmp(&(&b.metric, b.period)));
    Ok(OverridesView {
        modules,
        permissions,
        quotas,
    })
}
