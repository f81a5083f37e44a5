//! Nobody grants beyond what they hold.

use std::sync::Arc;

use kernel::{ActorKind, Timestamp};
use uuid::Uuid;

use super::Snapshot;
use super::bits;
use super::catalogue::{PermissionIndex, SystemRole};
use super::graph::NodeIndex;
use super::rows::Principal;
use crate::PermissionScope;
use crate::conditions::Condition;

/// A permission that somebody is about to grant, or take charge of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The permission.
    pub permission: PermissionIndex,
    /// What it is limited to.
    pub condition: Option<Arc<Condition>>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// One way in which the giver holds a permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// What it is limited to.
    pub condition: Option<Arc<Condition>>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// A grant that would go beyond what the giver holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Escalation {
    /// The permission.
    pub permission: PermissionIndex,
    /// In what it would go beyond.
    pub reason: EscalationReason,
}

/// In what a grant would go beyond what the giver holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum EscalationReason {
    /// The permission can be held in the platform organization alone.
    #[error("the permission belongs to the platform organization")]
    Platform,
    /// The giver does not hold it.
    #[error("the giver does not hold the permission")]
    NotHeld,
    /// The giver holds it under a condition that the grant does not have.
    #[error("the giver holds the permission only under a condition")]
    Condition,
    /// The giver's own ends before.
    #[error("the giver's own grant ends before")]
    Outlives,
}

/// Whether somebody who holds a permission in the ways `held` may make the offer.
///
/// One way must carry all of it: unconditional for an unconditional offer, else unconditional or under a condition that the
/// offer's own implies ([`Condition::implies`]); and it must last as long. A condition speaks about whoever uses the
/// permission: what is granted with `${user.id}` reaches the receiver's objects, not the giver's.
///
/// # Errors
/// The reason nearest to being allowed.
pub fn may_grant(
    held: &[Held],
    offer: &Offer,
    is_platform_scope: bool,
    is_platform: bool,
) -> Result<(), EscalationReason> {
    if is_platform_scope && !is_platform {
        return Err(EscalationReason::Platform);
    }
    if held.is_empty() {
        return Err(EscalationReason::NotHeld);
    }
    let mut reason = EscalationReason::Condition;
    for way in held {
        let is_wide_enough = match (&way.condition, &offer.condition) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(held), Some(offered)) => offered.implies(held),
        };
        let lasts = match (way.expires_at, offer.expires_at) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(held), Some(offered)) => offered <= held,
        };
        match (is_wide_enough, lasts) {
            (true, true) => return Ok(()),
            (true, false) => reason = EscalationReason::Outlives,
            (false, _) => {}
        }
    }
    Err(reason)
}

impl Snapshot {
    /// Whether `giver` may grant all of the offers, or act on somebody who holds them. Judged without module activation
    /// and withheld permissions: what sleeps today may be awake tomorrow.
    ///
    /// # Errors
    /// The first offer that goes beyond what the giver holds.
    pub fn may_grant(&self, giver: Principal, offers: &[Offer], now: Timestamp) -> Result<(), Escalation> {
        for offer in offers {
            let permission = offer.permission;
            let is_platform_scope = self.catalogue.scope(permission) == PermissionScope::Platform;
            let held = self.ways(giver, permission, now);
            may_grant(&held, offer, is_platform_scope, self.is_platform)
                .map_err(|reason| Escalation { permission, reason })?;
        }
        Ok(())
    }

    /// The ways in which somebody holds a permission, module activation and withheld permissions aside. Who is inactive
    /// holds nothing.
    #[must_use]
    pub fn ways(&self, principal: Principal, permission: PermissionIndex, now: Timestamp) -> Vec<Held> {
        match principal.kind {
            ActorKind::User => match self.principals.user(principal.id) {
                Some((grants, true)) => grants
                    .at(now)
                    .flat_map(|grant| self.node_ways(grant.node, grant.until, permission))
                    .collect(),
                _ => Vec::new(),
            },
            ActorKind::ServiceAccount => match self.principals.account(principal.id) {
                Some((list, true)) if self.list_has(list, permission) => vec![Held {
                    condition: None,
                    expires_at: None,
                }],
                _ => Vec::new(),
            },
            ActorKind::ApiKey => match self.principals.key(principal.id, now) {
                Some(key) if key.maker.kind != ActorKind::ApiKey && self.list_has(key.list, permission) => self
                    .ways(key.maker, permission, now)
                    .into_iter()
                    .filter(|held| held.condition.is_none())
                    .map(|held| Held {
                        condition: None,
                        expires_at: earlier(held.expires_at, key.until),
                    })
                    .collect(),
                _ => Vec::new(),
            },
            ActorKind::System => Vec::new(),
        }
    }

    /// Whether there is such a role here: a system role, or one of the organization's that was told of.
    #[must_use]
    pub fn knows_role(&self, role: Uuid) -> bool {
        self.catalogue.system_role(role).is_some() || self.graph.role(&self.catalogue, role, None).is_some()
    }

    /// What whoever is granted the role gets, until `expires_at`. `module` is the module of a `MODULE_MANAGER`'s grant.
    /// `None` when there is no such role.
    ///
    /// Of `SUPER_ADMIN` it is every permission, also where it is worth nothing: so nobody can grant it there.
    #[must_use]
    pub fn offers_of_role(
        &self,
        role: Uuid,
        module: Option<&str>,
        expires_at: Option<Timestamp>,
    ) -> Option<Vec<Offer>> {
        let offer = |permission| Offer {
            permission,
            condition: None,
            expires_at,
        };
        let system = self.catalogue.system_role(role);
        if system == Some(SystemRole::SuperAdmin) && module.is_none() {
            return Some(self.catalogue.permissions().map(offer).collect());
        }
        if let Some(node) = self.graph.role(&self.catalogue, role, module) {
            return Some(self.offers_of(node, expires_at));
        }
        // The manager of a module of which there is none yet has no node.
        if system != Some(SystemRole::ModuleManager) {
            return None;
        }
        let module = self.catalogue.module(module?)?;
        let held = self
            .catalogue
            .held_by(SystemRole::ModuleManager, Some(module), self.is_platform);
        Some(bits::members(&held).map(offer).collect())
    }

    /// What whoever becomes a member of the group gets. `None` when there is no such group.
    #[must_use]
    pub fn offers_of_group(&self, group: Uuid) -> Option<Vec<Offer>> {
        self.graph.group(group).map(|node| self.offers_of(node, None))
    }

    /// All that somebody holds, or would hold if active: what who changes, deactivates, re-activates or logs out a user
    /// must hold as well. Empty for somebody unknown.
    #[must_use]
    pub fn offers_of_principal(&self, principal: Principal, now: Timestamp) -> Vec<Offer> {
        let of_list = |list: usize, expires_at: Option<Timestamp>| {
            bits::members(self.principals.list(list))
                .filter(|&permission| self.list_has(list, permission))
                .map(|permission| Offer {
                    permission,
                    condition: None,
                    expires_at,
                })
                .collect()
        };
        match principal.kind {
            ActorKind::User => self.principals.user(principal.id).map_or_else(Vec::new, |(grants, _)| {
                let offers = grants.at(now).flat_map(|grant| self.offers_of(grant.node, grant.until));
                offers.collect()
            }),
            ActorKind::ServiceAccount => self
                .principals
                .account(principal.id)
                .map_or_else(Vec::new, |(list, _)| of_list(list, None)),
            ActorKind::ApiKey => self
                .principals
                .key(principal.id, now)
                .map_or_else(Vec::new, |key| of_list(key.list, key.until)),
            ActorKind::System => Vec::new(),
        }
    }

    fn offers_of(&self, node: NodeIndex, expires_at: Option<Timestamp>) -> Vec<Offer> {
        let outright = self.graph.effective(node).map(|permission| Offer {
            permission,
            condition: None,
            expires_at,
        });
        let conditional = self.graph.conditional(node).iter().filter_map(|held| {
            Some(Offer {
                permission: held.permission,
                condition: Some(Arc::clone(self.graph.condition(held)?)),
                expires_at,
            })
        });
        outright.chain(conditional).collect()
    }

    pub(super) fn node_ways(
        &self,
        node: NodeIndex,
        expires_at: Option<Timestamp>,
        permission: PermissionIndex,
    ) -> Vec<Held> {
        if self.graph.holds(node, permission) {
            return vec![Held {
                condition: None,
                expires_at,
            }];
        }
        self.graph
            .conditions_for(node, permission)
            .map(|condition| Held {
                condition: Some(Arc::clone(condition)),
                expires_at,
            })
            .collect()
    }

    /// Whether a list has the permission, and it can be held here.
    pub(super) fn list_has(&self, list: usize, permission: PermissionIndex) -> bool {
        let fits = self.is_platform || self.catalogue.scope(permission) == PermissionScope::Tenant;
        fits && self.principals.lists(list, permission)
    }
}

/// The end of what ends with either.
pub(super) fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// The end of what lasts as long as either.
pub(super) fn later(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.and_then(|one| other.map(|other| one.max(other)))
}
