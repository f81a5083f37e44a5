//! The check: no lock, no allocation, nothing that grows with the number of users, roles or permissions.

use std::sync::Arc;

use kernel::{Actor, ActorKind, Timestamp};

use super::Snapshot;
use super::catalogue::PermissionIndex;
use super::graph::Graph;
use super::principals::Grants;
use super::rows::Principal;
use crate::conditions::{Object, Residual, Variables};
use crate::{Decision, PermissionInfo, PermissionScope, Step};

/// The outcome of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is allowed.
    Allowed,
    /// It is allowed for what the residual condition holds of.
    AllowedIf(Residual),
    /// It is denied, at this step.
    Denied(Step),
}

impl Outcome {
    /// Whether it is allowed, for some objects at least.
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        !matches!(self, Self::Denied(_))
    }

    /// The step at which it is denied for this object; `None` if it is allowed.
    #[must_use]
    pub fn denied_at(&self, object: &(impl Object + ?Sized), variables: &Variables<'_>) -> Option<Step> {
        match self {
            Self::Allowed => None,
            Self::AllowedIf(residual) if residual.evaluate(object, variables).holds() => None,
            Self::AllowedIf(_) => Some(Step::Condition),
            Self::Denied(step) => Some(*step),
        }
    }
}

/// How somebody holds a permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Holding {
    Not,
    Outright,
    If(Residual),
}

impl Snapshot {
    /// Decides whether `actor` may use `permission` in this organization at the instant `now`.
    ///
    /// It takes some ten nanoseconds and allocates nothing, unless more than four different conditions apply to this
    /// permission of this actor.
    pub fn check(&self, actor: &Actor, permission: &'static PermissionInfo, now: Timestamp) -> Decision {
        let outcome = match self.catalogue.find_declared(permission) {
            Some(index) => self.decide(actor.into(), index, now),
            None => Outcome::Denied(self.unknown(permission)),
        };
        Decision::made(actor, self.organization, permission, outcome)
    }

    /// Decides whether a service account of the platform organization, whose snapshot this is, may use `permission` in
    /// the organization of `target`: by its own list, and by what that organization may use.
    pub fn check_in(
        &self,
        target: &Self,
        actor: &Actor,
        permission: &'static PermissionInfo,
        now: Timestamp,
    ) -> Decision {
        let outcome = match target.catalogue.find_declared(permission) {
            Some(index) => target.decide_with(index, now, || {
                let is_guest = self.is_platform && actor.kind == ActorKind::ServiceAccount;
                // The two snapshots need not be of the same catalogue.
                match self.catalogue.find_declared(permission) {
                    Some(index) if is_guest => self.holding(actor.into(), index, now),
                    _ => Holding::Not,
                }
            }),
            None => Outcome::Denied(target.unknown(permission)),
        };
        Decision::made(actor, target.organization, permission, outcome)
    }

    /// As [`Snapshot::check`], for a permission that was looked up in this snapshot's catalogue: those that the platform creates
    /// are known there and not in the code.
    #[must_use]
    pub fn decide(&self, principal: Principal, permission: PermissionIndex, now: Timestamp) -> Outcome {
        self.decide_with(permission, now, || self.holding(principal, permission, now))
    }

    /// As [`Snapshot::check_in`], for a permission that was looked up in the catalogue of `target`.
    #[must_use]
    pub fn decide_in(
        &self,
        target: &Self,
        principal: Principal,
        permission: PermissionIndex,
        now: Timestamp,
    ) -> Outcome {
        target.decide_with(permission, now, || {
            let is_guest = self.is_platform && principal.kind == ActorKind::ServiceAccount;
            match self.catalogue.find(target.catalogue.code(permission)) {
                Some(permission) if is_guest => self.holding(principal, permission, now),
                _ => Holding::Not,
            }
        })
    }

    fn decide_with(&self, permission: PermissionIndex, now: Timestamp, holding: impl FnOnce() -> Holding) -> Outcome {
        if !self.is_platform && self.catalogue.scope(permission) == PermissionScope::Platform {
            return Outcome::Denied(Step::Scope);
        }
        let obstacle = self.entitlements.obstacle(permission, now);
        if obstacle == Some(Step::Module) {
            return Outcome::Denied(Step::Module);
        }
        match (holding(), obstacle) {
            (Holding::Not, _) => Outcome::Denied(Step::Grant),
            (_, Some(step)) => Outcome::Denied(step),
            (Holding::Outright, None) => Outcome::Allowed,
            (Holding::If(residual), None) => Outcome::AllowedIf(residual),
        }
    }

    /// The step at which a permission is denied that the catalogue does not have.
    fn unknown(&self, permission: &PermissionInfo) -> Step {
        if permission.scope == PermissionScope::Platform && !self.is_platform {
            Step::Scope
        } else {
            Step::Grant
        }
    }

    /// How somebody holds a permission, active modules and withheld permissions aside. Who is inactive holds nothing.
    pub(super) fn holding(&self, principal: Principal, permission: PermissionIndex, now: Timestamp) -> Holding {
        match principal.kind {
            ActorKind::User => match self.principals.user(principal.id) {
                Some((grants, true)) => of_user(&self.graph, grants, permission, now),
                _ => Holding::Not,
            },
            ActorKind::ServiceAccount => match self.principals.account(principal.id) {
                Some((list, true)) => self.of_list(list, permission),
                _ => Holding::Not,
            },
            ActorKind::ApiKey => {
                let Some(key) = self.principals.key(principal.id, now) else {
                    return Holding::Not;
                };
                // A list says outright, and nobody gives away outright what he holds under a condition: a key is worth
                // what its maker could still put on its list. It also keeps `${user.id}` from meaning the key.
                // Keys are not made by keys: that a chain of them might go round is no question.
                if self.list_has(key.list, permission)
                    && key.maker.kind != ActorKind::ApiKey
                    && self.holding(key.maker, permission, now) == Holding::Outright
                {
                    Holding::Outright
                } else {
                    Holding::Not
                }
            }
            ActorKind::System => Holding::Not,
        }
    }

    fn of_list(&self, list: usize, permission: PermissionIndex) -> Holding {
        if self.list_has(list, permission) {
            Holding::Outright
        } else {
            Holding::Not
        }
    }
}

fn of_user(graph: &Graph, grants: Grants<'_>, permission: PermissionIndex, now: Timestamp) -> Holding {
    let mut is_limited = false;
    for grant in grants.at(now) {
        if graph.holds(grant.node, permission) {
            return Holding::Outright;
        }
        is_limited |= graph.holds_under_condition(grant.node, permission);
    }
    if !is_limited {
        return Holding::Not;
    }
    let mut conditions = grants
        .at(now)
        .flat_map(|grant| graph.conditions_for(grant.node, permission));
    match conditions.next() {
        None => Holding::Not,
        Some(first) => Holding::If(conditions.fold(Residual::of(Arc::clone(first)), Residual::or)),
    }
}
