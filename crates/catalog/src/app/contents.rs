//! What clients write of a package's contents, resolved to what there is.

use std::collections::{HashMap, HashSet};

use contracts::catalog::{ModuleId, PermissionId, QuotaMode, QuotaPeriod};
use db::{DbError, Scope};
use futures_util::try_join;
use kernel::{Id as _, Rule, RuleViolation};

use super::Refusal;
use crate::domain::{Metric, NamedModule, NamedPermission, Terms, one_for_each};
use crate::store::{modules, permissions};

/// A quota as somebody asked for it.
#[derive(Debug, Clone)]
pub(crate) struct AskedTerms {
    pub(crate) metric: Metric,
    pub(crate) limit: i64,
    pub(crate) period: QuotaPeriod,
    pub(crate) mode: QuotaMode,
}

impl AskedTerms {
    pub(super) fn into_terms(self) -> Terms {
        Terms {
            metric: self.metric.into_string(),
            limit: self.limit,
            period: self.period,
            mode: self.mode,
        }
    }
}

/// Contents as somebody asked for them; what is `None` was not asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct AskedContents {
    pub(crate) modules: Option<Vec<String>>,
    pub(crate) withheld: Option<Vec<String>>,
    pub(crate) quotas: Option<Vec<AskedTerms>>,
}

/// Contents that are there.
#[derive(Debug, Clone, Default)]
pub(crate) struct Resolved {
    pub(crate) modules: Option<Vec<NamedModule>>,
    pub(crate) withheld: Option<Vec<NamedPermission>>,
    pub(crate) quotas: Option<Vec<Terms>>,
}

/// The codes of everything there is.
pub(super) struct Codes {
    modules: HashMap<String, ModuleId>,
    permissions: HashMap<String, PermissionId>,
}

impl Codes {
    pub(super) async fn read(scope: Scope<'_>) -> Result<Self, DbError> {
        let (modules, permissions) = try_join!(modules::facts(scope), permissions::rows(scope))?;
        Ok(Self {
            modules: modules.into_iter().map(|module| (module.code, module.id)).collect(),
            permissions: permissions
                .into_iter()
                .map(|permission| (permission.code, PermissionId::from_uuid(permission.id)))
                .collect(),
        })
    }

    pub(super) fn module(&self, code: &str) -> Option<ModuleId> {
        self.modules.get(code).copied()
    }

    pub(super) fn permission(&self, code: &str) -> Option<PermissionId> {
        self.permissions.get(code).copied()
    }
}

/// Finds everything that a list of codes names; what it does not find, and what is named twice, is told at its place.
pub(super) fn found<I>(
    codes: Vec<String>,
    place: impl Fn(usize) -> String,
    find: impl Fn(&str) -> Option<I>,
    problems: &mut Vec<RuleViolation>,
) -> Vec<(String, I)> {
    let mut seen = HashSet::new();
    let mut found = Vec::with_capacity(codes.len());
    for (number, code) in codes.into_iter().enumerate() {
        let rule = match find(&code) {
            _ if !seen.insert(code.clone()) => Rule::DuplicateField,
            None => Rule::UnknownCode,
            Some(id) => {
                found.push((code, id));
                continue;
            }
        };
        problems.push(RuleViolation::new(place(number), rule));
    }
    found
}

/// Finds what was asked for.
///
/// # Errors
/// [`Refusal::Invalid`] with every unknown or repeated code, and every second quota of one metric and period.
pub(crate) async fn resolve(scope: Scope<'_>, asked: AskedContents) -> Result<Resolved, Refusal> {
    let codes = Codes::read(scope).await?;
    let mut problems = Vec::new();
    let modules = asked.modules.map(|modules| {
        let place = |number| format!("modules[{number}]");
        let named = found(modules, place, |code| codes.module(code), &mut problems).into_iter();
        named.map(|(code, id)| NamedModule { code, id }).collect()
    });
    let withheld = asked.withheld.map(|permissions| {
        let place = |number| format!("withheldPermissions[{number}]");
        let named = found(permissions, place, |code| codes.permission(code), &mut problems).into_iter();
        named.map(|(code, id)| NamedPermission { code, id }).collect()
    });
    let quotas = asked
        .quotas
        .map(|quotas| quotas.into_iter().map(AskedTerms::into_terms).collect::<Vec<_>>());
    let terms = quotas
        .iter()
        .flatten()
        .map(|terms| (terms.metric.as_str(), terms.period));
    problems.extend(one_for_each("quotas", terms).err().into_iter().flatten());
    if problems.is_empty() {
        Ok(Resolved {
            modules,
            withheld,
            quotas,
        })
    } else {
        Err(Refusal::Invalid(problems))
    }
}
