//! Roles and groups with what they hold, inherited permissions included.

use std::collections::HashMap;
use std::sync::Arc;

use uuid::Uuid;

use super::TooLarge;
use super::bits::{self, BitRows};
use super::catalogue::{Catalogue, ModuleIndex, PermissionIndex, SystemRole};
use super::ids::IdMap;
use super::rows::Rows;
use crate::conditions::Condition;

/// The number of a node, the same as long as snapshots are made of each other.
pub(super) type NodeIndex = u32;

/// Something that permissions hang on.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) kind: NodeKind,
    /// Where it inherits from; of a group, its roles.
    pub(super) parents: Box<[NodeIndex]>,
    /// What it holds itself under a condition.
    pub(super) conditional: Box<[Conditional]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NodeKind {
    System(SystemRole),
    ModuleManager(ModuleIndex),
    Role {
        id: Uuid,
        code: Box<str>,
    },
    Group {
        id: Uuid,
        code: Box<str>,
    },
    /// It was deleted. Its number is not given to another: a user's grant may still name it.
    Vacant,
}

/// A permission held under a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Conditional {
    pub(super) permission: PermissionIndex,
    pub(super) condition: u32,
}

/// The nodes of an organization. Immutable; a change makes a new one, in which the nodes keep their numbers.
#[derive(Debug)]
pub(super) struct Graph {
    nodes: Vec<Node>,
    direct: BitRows,
    effective: BitRows,
    /// Of what the nodes hold under conditions and not without, a bit each; no row where there is nothing.
    limited: BitRows,
    /// The same with the conditions, inherited ones included: those of the node `n` are at
    /// `conditional_ends[n - 1]..conditional_ends[n]`, in order.
    conditional: Vec<Conditional>,
    conditional_ends: Vec<u32>,
    conditions: Vec<Arc<Condition>>,
    roles: IdMap,
    groups: IdMap,
    vacant: usize,
}

impl Graph {
    /// Whether the node holds the permission without a condition.
    pub(super) fn holds(&self, node: NodeIndex, permission: PermissionIndex) -> bool {
        self.effective.has(node as usize, permission)
    }

    /// Whether the node holds the permission under a condition, and not without.
    pub(super) fn holds_under_condition(&self, node: NodeIndex, permission: PermissionIndex) -> bool {
        self.limited.has(node as usize, permission)
    }

    /// What the node holds under conditions and not without.
    pub(super) fn conditional(&self, node: NodeIndex) -> &[Conditional] {
        let end = |node: usize| self.conditional_ends.get(node).map_or(0, |&end| end as usize);
        let node = node as usize;
        let start = node.checked_sub(1).map_or(0, end);
        self.conditional.get(start..end(node)).unwrap_or_default()
    }

    /// The conditions under which the node holds the permission.
    pub(super) fn conditions_for(
        &self,
        node: NodeIndex,
        permission: PermissionIndex,
    ) -> impl Iterator<Item = &Arc<Condition>> {
        let all = self.conditional(node);
        let start = all.partition_point(|held| held.permission < permission);
        all.get(start..)
            .unwrap_or_default()
            .iter()
            .take_while(move |held| held.permission == permission)
            .filter_map(|held| self.condition(held))
    }

    pub(super) fn condition(&self, held: &Conditional) -> Option<&Arc<Condition>> {
        self.conditions.get(held.condition as usize)
    }

    /// All that the node holds without a condition.
    pub(super) fn effective(&self, node: NodeIndex) -> impl Iterator<Item = PermissionIndex> {
        bits::members(self.effective.row(node as usize))
    }

    /// Whether the node itself, not one above it, holds the permission without a condition.
    pub(super) fn holds_directly(&self, node: NodeIndex, permission: PermissionIndex) -> bool {
        self.direct.has(node as usize, permission)
    }

    pub(super) fn node(&self, node: NodeIndex) -> Option<&Node> {
        self.nodes.get(node as usize)
    }

    /// The node of a role, the organization's own or a system role (of a module, for the manager).
    pub(super) fn role(&self, catalogue: &Catalogue, id: Uuid, module: Option<&str>) -> Option<NodeIndex> {
        match (catalogue.system_role(id), module) {
            (None, None) => self.roles.get(id),
            // Only the manager's grant is limited to a module: of another role it would not be known what is meant.
            (None, Some(_)) => None,
            (Some(role), module) => self.system(role, module_of(catalogue, role, module)?),
        }
    }

    pub(super) fn group(&self, id: Uuid) -> Option<NodeIndex> {
        self.groups.get(id)
    }

    fn system(&self, role: SystemRole, module: Option<ModuleIndex>) -> Option<NodeIndex> {
        system(&self.nodes, role, module)
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) const fn vacant(&self) -> usize {
        self.vacant
    }

    /// Heap memory, in bytes, with the conditions.
    pub(super) fn footprint(&self) -> usize {
        let nodes: usize = self
            .nodes
            .iter()
            .map(|node| {
                let code = match &node.kind {
                    NodeKind::Role { code, .. } | NodeKind::Group { code, .. } => code.len(),
                    NodeKind::System(_) | NodeKind::ModuleManager(_) | NodeKind::Vacant => 0,
                };
                code + size_of_val(&*node.parents) + size_of_val(&*node.conditional)
            })
            .sum();
        let conditions: usize = self.conditions.iter().map(|condition| condition.footprint()).sum();
        nodes
            + self.nodes.capacity() * size_of::<Node>()
            + self.direct.footprint()
            + self.effective.footprint()
            + self.limited.footprint()
            + self.conditional.capacity() * size_of::<Conditional>()
            + self.conditional_ends.capacity() * size_of::<u32>()
            + self.conditions.capacity() * size_of::<Arc<Condition>>()
            + conditions
            + self.roles.footprint()
            + self.groups.footprint()
    }
}

/// The module that a grant of the system role is about; `None` if the grant means nothing.
fn module_of(catalogue: &Catalogue, role: SystemRole, module: Option<&str>) -> Option<Option<ModuleIndex>> {
    match (role, module) {
        (SystemRole::ModuleManager, Some(module)) => catalogue.module(module).map(Some),
        (SystemRole::SuperAdmin | SystemRole::OrgAdmin | SystemRole::Viewer, None) => Some(None),
        _ => None,
    }
}

fn system(nodes: &[Node], role: SystemRole, module: Option<ModuleIndex>) -> Option<NodeIndex> {
    let wanted = match module {
        Some(module) => NodeKind::ModuleManager(module),
        None => NodeKind::System(role),
    };
    let number = nodes.iter().position(|node| node.kind == wanted)?;
    u32::try_from(number).ok()
}

/// A graph in the making.
pub(super) struct GraphBuilder<'c> {
    catalogue: &'c Catalogue,
    is_platform: bool,
    drafts: Vec<Draft>,
    roles: IdMap,
    groups: IdMap,
    vacant: usize,
    /// How many rows named something that is not there.
    pub(super) dangling: usize,
}

/// Nodes that an amended graph has room for before it is moved.
const ROOM: usize = 16;

struct Draft {
    kind: NodeKind,
    parents: Vec<NodeIndex>,
    direct: Vec<u64>,
    conditional: Vec<(PermissionIndex, Arc<Condition>)>,
}

impl<'c> GraphBuilder<'c> {
    /// A graph of the system roles alone.
    pub(super) fn new(catalogue: &'c Catalogue, is_platform: bool) -> Self {
        let mut builder = Self {
            catalogue,
            is_platform,
            drafts: Vec::new(),
            roles: IdMap::default(),
            groups: IdMap::default(),
            vacant: 0,
            dangling: 0,
        };
        for role in [SystemRole::SuperAdmin, SystemRole::OrgAdmin, SystemRole::Viewer] {
            builder.add_system(NodeKind::System(role), role, None);
        }
        builder
    }

    /// A graph that is as `graph`.
    pub(super) fn of(graph: &Graph, catalogue: &'c Catalogue, is_platform: bool) -> Self {
        // With room for some more: what is amended mostly grows by one, and everything would be moved for it.
        let mut drafts = Vec::with_capacity(graph.nodes.len() + ROOM);
        drafts.extend(graph.nodes.iter().enumerate().map(|(number, node)| {
            Draft {
                kind: node.kind.clone(),
                parents: node.parents.to_vec(),
                direct: graph.direct.row(number).to_vec(),
                conditional: node
                    .conditional
                    .iter()
                    .filter_map(|held| Some((held.permission, Arc::clone(graph.condition(held)?))))
                    .collect(),
            }
        }));
        Self {
            catalogue,
            is_platform,
            drafts,
            roles: graph.roles.clone(),
            groups: graph.groups.clone(),
            vacant: graph.vacant,
            dangling: 0,
        }
    }

    /// Empties the node of a role, which is gone unless the rows bring it back.
    pub(super) fn vacate_role(&mut self, id: Uuid) {
        if let Some(node) = self.roles.get(id) {
            self.roles.remove(id);
            self.vacate(node);
        }
    }

    /// Empties the node of a group, which is gone unless the rows bring it back.
    pub(super) fn vacate_group(&mut self, id: Uuid) {
        if let Some(node) = self.groups.get(id) {
            self.groups.remove(id);
            self.vacate(node);
        }
    }

    fn vacate(&mut self, node: NodeIndex) {
        if let Some(draft) = self.drafts.get_mut(node as usize) {
            *draft = Draft {
                kind: NodeKind::Vacant,
                parents: Vec::new(),
                direct: vec![0; self.catalogue.tenant().len()],
                conditional: Vec::new(),
            };
            self.vacant += 1;
        }
    }

    /// Adds the roles and groups of the rows. `was` tells the number that one had before it was vacated.
    pub(super) fn add(&mut self, rows: &Rows, was: &HashMap<Uuid, NodeIndex>) -> Result<(), TooLarge> {
        for role in &rows.roles {
            let kind = NodeKind::Role {
                id: role.id,
                code: role.code.as_str().into(),
            };
            let node = self.seat(kind, was.get(&role.id).copied())?;
            self.roles.set(role.id, node);
        }
        for group in &rows.groups {
            let kind = NodeKind::Group {
                id: group.id,
                code: group.code.as_str().into(),
            };
            let node = self.seat(kind, was.get(&group.id).copied())?;
            self.groups.set(group.id, node);
        }
        for row in &rows.role_permissions {
            let (node, permission) = (self.roles.get(row.role), self.catalogue.find_by_id(row.permission));
            self.grant(node, permission, row.condition.as_ref());
        }
        for row in &rows.group_permissions {
            let (node, permission) = (self.groups.get(row.group), self.catalogue.find_by_id(row.permission));
            self.grant(node, permission, None);
        }
        for row in &rows.role_parents {
            let parent = self.role(row.parent);
            self.inherit(self.roles.get(row.role), parent);
        }
        for row in &rows.group_roles {
            let role = self.role(row.role);
            self.inherit(self.groups.get(row.group), role);
        }
        Ok(())
    }

    /// Sees to it that the manager of the module has a node.
    pub(super) fn need_manager_of(&mut self, module: &str) {
        if let Some(module) = self.catalogue.module(module) {
            let kind = NodeKind::ModuleManager(module);
            if !self.drafts.iter().any(|draft| draft.kind == kind) {
                self.add_system(kind, SystemRole::ModuleManager, Some(module));
            }
        }
    }

    fn add_system(&mut self, kind: NodeKind, role: SystemRole, module: Option<ModuleIndex>) {
        self.drafts.push(Draft {
            kind,
            parents: Vec::new(),
            direct: self.catalogue.held_by(role, module, self.is_platform),
            conditional: Vec::new(),
        });
    }

    /// A role as a parent or of a group: never the manager of a module.
    fn role(&self, id: Uuid) -> Option<NodeIndex> {
        match self.catalogue.system_role(id) {
            None => self.roles.get(id),
            Some(role) => {
                let number = self
                    .drafts
                    .iter()
                    .position(|draft| draft.kind == NodeKind::System(role))?;
                u32::try_from(number).ok()
            }
        }
    }

    fn seat(&mut self, kind: NodeKind, was: Option<NodeIndex>) -> Result<NodeIndex, TooLarge> {
        if let Some(node) = was
            && let Some(draft) = self.drafts.get_mut(node as usize)
            && draft.kind == NodeKind::Vacant
        {
            draft.kind = kind;
            self.vacant -= 1;
            return Ok(node);
        }
        // The highest bit of a number is a user's mark for a grant that expires.
        let node = u32::try_from(self.drafts.len())
            .ok()
            .filter(|node| node.leading_zeros() > 0)
            .ok_or(TooLarge)?;
        self.drafts.push(Draft {
            kind,
            parents: Vec::new(),
            direct: vec![0; self.catalogue.tenant().len()],
            conditional: Vec::new(),
        });
        Ok(node)
    }

    fn grant(
        &mut self,
        node: Option<NodeIndex>,
        permission: Option<PermissionIndex>,
        condition: Option<&Arc<Condition>>,
    ) {
        let draft = node.and_then(|node| self.drafts.get_mut(node as usize));
        match (draft, permission) {
            (Some(draft), Some(permission)) => match condition {
                Some(condition) if !condition.is_always() => {
                    draft.conditional.push((permission, Arc::clone(condition)));
                }
                _ => bits::set(&mut draft.direct, permission),
            },
            _ => self.dangling += 1,
        }
    }

    fn inherit(&mut self, node: Option<NodeIndex>, parent: Option<NodeIndex>) {
        let draft = node.and_then(|node| self.drafts.get_mut(node as usize));
        match (draft, parent) {
            (Some(draft), Some(parent)) => draft.parents.push(parent),
            _ => self.dangling += 1,
        }
    }

    /// Resolves the inheritance.
    pub(super) fn finish(mut self) -> Result<Graph, TooLarge> {
        let mut conditions = Interned::default();
        let mut nodes = Vec::with_capacity(self.drafts.len());
        let mut direct = self.catalogue.no_rows();
        for draft in self.drafts {
            let mut conditional = Vec::with_capacity(draft.conditional.len());
            for (permission, condition) in draft.conditional {
                conditional.push(Conditional {
                    permission,
                    condition: conditions.number(condition)?,
                });
            }
            direct.add_row(&draft.direct);
            nodes.push(Node {
                kind: draft.kind,
                parents: draft.parents.into(),
                conditional: conditional.into(),
            });
        }
        let mut resolved = resolve(&nodes, &direct);
        // What can be held in the platform organization alone is held nowhere else, whoever granted it.
        if !self.is_platform {
            resolved.effective.keep(self.catalogue.tenant());
        }
        let mut conditional: Vec<Conditional> = Vec::new();
        let mut conditional_ends = Vec::with_capacity(nodes.len());
        for (node, held) in resolved.conditional.into_iter().enumerate() {
            conditional.extend(held.into_iter().filter(|held| {
                let is_tenant = self.catalogue.scope(held.permission) == crate::PermissionScope::Tenant;
                (self.is_platform || is_tenant) && !resolved.effective.has(node, held.permission)
            }));
            conditional_ends.push(u32::try_from(conditional.len()).map_err(|_| TooLarge)?);
        }
        let mut limited = self.catalogue.no_rows();
        if !conditional.is_empty() {
            let mut rest = conditional.iter();
            let mut before = 0;
            for (node, &end) in conditional_ends.iter().enumerate() {
                limited.add();
                for held in rest.by_ref().take((end - before) as usize) {
                    limited.set(node, held.permission);
                }
                before = end;
            }
        }
        conditional.shrink_to_fit();
        limited.shrink();
        direct.shrink();
        resolved.effective.shrink();
        self.roles.shrink();
        self.groups.shrink();
        Ok(Graph {
            nodes,
            direct,
            effective: resolved.effective,
            limited,
            conditional,
            conditional_ends,
            conditions: conditions.list,
            roles: self.roles,
            groups: self.groups,
            vacant: self.vacant,
        })
    }
}

/// Conditions, each once.
#[derive(Default)]
struct Interned {
    list: Vec<Arc<Condition>>,
    numbers: HashMap<Arc<str>, u32>,
}

impl Interned {
    fn number(&mut self, condition: Arc<Condition>) -> Result<u32, TooLarge> {
        if let Some(&number) = self.numbers.get(condition.source()) {
            return Ok(number);
        }
        let number = u32::try_from(self.list.len()).map_err(|_| TooLarge)?;
        self.numbers.insert(condition.source().into(), number);
        self.list.push(condition);
        Ok(number)
    }
}

struct Resolved {
    effective: BitRows,
    conditional: Vec<Vec<Conditional>>,
}

/// What each node holds with what it inherits.
///
/// Parents come before their children, so one pass is enough; the second sees that nothing changes any more. Should the rows
/// hold a cycle, which the tables' writers prevent, there are a few passes more, and all in it hold the same.
fn resolve(nodes: &[Node], direct: &BitRows) -> Resolved {
    let order = parents_first(nodes);
    let mut effective = direct.clone();
    let mut conditional: Vec<Vec<Conditional>> = nodes
        .iter()
        .map(|node| {
            let mut held = node.conditional.to_vec();
            held.sort_unstable();
            held.dedup();
            held
        })
        .collect();
    let mut changed = true;
    while changed {
        changed = false;
        for &node in &order {
            let Some(parents) = nodes.get(node).map(|node| &node.parents) else {
                continue;
            };
            for &parent in parents {
                changed |= effective.merge(node, parent as usize);
                changed |= merge(&mut conditional, node, parent as usize);
            }
        }
    }
    Resolved { effective, conditional }
}

fn merge(conditional: &mut [Vec<Conditional>], to: usize, from: usize) -> bool {
    let inherited = match conditional.get(from) {
        Some(inherited) if !inherited.is_empty() && from != to => inherited.clone(),
        _ => return false,
    };
    let Some(held) = conditional.get_mut(to) else {
        return false;
    };
    let before = held.len();
    held.extend(inherited);
    held.sort_unstable();
    held.dedup();
    held.len() > before
}

/// The nodes in an order in which a node comes after those above it, as far as there is one. Without recursion: the
/// depth is the customer's.
fn parents_first(nodes: &[Node]) -> Vec<usize> {
    let mut order = Vec::with_capacity(nodes.len());
    let mut seen = vec![false; nodes.len()];
    let mut stack: Vec<(usize, usize)> = Vec::new();
    for root in 0..nodes.len() {
        if std::mem::replace(seen.get_mut(root).unwrap_or(&mut true), true) {
            continue;
        }
        stack.push((root, 0));
        while let Some((node, next)) = stack.pop() {
            match nodes.get(node).and_then(|node| node.parents.get(next)) {
                Some(&parent) => {
                    stack.push((node, next + 1));
                    let parent = parent as usize;
                    if !std::mem::replace(seen.get_mut(parent).unwrap_or(&mut true), true) {
                        stack.push((parent, 0));
                    }
                }
                None => order.push(node),
            }
        }
    }
    order
}
