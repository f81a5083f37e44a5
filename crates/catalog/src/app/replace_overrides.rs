//! Making exceptions for one organization.

use authz::Granted;
use contracts::organization::OrganizationView;
use db::UnitOfWork;
use kernel::{DomainEvent, FieldValue, OrganizationId, Rule, RuleViolation, Timestamp};

use super::contents::{Codes, found};
use super::entitlements::overrides_in;
use super::{AskedTerms, Neighbours, Refusal, entitlements_changed};
use crate::domain::{
    Effect, ModuleFacts, ModuleOverride, PermissionOverride, QuotaOverride, Reason, Standing, one_for_each, quota_texts,
};
use crate::manifest::{EntitlementUpdate, OVERRIDES_UPDATED};
use crate::store::{modules, standings};
use crate::views::{OrganizationOverridesView, OverridesView};

/// An exception about a module or a permission, as somebody asked for it.
#[derive(Debug, Clone)]
pub(crate) struct AskedException {
    pub(crate) code: String,
    pub(crate) effect: Effect,
    pub(crate) reason: Option<Reason>,
    pub(crate) expires_at: Option<Timestamp>,
}

/// An exception about a quota, as somebody asked for it.
#[derive(Debug, Clone)]
pub(crate) struct AskedQuota {
    pub(crate) terms: AskedTerms,
    pub(crate) reason: Option<Reason>,
    pub(crate) expires_at: Option<Timestamp>,
}

/// All exceptions of an organization, as somebody asked for them.
#[derive(Debug, Clone, Default)]
pub(crate) struct AskedOverrides {
    pub(crate) modules: Vec<AskedException>,
    pub(crate) permissions: Vec<AskedException>,
    pub(crate) quotas: Vec<AskedQuota>,
}

/// Replaces all exceptions of an organization, if they still are as the client knows them. Those that stay as they are keep since
/// when they are.
///
/// # Errors
/// [`Refusal`]: invalid (unknown codes, two exceptions about the same, an end that has passed), not found, stale, a core module or
/// one that is off for the whole installation.
pub(crate) async fn replace_overrides(
    _: &Granted<EntitlementUpdate>,
    uow: &UnitOfWork,
    neighbours: &Neighbours,
    id: OrganizationId,
    is_current: impl FnOnce(&OverridesView) -> bool,
    asked: AskedOverrides,
) -> Result<OverridesView, Refusal> {
    let codes = Codes::read(uow.global().reads()).await?;
    let wanted = resolve(&codes, asked, uow.now())?;
    let _held: OrganizationView = neighbours.lock(uow, id).await?;
    let facts = modules::facts(uow.global().reads()).await?;
    let before = standings::load(uow.scope(id).reads()).await?.ordered();
    let before_view = overrides_in(uow.global().reads(), &before, uow.now()).await?;
    if !is_current(&before_view) {
        return Err(Refusal::Stale);
    }
    let epoch = modules::on_epoch(uow).await?;
    let after = Standing {
        module_overrides: kept_or_new(wanted.module_overrides, &before, &facts, epoch)?,
        permission_overrides: wanted.permission_overrides,
        quota_overrides: wanted.quota_overrides,
        ..before.clone()
    }
    .ordered();
    if after == before {
        return Ok(before_view);
    }
    standings::replace_overrides(uow, id, &after).await?;
    let view = overrides_in(uow.global().reads(), &after, uow.now()).await?;
    for module in &facts {
        let (was_on, is_on) = (before.module(module, uow.now()).0, after.module(module, uow.now()).0);
        if is_on && !was_on {
            neighbours.module_activated(uow, id, &module.code).await?;
        }
    }
    record(uow, id, (&before, &before_view), (&after, &view))?;
    entitlements_changed(uow, id);
    Ok(view)
}

/// What was asked for, by id.
fn resolve(codes: &Codes, asked: AskedOverrides, now: Timestamp) -> Result<Standing, Refusal> {
    let mut problems = Vec::new();
    let mut in_past = |field: String, expires_at: Option<Timestamp>| {
        if expires_at.is_some_and(|end| end <= now) {
            problems.push(RuleViolation::new(format!("{field}.expiresAt"), Rule::InPast));
        }
    };
    for (number, exception) in asked.modules.iter().enumerate() {
        in_past(format!("modules[{number}]"), exception.expires_at);
    }
    for (number, exception) in asked.permissions.iter().enumerate() {
        in_past(format!("permissions[{number}]"), exception.expires_at);
    }
    for (number, exception) in asked.quotas.iter().enumerate() {
        in_past(format!("quotas[{number}]"), exception.expires_at);
    }
    let named = |exceptions: &[AskedException]| -> Vec<String> {
        exceptions.iter().map(|exception| exception.code.clone()).collect()
    };
    let place = |number| format!("modules[{number}].code");
    let module_ids = found(named(&asked.modules), place, |code| codes.module(code), &mut problems);
    let place = |number| format!("permissions[{number}].code");
    let permission_ids = found(
        named(&asked.permissions),
        place,
        |code| codes.permission(code),
        &mut problems,
    );
    let quota_overrides: Vec<_> = asked
        .quotas
        .into_iter()
        .map(|exception| QuotaOverride {
            terms: exception.terms.into_terms(),
            reason: exception.reason.map(Reason::into_string),
            expires_at: exception.expires_at,
        })
        .collect();
    let about = quota_overrides
        .iter()
        .map(|exception| (exception.terms.metric.as_str(), exception.terms.period));
    problems.extend(one_for_each("quotas", about).err().into_iter().flatten());
    if !problems.is_empty() {
        return Err(Refusal::Invalid(problems));
    }
    // Each was found, so the lists are as long as what was asked for.
    let module_overrides = asked.modules.into_iter().zip(module_ids);
    let permission_overrides = asked.permissions.into_iter().zip(permission_ids);
    Ok(Standing {
        module_overrides: module_overrides
            .map(|(exception, (_, module))| ModuleOverride {
                module,
                effect: exception.effect,
                reason: exception.reason.map(Reason::into_string),
                expires_at: exception.expires_at,
                on_epoch: 0,
                created_at: now,
            })
            .collect(),
        permission_overrides: permission_overrides
            .map(|(exception, (_, permission))| PermissionOverride {
                permission,
                effect: exception.effect,
                reason: exception.reason.map(Reason::into_string),
                expires_at: exception.expires_at,
            })
            .collect(),
        quota_overrides,
        ..Standing::default()
    })
}

/// The exceptions about modules: as they are known where they say the same and still count, else from now.
fn kept_or_new(
    wanted: Vec<ModuleOverride>,
    before: &Standing,
    facts: &[ModuleFacts],
    epoch: i64,
) -> Result<Vec<ModuleOverride>, Refusal> {
    let mut overrides = Vec::with_capacity(wanted.len());
    for exception in wanted {
        let module = facts.iter().find(|module| module.id == exception.module);
        let module = module.ok_or(Refusal::NotFound)?;
        if module.is_core && exception.effect == Effect::Withhold {
            return Err(Refusal::CoreModule);
        }
        let known = before.module_override(exception.module).filter(|known| {
            known.effect == exception.effect
                && known.reason == exception.reason
                && known.expires_at == exception.expires_at
                && known.on_epoch > module.off_epoch
        });
        if known.is_none() && !module.is_active && exception.effect == Effect::Grant {
            return Err(Refusal::GloballyInactive);
        }
        overrides.push(known.cloned().unwrap_or(ModuleOverride {
            on_epoch: epoch,
            ..exception
        }));
    }
    Ok(overrides)
}

fn record(
    uow: &UnitOfWork,
    id: OrganizationId,
    before: (&Standing, &OverridesView),
    after: (&Standing, &OverridesView),
) -> Result<(), Refusal> {
    let texts = |list: &[crate::views::OverrideView]| {
        FieldValue::List(
            list.iter()
                .map(|exception| FieldValue::Text(format!("{} {}", exception.effect, exception.code)))
                .collect(),
        )
    };
    let quotas = |standing: &Standing| quota_texts(standing.quota_overrides.iter().map(|exception| &exception.terms));
    let event = DomainEvent::new(OVERRIDES_UPDATED, id)
        .changed("modules", texts(&before.1.modules), texts(&after.1.modules))
        .changed("permissions", texts(&before.1.permissions), texts(&after.1.permissions))
        .changed("quotas", quotas(before.0), quotas(after.0));
    let OverridesView {
        modules,
        permissions,
        quotas,
    } = after.1.clone();
    let view = OrganizationOverridesView {
        id,
        modules,
        permissions,
        quotas,
    };
    uow.record_all(id, [event], &view)?;
    Ok(())
}
