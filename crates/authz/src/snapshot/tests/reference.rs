//! A second way to decide, for comparison: from the rows, question by question, with nothing resolved beforehand.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{ActorKind, Timestamp};
use uuid::Uuid;

use super::world::{World, system};
use crate::snapshot::{Outcome, PermissionRow, Principal, SystemRole};
use crate::{PermissionScope, Step};

/// A way to hold a permission: the text of a condition, and an end.
pub(super) type Way = (Option<String>, Option<Timestamp>);

pub(super) struct Reference<'w>(pub(super) &'w World);

/// An outcome with its conditions as a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expected {
    Allowed,
    AllowedIf(BTreeSet<String>),
    Denied(Step),
}

impl From<&Outcome> for Expected {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Allowed => Self::Allowed,
            Outcome::AllowedIf(residual) => Self::AllowedIf(
                residual
                    .conditions()
                    .map(|condition| condition.source().to_owned())
                    .collect(),
            ),
            Outcome::Denied(step) => Self::Denied(*step),
        }
    }
}

impl Reference<'_> {
    pub(super) fn decide(&self, principal: Principal, permission: &PermissionRow, now: Timestamp) -> Expected {
        if permission.scope == PermissionScope::Platform && !self.0.is_platform {
            return Expected::Denied(Step::Scope);
        }
        let states: Vec<bool> = self
            .0
            .rows
            .modules
            .iter()
            .filter(|row| row.module == permission.module && row.period.contains(now))
            .map(|row| row.is_active)
            .collect();
        if states.is_empty() || states.contains(&false) {
            return Expected::Denied(Step::Module);
        }
        let ways = self.ways(principal, permission, now);
        if ways.is_empty() {
            return Expected::Denied(Step::Grant);
        }
        let mut withheld = self.0.rows.withheld.iter();
        if withheld.any(|row| row.permission == permission.id && row.period.contains(now)) {
            return Expected::Denied(Step::Withheld);
        }
        if ways.iter().any(|(condition, _)| condition.is_none()) {
            return Expected::Allowed;
        }
        Expected::AllowedIf(ways.into_iter().filter_map(|(condition, _)| condition).collect())
    }

    pub(super) fn ways(&self, principal: Principal, permission: &PermissionRow, now: Timestamp) -> BTreeSet<Way> {
        if permission.scope == PermissionScope::Platform && !self.0.is_platform {
            return BTreeSet::new();
        }
        let rows = &self.0.rows;
        let id = principal.id;
        match principal.kind {
            ActorKind::User => {
                let mut ways = BTreeSet::new();
                if rows.users.iter().any(|row| row.id == id && row.is_active) {
                    for row in rows.user_roles.iter().filter(|row| row.user == id) {
                        if row.expires_at.is_none_or(|end| end > now) {
                            let conditions = self.of_role(row.role, row.module.as_deref(), permission);
                            ways.extend(conditions.into_iter().map(|condition| (condition, row.expires_at)));
                        }
                    }
                    for row in rows.members.iter().filter(|row| row.user == id) {
                        let conditions = self.of_group(row.group, permission);
                        ways.extend(conditions.into_iter().map(|condition| (condition, None)));
                    }
                }
                ways
            }
            ActorKind::ServiceAccount => {
                let is_active = rows.accounts.iter().any(|row| row.id == id && row.is_active);
                let mut list = rows.account_permissions.iter();
                if is_active && list.any(|row| row.account == id && row.permission == permission.id) {
                    BTreeSet::from([(None, None)])
                } else {
                    BTreeSet::new()
                }
            }
            ActorKind::ApiKey => {
                let mut list = rows.key_permissions.iter();
                let key = rows.keys.iter().find(|row| row.id == id);
                match key.filter(|_| list.any(|row| row.key == id && row.permission == permission.id)) {
                    Some(key) if key.expires_at.is_none_or(|end| end > now) && key.maker.kind != ActorKind::ApiKey => {
                        self.ways(key.maker, permission, now)
                            .into_iter()
                            .filter(|(condition, _)| condition.is_none())
                            .map(|(_, end)| (None, [end, key.expires_at].into_iter().flatten().min()))
                            .collect()
                    }
                    _ => BTreeSet::new(),
                }
            }
            ActorKind::System => BTreeSet::new(),
        }
    }

    /// The conditions under which a grant of the role gives the permission; `None` among them means without.
    pub(super) fn of_role(
        &self,
        role: Uuid,
        module: Option<&str>,
        permission: &PermissionRow,
    ) -> BTreeSet<Option<String>> {
        if role == system(SystemRole::ModuleManager) {
            let gives = module == Some(&permission.module) && permission.scope == PermissionScope::Tenant;
            return if gives { BTreeSet::from([None]) } else { BTreeSet::new() };
        }
        if module.is_some() {
            return BTreeSet::new();
        }
        simplified(
            self.above(role)
                .into_iter()
                .flat_map(|role| self.direct(role, permission))
                .collect(),
        )
    }

    pub(super) fn of_group(&self, group: Uuid, permission: &PermissionRow) -> BTreeSet<Option<String>> {
        let rows = &self.0.rows;
        if !rows.groups.iter().any(|row| row.id == group) {
            return BTreeSet::new();
        }
        let mut conditions = BTreeSet::new();
        let mut direct = rows.group_permissions.iter();
        if direct.any(|row| row.group == group && row.permission == permission.id) {
            conditions.insert(None);
        }
        for row in rows.group_roles.iter().filter(|row| row.group == group) {
            if row.role != system(SystemRole::ModuleManager) {
                conditions.extend(self.of_role(row.role, None, permission));
            }
        }
        simplified(conditions)
    }

    /// The role and those it inherits from.
    fn above(&self, role: Uuid) -> BTreeSet<Uuid> {
        let mut above = BTreeSet::new();
        let mut todo = vec![role];
        while let Some(role) = todo.pop() {
            if role != system(SystemRole::ModuleManager) && above.insert(role) {
                let parents = self.0.rows.role_parents.iter().filter(|row| row.role == role);
                todo.extend(parents.map(|row| row.parent));
            }
        }
        above
    }

    /// What the role itself has.
    fn direct(&self, role: Uuid, permission: &PermissionRow) -> Vec<Option<String>> {
        let is_tenant = permission.scope == PermissionScope::Tenant;
        let system_role = SystemRole::ALL.into_iter().find(|&known| system(known) == role);
        let gives = match system_role {
            Some(SystemRole::SuperAdmin) => self.0.is_platform,
            Some(SystemRole::OrgAdmin) => is_tenant,
            Some(SystemRole::Viewer) => permission.action == "READ" && (is_tenant || self.0.is_platform),
            Some(SystemRole::ModuleManager) => false,
            None => {
                if !self.0.rows.roles.iter().any(|row| row.id == role) {
                    return Vec::new();
                }
                let rows = self.0.rows.role_permissions.iter();
                return rows
                    .filter(|row| row.role == role && row.permission == permission.id)
                    .map(|row| row.condition.as_ref().map(|condition| condition.source().to_owned()))
                    // The condition that holds of everything is none.
                    .map(|condition| condition.filter(|condition| condition != "{}"))
                    .collect();
            }
        };
        if gives { vec![None] } else { Vec::new() }
    }

    /// What whoever is granted the role gets.
    pub(super) fn offers_of_role(
        &self,
        role: Uuid,
        module: Option<&str>,
    ) -> BTreeMap<String, BTreeSet<Option<String>>> {
        self.offers(|permission| self.of_role(role, module, permission))
    }

    pub(super) fn offers_of_group(&self, group: Uuid) -> BTreeMap<String, BTreeSet<Option<String>>> {
        self.offers(|permission| self.of_group(group, permission))
    }

    fn offers(
        &self,
        of: impl Fn(&PermissionRow) -> BTreeSet<Option<String>>,
    ) -> BTreeMap<String, BTreeSet<Option<String>>> {
        self.0
            .permissions
            .iter()
            .filter(|permission| permission.scope == PermissionScope::Tenant || self.0.is_platform)
            .map(|permission| (permission.code.clone(), of(permission)))
            .filter(|(_, conditions)| !conditions.is_empty())
            .collect()
    }
}

/// Beside a way without a condition, those with one say nothing.
fn simplified(conditions: BTreeSet<Option<String>>) -> BTreeSet<Option<String>> {
    if conditions.contains(&None) {
        BTreeSet::from([None])
    } else {
        conditions
    }
}
