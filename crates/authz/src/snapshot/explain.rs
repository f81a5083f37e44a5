//! Why somebody may, or may not. For people: it walks the roles again and allocates; the check does not.

use std::collections::VecDeque;
use std::sync::Arc;

use kernel::{ActorKind, Timestamp};
use uuid::Uuid;

use super::Snapshot;
use super::catalogue::{PermissionIndex, SystemRole};
use super::check::Outcome;
use super::escalation::{earlier, later};
use super::graph::{NodeIndex, NodeKind};
use super::rows::{Because, Principal};
use crate::conditions::Condition;
use crate::{PermissionInfo, PermissionScope};

/// Everything there is to say about a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The permission's id.
    pub id: Uuid,
    /// The permission's code.
    pub permission: String,
    /// The decision.
    pub outcome: Outcome,
    /// The ways in which the permission is held, whatever else denies it.
    pub paths: Vec<Path>,
    /// How its module stands.
    pub module: ModuleStanding,
    /// What withholds it.
    pub withheld: Option<Because>,
    /// The code of the organization's package, which decides where [`Because::Package`] stands.
    pub package: Option<String>,
}

/// Whether a module is active, and why or why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleStanding {
    /// The module's code.
    pub module: String,
    /// Whether it is active.
    pub is_active: bool,
    /// What made it so; `None` when nothing is said of it, which makes it inactive.
    pub because: Option<Because>,
}

/// One way in which somebody comes to a permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// How it begins.
    pub via: Via,
    /// From what was granted up to what holds the permission.
    pub steps: Vec<PathStep>,
    /// What it is limited to.
    pub condition: Option<Arc<Condition>>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// How a path begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Via {
    /// With a role.
    Role,
    /// With a group.
    Group,
    /// With a system role.
    System,
    /// With the list of a key or a service account.
    List,
}

impl Via {
    /// The name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::Group => "group",
            Self::System => "system",
            Self::List => "list",
        }
    }
}

/// A step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathStep {
    /// What kind of thing.
    pub kind: StepKind,
    /// Which one; `None` for a system role that the catalogue does not have.
    pub id: Option<Uuid>,
    /// Its code; empty for a key or an account, which have none.
    pub code: String,
    /// The module that the grant is limited to.
    pub module: Option<String>,
}

/// What a step of a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StepKind {
    /// A role of the organization.
    Role,
    /// A group.
    Group,
    /// A system role.
    System,
    /// A service account.
    ServiceAccount,
    /// An API key.
    ApiKey,
}

impl StepKind {
    /// The name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::Group => "group",
            Self::System => "system",
            Self::ServiceAccount => "service_account",
            Self::ApiKey => "api_key",
        }
    }
}

/// A permission that somebody may use now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// The permission.
    pub permission: PermissionIndex,
    /// The conditions, of which any is enough; none when it is held without.
    pub conditions: Vec<Arc<Condition>>,
    /// The ways in which it is held.
    pub paths: Vec<Path>,
    /// When it ends, by its longest way.
    pub expires_at: Option<Timestamp>,
}

impl Snapshot {
    /// Explains what [`Snapshot::decide`] decides.
    #[must_use]
    pub fn explain(&self, principal: Principal, permission: PermissionIndex, now: Timestamp) -> Explanation {
        let module = self.catalogue.module_of(permission);
        let standing = self
            .catalogue
            .module(module)
            .and_then(|module| self.entitlements.module(module, now));
        Explanation {
            id: self.catalogue.id(permission),
            permission: self.catalogue.code(permission).to_owned(),
            outcome: self.decide(principal, permission, now),
            paths: self.paths(principal, permission, now),
            module: ModuleStanding {
                module: module.to_owned(),
                is_active: standing.is_some_and(|(is_active, _)| is_active),
                because: standing.map(|(_, because)| because),
            },
            withheld: self.entitlements.withheld(permission, now),
            package: self.entitlements.package().map(str::to_owned),
        }
    }

    /// As [`Snapshot::explain`], for a permission that the code declares; `None` when the catalogue does not have it.
    #[must_use]
    pub fn explain_declared(
        &self,
        principal: Principal,
        permission: &'static PermissionInfo,
        now: Timestamp,
    ) -> Option<Explanation> {
        let permission = self.catalogue.find_declared(permission)?;
        Some(self.explain(principal, permission, now))
    }

    /// All permissions that somebody may use now, with the ways there, in the order of the catalogue.
    #[must_use]
    pub fn effective(&self, principal: Principal, now: Timestamp) -> Vec<Effective> {
        self.catalogue
            .permissions()
            .filter_map(|permission| {
                let outcome = self.decide(principal, permission, now);
                let conditions: Vec<Arc<Condition>> = match &outcome {
                    Outcome::Denied(_) => return None,
                    Outcome::Allowed => Vec::new(),
                    Outcome::AllowedIf(residual) => residual.conditions().cloned().collect(),
                };
                let expires_at = self
                    .ways(principal, permission, now)
                    .into_iter()
                    // What is held outright lasts as long as that.
                    .filter(|way| way.condition.is_some() != conditions.is_empty())
                    .map(|way| way.expires_at)
                    .reduce(later)
                    .flatten();
                Some(Effective {
                    permission,
                    conditions,
                    paths: self.paths(principal, permission, now),
                    expires_at,
                })
            })
            .collect()
    }

    /// All that a role comes to, with the ways there, module activation and withheld permissions aside. `None` when there is no
    /// such role. Of a `MODULE_MANAGER` there is nothing to tell without a module.
    #[must_use]
    pub fn effective_of_role(&self, role: Uuid) -> Option<Vec<Effective>> {
        let Some(node) = self.graph.role(&self.catalogue, role, None) else {
            return self.catalogue.system_role(role).map(|_| Vec::new());
        };
        let effective = self.catalogue.permissions().filter_map(|permission| {
            let ways = self.node_ways(node, None, permission);
            let conditions: Vec<_> = ways.iter().filter_map(|way| way.condition.clone()).collect();
            (!ways.is_empty()).then(|| Effective {
                permission,
                conditions,
                paths: self.paths_from(node, None, permission),
                expires_at: None,
            })
        });
        Some(effective.collect())
    }

    /// The widest system role that a user holds, by whatever way.
    #[must_use]
    pub fn widest_system_role(&self, user: Uuid, now: Timestamp) -> Option<SystemRole> {
        let (grants, is_active) = self.principals.user(user)?;
        grants
            .at(now)
            .flat_map(|grant| self.above(grant.node))
            .filter_map(|reached| match self.graph.node(reached.node)?.kind {
                NodeKind::System(SystemRole::SuperAdmin) if !self.is_platform => None,
                NodeKind::System(role) => Some(role),
                NodeKind::ModuleManager(_) => Some(SystemRole::ModuleManager),
                NodeKind::Role { .. } | NodeKind::Group { .. } | NodeKind::Vacant => None,
            })
            // They are declared the widest first.
            .min()
            .filter(|_| is_active)
    }

    fn paths(&self, principal: Principal, permission: PermissionIndex, now: Timestamp) -> Vec<Path> {
        if !self.is_platform && self.catalogue.scope(permission) == PermissionScope::Platform {
            return Vec::new();
        }
        let own = |kind| PathStep {
            kind,
            id: Some(principal.id),
            code: String::new(),
            module: None,
        };
        match principal.kind {
            ActorKind::User => match self.principals.user(principal.id) {
                Some((grants, true)) => grants
                    .at(now)
                    .flat_map(|grant| self.paths_from(grant.node, grant.until, permission))
                    .collect(),
                _ => Vec::new(),
            },
            ActorKind::ServiceAccount => match self.principals.account(principal.id) {
                Some((list, true)) if self.list_has(list, permission) => vec![Path {
                    via: Via::List,
                    steps: vec![own(StepKind::ServiceAccount)],
                    condition: None,
                    expires_at: None,
                }],
                _ => Vec::new(),
            },
            ActorKind::ApiKey => match self.principals.key(principal.id, now) {
                Some(key) if key.maker.kind != ActorKind::ApiKey && self.list_has(key.list, permission) => self
                    .paths(key.maker, permission, now)
                    .into_iter()
                    .filter(|path| path.condition.is_none())
                    .map(|path| Path {
                        via: Via::List,
                        steps: std::iter::once(own(StepKind::ApiKey)).chain(path.steps).collect(),
                        condition: None,
                        expires_at: earlier(path.expires_at, key.until),
                    })
                    .collect(),
                _ => Vec::new(),
            },
            ActorKind::System => Vec::new(),
        }
    }

    /// The ways from a grant to whatever above it holds the permission itself: one, and the shortest, to each. All of
    /// them could be exponentially many.
    fn paths_from(&self, grant: NodeIndex, expires_at: Option<Timestamp>, permission: PermissionIndex) -> Vec<Path> {
        let via = match self.graph.node(grant).map(|node| &node.kind) {
            Some(NodeKind::Group { .. }) => Via::Group,
            Some(NodeKind::System(_) | NodeKind::ModuleManager(_)) => Via::System,
            Some(NodeKind::Role { .. } | NodeKind::Vacant) | None => Via::Role,
        };
        let reached = self.above(grant);
        let mut paths = Vec::new();
        for (position, end) in reached.iter().enumerate() {
            let Some(node) = self.graph.node(end.node) else {
                continue;
            };
            let outright = self.graph.holds_directly(end.node, permission).then_some(None);
            let conditional = node
                .conditional
                .iter()
                .filter(|held| held.permission == permission)
                .filter_map(|held| self.graph.condition(held))
                .map(|condition| Some(Arc::clone(condition)));
            for condition in outright.into_iter().chain(conditional) {
                paths.push(Path {
                    via,
                    steps: self.steps(&reached, position),
                    condition,
                    expires_at,
                });
            }
        }
        paths
    }

    /// The node and all above it, each once, the nearest first.
    fn above(&self, node: NodeIndex) -> Vec<Reached> {
        let mut reached = vec![Reached { node, from: None }];
        let mut queue = VecDeque::from([0]);
        while let Some(position) = queue.pop_front() {
            let parents = reached
                .get(position)
                .and_then(|reached| self.graph.node(reached.node))
                .map_or(&[][..], |node| &node.parents);
            for &parent in parents {
                if !reached.iter().any(|known| known.node == parent) {
                    queue.push_back(reached.len());
                    reached.push(Reached {
                        node: parent,
                        from: Some(position),
                    });
                }
            }
        }
        reached
    }

    fn steps(&self, reached: &[Reached], end: usize) -> Vec<PathStep> {
        let places = std::iter::successors(Some(end), |&place| reached.get(place)?.from);
        let mut steps: Vec<PathStep> = places
            .filter_map(|place| Some(self.step(&self.graph.node(reached.get(place)?.node)?.kind)))
            .collect();
        steps.reverse();
        steps
    }

    fn step(&self, kind: &NodeKind) -> PathStep {
        let system = |role: SystemRole, module| PathStep {
            kind: StepKind::System,
            id: self.catalogue.system_role_id(role),
            code: role.code().to_owned(),
            module,
        };
        match kind {
            NodeKind::System(role) => system(*role, None),
            NodeKind::ModuleManager(module) => system(
                SystemRole::ModuleManager,
                Some(self.catalogue.module_code(*module).to_owned()),
            ),
            NodeKind::Role { id, code } => PathStep {
                kind: StepKind::Role,
                id: Some(*id),
                code: code.to_string(),
                module: None,
            },
            NodeKind::Group { id, code } => PathStep {
                kind: StepKind::Group,
                id: Some(*id),
                code: code.to_string(),
                module: None,
            },
            // Nothing hangs on it, so no path leads there.
            NodeKind::Vacant => PathStep {
                kind: StepKind::Role,
                id: None,
                code: String::new(),
                module: None,
            },
        }
    }
}

/// A node that was reached, and the place of the one below it.
struct Reached {
    node: NodeIndex,
    from: Option<usize>,
}
