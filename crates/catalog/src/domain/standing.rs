//! What one organization may use, computed from what was contracted, switched and excepted.
//!
//! Precedence: an override, then what was switched by hand, then the package, then the default, which is off. Above all of them: a
//! core module is on, and one that is inactive for the whole installation is off. What switched a module on before it was last
//! switched for the whole installation says nothing any more; so switching it back on there switches no organization on.

use authz::snapshot::{Because, ModuleRow, Period, WithheldRow};
use contracts::catalog::{ModuleId, PackageId, PermissionId, Quota, QuotaMode, QuotaPeriod};
use kernel::{Id as _, Timestamp};

/// What an override does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Effect {
    Grant,
    Withhold,
}

impl Effect {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Withhold => "withhold",
        }
    }

    pub(crate) fn find(name: &str) -> Option<Self> {
        [Self::Grant, Self::Withhold]
            .into_iter()
            .find(|effect| effect.as_str() == name)
    }
}

/// What decides about a module for every organization at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModuleFacts {
    pub(crate) id: ModuleId,
    pub(crate) code: String,
    pub(crate) is_active: bool,
    pub(crate) is_core: bool,
    pub(crate) off_epoch: i64,
    pub(crate) off_at: Option<Timestamp>,
}

/// The package that an organization is on, and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OnPackage {
    pub(crate) id: PackageId,
    pub(crate) code: String,
    pub(crate) on_epoch: i64,
    pub(crate) assigned_at: Timestamp,
}

/// A module of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Packaged {
    pub(crate) module: ModuleId,
    pub(crate) on_epoch: i64,
    pub(crate) added_at: Timestamp,
}

/// A module that was switched by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Switched {
    pub(crate) module: ModuleId,
    pub(crate) is_active: bool,
    pub(crate) on_epoch: i64,
    pub(crate) activated_at: Option<Timestamp>,
    pub(crate) deactivated_at: Option<Timestamp>,
}

/// An exception about a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModuleOverride {
    pub(crate) module: ModuleId,
    pub(crate) effect: Effect,
    pub(crate) reason: Option<String>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) on_epoch: i64,
    pub(crate) created_at: Timestamp,
}

/// An exception about a permission: whether the package's withholding counts, or one of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PermissionOverride {
    pub(crate) permission: PermissionId,
    pub(crate) effect: Effect,
    pub(crate) reason: Option<String>,
    pub(crate) expires_at: Option<Timestamp>,
}

/// How much of a metric may be used in which period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) metric: String,
    pub(crate) period: QuotaPeriod,
    pub(crate) limit: i64,
    pub(crate) mode: QuotaMode,
}

impl Terms {
    fn is_about(&self, other: &Self) -> bool {
        self.metric == other.metric && self.period == other.period
    }
}

/// An exception about a quota.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QuotaOverride {
    pub(crate) terms: Terms,
    pub(crate) reason: Option<String>,
    pub(crate) expires_at: Option<Timestamp>,
}

/// Whether an exception that ends at an instant, or never, counts at another.
pub(crate) fn lasts(expires_at: Option<Timestamp>, now: Timestamp) -> bool {
    expires_at.is_none_or(|end| now < end)
}

/// Everything that was decided about one organization.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) package: Option<OnPackage>,
    pub(crate) packaged: Vec<Packaged>,
    /// Permissions that the package withholds.
    pub(crate) withheld: Vec<PermissionId>,
    pub(crate) quotas: Vec<Terms>,
    pub(crate) switched: Vec<Switched>,
    pub(crate) module_overrides: Vec<ModuleOverride>,
    pub(crate) permission_overrides: Vec<PermissionOverride>,
    pub(crate) quota_overrides: Vec<QuotaOverride>,
}

/// What made a module active or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ground<'s> {
    Core,
    Global,
    Override(&'s ModuleOverride),
    Manual(&'s Switched),
    Package(&'s OnPackage, &'s Packaged),
    Default,
}

impl Ground<'_> {
    pub(crate) const fn because(self) -> Because {
        match self {
            Self::Core => Because::Core,
            Self::Global => Because::Global,
            Self::Override(_) => Because::Override,
            Self::Manual(_) => Because::Manual,
            Self::Package(..) => Because::Package,
            Self::Default => Because::Default,
        }
    }
}

/// What made a permission withheld, or kept it from being so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Withholding<'s> {
    Override(&'s PermissionOverride),
    Package,
    None,
}

impl Withholding<'_> {
    pub(crate) fn withholds(self) -> bool {
        match self {
            Self::Override(exception) => exception.effect == Effect::Withhold,
            Self::Package => true,
            Self::None => false,
        }
    }
}

/// The stretches that an end divides time into.
fn stretches(end: Option<Timestamp>) -> impl Iterator<Item = Period> {
    let first = Period { from: None, until: end };
    let second = end.map(|end| Period {
        from: Some(end),
        until: None,
    });
    std::iter::once(first).chain(second)
}

/// The first instant of a stretch.
fn beginning(stretch: &Period) -> Timestamp {
    stretch.from.unwrap_or(Timestamp::MIN)
}

impl Standing {
    /// The same with its exceptions in the order of what they are about: nobody says in which order they are kept.
    pub(crate) fn ordered(mut self) -> Self {
        self.module_overrides.sort_by_key(|exception| exception.module);
        self.permission_overrides.sort_by_key(|exception| exception.permission);
        self.quota_overrides
            .sort_by(|a, b| (&a.terms.metric, a.terms.period).cmp(&(&b.terms.metric, b.terms.period)));
        self
    }

    /// Whether the module is active at an instant, and what made it so.
    pub(crate) fn module(&self, module: &ModuleFacts, now: Timestamp) -> (bool, Ground<'_>) {
        if module.is_core {
            return (true, Ground::Core);
        }
        if !module.is_active {
            return (false, Ground::Global);
        }
        let is_fresh = |on_epoch: i64| on_epoch > module.off_epoch;
        let exception = self
            .module_override(module.id)
            .filter(|found| lasts(found.expires_at, now));
        if let Some(exception) = exception {
            match exception.effect {
                Effect::Withhold => return (false, Ground::Override(exception)),
                Effect::Grant if is_fresh(exception.on_epoch) => return (true, Ground::Override(exception)),
                Effect::Grant => {}
            }
        }
        if let Some(switched) = self.switched(module.id) {
            if !switched.is_active {
                return (false, Ground::Manual(switched));
            }
            if is_fresh(switched.on_epoch) {
                return (true, Ground::Manual(switched));
            }
        }
        match self.packaged(module.id) {
            Some((package, packaged)) if is_fresh(package.on_epoch.max(packaged.on_epoch)) => {
                (true, Ground::Package(package, packaged))
            }
            _ => (false, Ground::Default),
        }
    }

    /// Whether the package has modules that are off for the organization since they were switched off for the installation, and may
    /// be on again.
    pub(crate) fn has_stale_modules(&self, modules: &[ModuleFacts]) -> bool {
        modules.iter().any(|module| {
            let on_epoch = self
                .packaged(module.id)
                .map(|(package, packaged)| package.on_epoch.max(packaged.on_epoch));
            !module.is_core && module.is_active && on_epoch.is_some_and(|epoch| epoch <= module.off_epoch)
        })
    }

    /// What was decided about a module for this organization and counts for nothing now, since it was switched off for the
    /// whole installation.
    pub(crate) fn latest(&self, module: &ModuleFacts, now: Timestamp) -> Option<Ground<'_>> {
        let exception = self
            .module_override(module.id)
            .filter(|found| lasts(found.expires_at, now));
        let exception = exception.map(Ground::Override);
        let manual = || self.switched(module.id).map(Ground::Manual);
        let package = || {
            self.packaged(module.id)
                .map(|(package, packaged)| Ground::Package(package, packaged))
        };
        exception.or_else(manual).or_else(package)
    }

    pub(crate) fn module_override(&self, module: ModuleId) -> Option<&ModuleOverride> {
        self.module_overrides.iter().find(|found| found.module == module)
    }

    pub(crate) fn switched(&self, module: ModuleId) -> Option<&Switched> {
        self.switched.iter().find(|found| found.module == module)
    }

    pub(crate) fn packaged(&self, module: ModuleId) -> Option<(&OnPackage, &Packaged)> {
        let packaged = self.packaged.iter().find(|found| found.module == module)?;
        Some((self.package.as_ref()?, packaged))
    }

    /// What every module is, now and later.
    pub(crate) fn module_rows(&self, modules: &[ModuleFacts]) -> Vec<ModuleRow> {
        let mut rows = Vec::with_capacity(modules.len());
        for module in modules {
            let end = self.module_override(module.id).and_then(|found| found.expires_at);
            for stretch in stretches(end) {
                let (is_active, ground) = self.module(module, beginning(&stretch));
                rows.push(ModuleRow {
                    module: module.code.clone(),
                    is_active,
                    because: ground.because(),
                    period: stretch,
                });
            }
        }
        rows
    }

    /// Whether the permission is withheld at an instant, and what decides that.
    pub(crate) fn withholding(&self, permission: PermissionId, now: Timestamp) -> Withholding<'_> {
        let mut exceptions = self.permission_overrides.iter();
        match exceptions.find(|found| found.permission == permission && lasts(found.expires_at, now)) {
            Some(exception) => Withholding::Override(exception),
            None if self.withheld.contains(&permission) => Withholding::Package,
            None => Withholding::None,
        }
    }

    /// Which permissions are withheld, now and later.
    pub(crate) fn withheld_rows(&self) -> Vec<WithheldRow> {
        let overridden = self.permission_overrides.iter();
        let overridden = overridden.map(|exception| (exception.permission, exception.expires_at));
        let packaged = self.withheld.iter().filter(|permission| {
            let mut exceptions = self.permission_overrides.iter();
            !exceptions.any(|exception| exception.permission == **permission)
        });
        let mut rows = Vec::new();
        for (permission, end) in overridden.chain(packaged.map(|permission| (*permission, None))) {
            for stretch in stretches(end) {
                let because = match self.withholding(permission, beginning(&stretch)) {
                    withholding if !withholding.withholds() => continue,
                    Withholding::Override(_) => Because::Override,
                    _ => Because::Package,
                };
                rows.push(WithheldRow {
                    permission: permission.as_uuid(),
                    because,
                    period: stretch,
                });
            }
        }
        rows
    }

    /// Which quotas are in force, now and later, by metric and period.
    pub(crate) fn quota_rows(&self) -> Vec<Quota> {
        let row = |terms: &Terms, is_override: bool, in_force: Period| Quota {
            metric: terms.metric.clone(),
            limit: terms.limit,
            period: terms.period,
            mode: terms.mode,
            is_override,
            in_force,
        };
        let mut rows: Vec<Quota> = Vec::new();
        for exception in &self.quota_overrides {
            let until = exception.expires_at;
            rows.push(row(&exception.terms, true, Period { from: None, until }));
        }
        for terms in &self.quotas {
            let exception = self.quota_overrides.iter().find(|found| found.terms.is_about(terms));
            match exception.map(|found| found.expires_at) {
                None => rows.push(row(terms, false, Period::ALWAYS)),
                Some(None) => {}
                Some(from) => rows.push(row(terms, false, Period { from, until: None })),
            }
        }
        rows.sort_by(|a, b| (&a.metric, a.period, a.in_force.from).cmp(&(&b.metric, b.period, b.in_force.from)));
        rows
    }
}
