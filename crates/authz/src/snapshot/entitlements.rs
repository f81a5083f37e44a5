//! Which modules are active, and which permissions withheld, and when.

use kernel::Timestamp;

use super::bits::{self, BitRows};
use super::catalogue::{Catalogue, ModuleIndex, PermissionIndex};
use super::rows::{Because, Period, Rows};
use crate::Step;

/// What the organization may use. Most often one epoch; more while an override has an end.
#[derive(Debug)]
pub(super) struct Entitlements {
    /// The first instants of the epochs after the first.
    starts: Vec<Timestamp>,
    /// For each epoch the permissions of the active modules.
    active: BitRows,
    /// For each epoch the permissions withheld.
    withheld: BitRows,
    modules: Vec<ModuleState>,
    withholdings: Vec<Withholding>,
    package: Option<Box<str>>,
}

#[derive(Debug, Clone, Copy)]
struct ModuleState {
    module: ModuleIndex,
    is_active: bool,
    because: Because,
    period: Period,
}

#[derive(Debug, Clone, Copy)]
struct Withholding {
    permission: PermissionIndex,
    because: Because,
    period: Period,
}

impl Entitlements {
    /// The entitlements that the rows tell of, and how many rows named something that is not there.
    pub(super) fn new(catalogue: &Catalogue, rows: &Rows) -> (Self, usize) {
        let mut dangling = 0;
        let mut modules = Vec::with_capacity(rows.modules.len());
        for row in &rows.modules {
            match catalogue.module(&row.module) {
                Some(module) => modules.push(ModuleState {
                    module,
                    is_active: row.is_active,
                    because: row.because,
                    period: row.period,
                }),
                // A module without permissions: there is nothing to decide about it.
                None => dangling += 1,
            }
        }
        let mut withholdings = Vec::with_capacity(rows.withheld.len());
        for row in &rows.withheld {
            match catalogue.find_by_id(row.permission) {
                Some(permission) => withholdings.push(Withholding {
                    permission,
                    because: row.because,
                    period: row.period,
                }),
                None => dangling += 1,
            }
        }
        let mut starts: Vec<Timestamp> = modules
            .iter()
            .map(|state| state.period)
            .chain(withholdings.iter().map(|withholding| withholding.period))
            .flat_map(|period| [period.from, period.until])
            .flatten()
            .collect();
        starts.sort_unstable();
        starts.dedup();
        let mut made = Self {
            starts,
            active: catalogue.no_rows(),
            withheld: catalogue.no_rows(),
            modules,
            withholdings,
            package: rows.package.as_deref().map(Into::into),
        };
        for epoch in 0..=made.starts.len() {
            // The first epoch began before every instant that is mentioned.
            let now = epoch
                .checked_sub(1)
                .and_then(|before| made.starts.get(before).copied())
                .unwrap_or(Timestamp::MIN);
            made.active.add();
            made.withheld.add();
            for state in &made.modules {
                if made.module(state.module, now).is_some_and(|(is_active, _)| is_active) {
                    for permission in bits::members(catalogue.of_module(state.module)) {
                        made.active.set(epoch, permission);
                    }
                }
            }
            for withholding in made.withholdings.iter().filter(|held| held.period.contains(now)) {
                made.withheld.set(epoch, withholding.permission);
            }
        }
        made.active.shrink();
        made.withheld.shrink();
        (made, dangling)
    }

    /// What keeps the permission from being used at an instant, whoever has it.
    pub(super) fn obstacle(&self, permission: PermissionIndex, now: Timestamp) -> Option<Step> {
        let epoch = self.epoch(now);
        if !self.active.has(epoch, permission) {
            Some(Step::Module)
        } else if self.withheld.has(epoch, permission) {
            Some(Step::Withheld)
        } else {
            None
        }
    }

    fn epoch(&self, now: Timestamp) -> usize {
        if self.starts.is_empty() {
            return 0;
        }
        self.starts.partition_point(|&start| start <= now)
    }

    /// Whether the module is active at an instant, and why or why not; `None` when nothing is said of it.
    pub(super) fn module(&self, module: ModuleIndex, now: Timestamp) -> Option<(bool, Because)> {
        self.modules
            .iter()
            .filter(|state| state.module == module && state.period.contains(now))
            .map(|state| (state.is_active, state.because))
            // What makes it inactive counts.
            .min_by_key(|(is_active, _)| *is_active)
    }

    /// What withholds the permission at an instant.
    pub(super) fn withheld(&self, permission: PermissionIndex, now: Timestamp) -> Option<Because> {
        self.withholdings
            .iter()
            .find(|held| held.permission == permission && held.period.contains(now))
            .map(|held| held.because)
    }

    pub(super) fn package(&self) -> Option<&str> {
        self.package.as_deref()
    }

    /// Heap memory, in bytes.
    pub(super) fn footprint(&self) -> usize {
        self.starts.capacity() * size_of::<Timestamp>()
            + self.active.footprint()
            + self.withheld.footprint()
            + self.modules.capacity() * size_of::<ModuleState>()
            + self.withholdings.capacity() * size_of::<Withholding>()
            + self.package.as_deref().map_or(0, str::len)
    }
}
