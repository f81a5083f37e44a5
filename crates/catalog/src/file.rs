//! The catalogue file: business modules with their permissions, and packages.

use std::collections::HashSet;
use std::fmt;

use authz::PermissionScope;
use contracts::catalog::{QuotaMode, QuotaPeriod};
use kernel::RuleViolation;
use serde::{Deserialize, Serialize};

use crate::domain::{Description, Icon, Metric, ModuleCode, Name, PackageCode};

/// The file that is built into the program, with its own explanation.
pub const BUILT_IN: &str = include_str!("../catalog.toml");

/// The largest whole number that every JSON reader keeps exactly: a quota's limit must be told.
const LARGEST: i64 = (1 << 53) - 1;

/// A catalogue file that was read and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    pub(crate) modules: Vec<ModuleEntry>,
    pub(crate) packages: Vec<PackageEntry>,
}

/// What is wrong with a catalogue file: every problem, a line each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct InvalidCatalogue(Vec<String>);

impl fmt::Display for InvalidCatalogue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the catalogue file is invalid:")?;
        self.0.iter().try_for_each(|problem| write!(formatter, "\n  {problem}"))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    actions: Vec<String>,
    #[serde(default)]
    modules: Vec<ModuleEntry>,
    #[serde(default)]
    packages: Vec<PackageEntry>,
}

/// A module with its permissions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModuleEntry {
    pub(crate) code: String,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) icon: Option<String>,
    #[serde(default)]
    pub(crate) sort_order: i64,
    pub(crate) resources: Vec<String>,
    /// The file's own where a module says nothing else.
    #[serde(default)]
    pub(crate) actions: Vec<String>,
}

/// A package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PackageEntry {
    pub(crate) code: String,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) modules: Vec<String>,
    #[serde(default)]
    pub(crate) withheld: Vec<String>,
    #[serde(default)]
    pub(crate) quotas: Vec<QuotaEntry>,
}

/// A quota of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuotaEntry {
    pub(crate) metric: String,
    pub(crate) limit: i64,
    pub(crate) period: String,
    #[serde(default = "hard")]
    pub(crate) mode: String,
}

fn hard() -> String {
    QuotaMode::Hard.as_str().to_owned()
}

/// A permission that a module's entry makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PermissionEntry {
    pub(crate) code: String,
    pub(crate) resource: String,
    pub(crate) action: String,
    pub(crate) scope: PermissionScope,
}

impl ModuleEntry {
    /// Each action on each resource. Business permissions are held in organizations.
    pub(crate) fn permissions(&self) -> impl Iterator<Item = PermissionEntry> + '_ {
        self.resources.iter().flat_map(move |resource| {
            self.actions.iter().map(move |action| PermissionEntry {
                code: format!("{}_{resource}_{action}", self.code),
                resource: resource.clone(),
                action: action.clone(),
                scope: PermissionScope::Tenant,
            })
        })
    }
}

impl Catalogue {
    /// Reads a catalogue file.
    ///
    /// # Errors
    /// [`InvalidCatalogue`] with everything that is wrong.
    pub fn parse(text: &str) -> Result<Self, InvalidCatalogue> {
        let written: Written = toml::from_str(text).map_err(|error| InvalidCatalogue(vec![error.to_string()]))?;
        let mut catalogue = Self {
            modules: written.modules,
            packages: written.packages,
        };
        for module in &mut catalogue.modules {
            if module.actions.is_empty() {
                module.actions.clone_from(&written.actions);
            }
        }
        let problems = catalogue.problems();
        if problems.is_empty() {
            Ok(catalogue)
        } else {
            Err(InvalidCatalogue(problems))
        }
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Problems::default();
        for module in &self.modules {
            let of = format!("module {}", module.code);
            problems.once(&of);
            problems.told(&of, ModuleCode::new(&module.code).map(|_| ()));
            problems.told(&of, Name::new(&module.name).map(|_| ()));
            problems.told_if(&of, module.description.as_deref(), |text| {
                Description::new(text).map(|_| ())
            });
            problems.told_if(&of, module.icon.as_deref(), |text| Icon::new(text).map(|_| ()));
            for part in module.resources.iter().chain(&module.actions) {
                problems.told(&format!("{of}, {part}"), ModuleCode::new(part).map(|_| ()));
            }
            for permission in module.permissions() {
                problems.once(&format!("permission {}", permission.code));
            }
        }
        for package in &self.packages {
            let of = format!("package {}", package.code);
            problems.once(&of);
            problems.told(&of, PackageCode::new(&package.code).map(|_| ()));
            problems.told(&of, Name::new(&package.name).map(|_| ()));
            problems.told_if(&of, package.description.as_deref(), |text| {
                Description::new(text).map(|_| ())
            });
            for code in &package.modules {
                problems.once(&format!("{of}, module {code}"));
            }
            for code in &package.withheld {
                problems.once(&format!("{of}, permission {code}"));
            }
            for quota in &package.quotas {
                let of = format!("{of}, quota {} of a {}", quota.metric, quota.period);
                problems.once(&of);
                problems.told(&of, Metric::new(&quota.metric).map(|_| ()));
                problems.check(&of, (0..=LARGEST).contains(&quota.limit), "its limit is out of range");
                problems.check(
                    &of,
                    QuotaPeriod::find(&quota.period).is_some(),
                    "there is no such period",
                );
                problems.check(&of, QuotaMode::find(&quota.mode).is_some(), "there is no such mode");
            }
        }
        problems.list
    }
}

/// What was found wrong so far.
#[derive(Default)]
struct Problems {
    list: Vec<String>,
    seen: HashSet<String>,
}

impl Problems {
    fn check(&mut self, of: &str, holds: bool, otherwise: &str) {
        if !holds {
            self.list.push(format!("{of}: {otherwise}"));
        }
    }

    fn once(&mut self, what: &str) {
        let is_first = self.seen.insert(what.to_owned());
        self.check(what, is_first, "is there twice");
    }

    fn told(&mut self, of: &str, result: Result<(), RuleViolation>) {
        if let Err(violation) = result {
            self.list.push(format!("{of}: {violation}"));
        }
    }

    fn told_if(&mut self, of: &str, text: Option<&str>, check: impl FnOnce(&str) -> Result<(), RuleViolation>) {
        if let Some(text) = text {
            self.told(of, check(text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_catalogue_is_the_contracts() {
        let catalogue = Catalogue::parse(BUILT_IN).unwrap();
        let codes: Vec<_> = catalogue.modules.iter().map(|module| module.code.as_str()).collect();
        assert_eq!(
            codes,
            [
                "FINANCE",
                "INVENTORY",
                "SALES",
                "PURCHASE",
                "HR",
                "FISCAL",
                "CRM",
                "BOOKING"
            ]
        );
        let permissions: Vec<_> = catalogue.modules.iter().flat_map(ModuleEntry::permissions).collect();
        assert_eq!(permissions.len(), 8 * 2 * 5);
        assert!(
            permissions
                .iter()
                .any(|permission| permission.code == "FISCAL_TAX_RULE_APPROVE")
        );
        let packages: Vec<_> = catalogue.packages.iter().map(|package| package.code.as_str()).collect();
        assert_eq!(packages, ["starter", "business", "enterprise"]);
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let text = r#"
            actions = ["READ", "read"]
            [[modules]]
            code = "finance"
            name = "F"
            resources = ["INVOICE"]
            [[packages]]
            code = "starter"
            name = "Starter"
            modules = ["FINANCE", "FINANCE"]
            quotas = [{ metric = "a", limit = -1, period = "week" }]
        "#;
        let problems = Catalogue::parse(text).unwrap_err().0;
        assert_eq!(problems.len(), 6, "{problems:?}");
        assert!(Catalogue::parse("modules = 1").is_err());
        assert!(Catalogue::parse("actions = []\nunknown = 1").is_err());
    }
}
