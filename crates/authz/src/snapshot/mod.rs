//! Snapshots: everything that decides about permissions in one organization, resolved and immutable.
//!
//! # From rows to a decision
//!
//! ```
//! use std::sync::Arc;
//! use authz::snapshot::{
//!     Because, Catalogue, ModuleRow, Outcome, Period, PermissionRow, Principal, RolePermissionRow, RoleRow, Rows, Snapshot,
//!     UserRoleRow, UserRow,
//! };
//! use authz::{PermissionScope, Step};
//! use kernel::{OrganizationId, Timestamp};
//! use uuid::Uuid;
//!
//! let [read, clerk, ana] = [1, 2, 3].map(Uuid::from_u128);
//! let catalogue = Arc::new(Catalogue::new(
//!     vec![PermissionRow {
//!         id: read,
//!         code: "FINANCE_INVOICE_READ".to_owned(),
//!         module: "FINANCE".to_owned(),
//!         action: "READ".to_owned(),
//!         scope: PermissionScope::Tenant,
//!     }],
//!     vec![],
//! )?);
//! let expires_at: Timestamp = "2026-12-01T00:00:00Z".parse()?;
//! let rows = Rows {
//!     modules: vec![ModuleRow {
//!         module: "FINANCE".to_owned(),
//!         is_active: true,
//!         because: Because::Package,
//!         period: Period::ALWAYS,
//!     }],
//!     roles: vec![RoleRow { id: clerk, code: "CLERK".to_owned() }],
//!     role_permissions: vec![RolePermissionRow { role: clerk, permission: read, condition: None }],
//!     users: vec![UserRow { id: ana, is_active: true }],
//!     user_roles: vec![UserRoleRow { user: ana, role: clerk, module: None, expires_at: Some(expires_at) }],
//!     ..Rows::default()
//! };
//! let organization: OrganizationId = "01890a5d-ac96-774b-bcce-b302099a8057".parse()?;
//! let snapshot = Snapshot::build(organization, false, catalogue, &rows)?;
//!
//! let read = snapshot.catalogue().find("FINANCE_INVOICE_READ").ok_or("it is there")?;
//! let before = "2026-11-30T23:59:59.999999Z".parse()?;
//! assert_eq!(snapshot.decide(Principal::user(ana), read, before), Outcome::Allowed);
//! assert_eq!(snapshot.decide(Principal::user(ana), read, expires_at), Outcome::Denied(Step::Grant));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How it is made
//!
//! The catalogue numbers the permissions. A role, a group or a system role is a *node* with a row of bits, one a
//! permission, in which what it inherits is already contained; what it holds under a condition stands beside it in a
//! sorted list. A user is a short list of nodes, shared by all users with the same grants, with an end where a grant
//! has one. So a check looks up the user, and then one bit in the row of each of its grants.
//!
//! The alternative, one row of bits for each user with all its grants merged, looks at one bit; but a change of a role makes
//! it recompute every user that has it, an expiring grant makes it recompute at that instant, and without equal
//! neighbours a user costs more than twice the memory. Here a changed role recomputes the rows of the roles, and no
//! user at all ([`Snapshot::amended`]); time is only compared.
//!
//! # The steps
//!
//! A permission is denied at the first of these steps: its scope is `platform` and the organization is not the
//! platform's; its module is not active; nothing grants it; it is withheld. What remains is allowed, outright or for what a
//! condition holds of.
//!
//! # What is denied by default
//!
//! Whatever names something unknown grants nothing: a permission of another catalogue, a module without a row, a role
//! that is not there. The rows come from tables with foreign keys, so it means that they are not of one moment;
//! [`Snapshot::dangling`] counts them for the log.

mod administrators;
mod bits;
mod catalogue;
mod check;
mod entitlements;
mod escalation;
mod explain;
mod graph;
mod ids;
mod inheritance;
mod principals;
mod rows;

pub use catalogue::{Catalogue, PermissionIndex, PermissionRow, SystemRole, SystemRoleRow};
pub use check::Outcome;
pub use escalation::{Escalation, EscalationReason, Held, Offer, may_grant};
pub use explain::{Effective, Explanation, ModuleStanding, Path, PathStep, StepKind, Via};
pub use inheritance::closing_path;
pub use rows::{
    AccountPermissionRow, AccountRow, Because, GroupPermissionRow, GroupRoleRow, GroupRow, KeyPermissionRow, KeyRow,
    MemberRow, ModuleRow, Period, Principal, RoleParentRow, RolePermissionRow, RoleRow, Rows, UserRoleRow, UserRow,
    WithheldRow,
};

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use kernel::OrganizationId;
use uuid::Uuid;

use self::entitlements::Entitlements;
use self::graph::{Graph, GraphBuilder};
use self::principals::{Principals, PrincipalsBuilder};

/// More than a snapshot's numbers can count: 65,535 permissions or modules, or 2,147,483,646 of anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the organization has more than a snapshot can number")]
pub struct TooLarge;

/// Why a snapshot could not be amended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmendError {
    /// A row names a role, group or permission that the snapshot does not know: something else changed too. Build the
    /// snapshot from all rows.
    #[error("a row names something that the snapshot does not know")]
    Dangling,
    /// As [`TooLarge`].
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
}

/// Something whose rows changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Touched {
    /// Anything, or the catalogue.
    Everything,
    /// The modules' activation or the withheld permissions.
    Entitlements,
    /// A role: its permissions, its parents, or whether it exists.
    Role(Uuid),
    /// A group: its roles, its permissions, or whether it exists. Its members belong to the users.
    Group(Uuid),
    /// A user: its roles, its groups, whether it is active, or whether it exists.
    User(Uuid),
    /// A service account: its list, whether it is active, or whether it exists.
    ServiceAccount(Uuid),
    /// An API key: its list, its expiry, or whether it exists.
    ApiKey(Uuid),
}

/// Everything that decides about permissions in one organization.
///
/// It is never changed. It does not know what time it is: every question says.
pub struct Snapshot {
    organization: OrganizationId,
    is_platform: bool,
    catalogue: Arc<Catalogue>,
    entitlements: Arc<Entitlements>,
    graph: Arc<Graph>,
    principals: Arc<Principals>,
    dangling: usize,
}

impl Snapshot {
    /// Builds the snapshot of an organization from all of its rows. `is_platform` says that it is the platform
    /// organization.
    ///
    /// # Errors
    /// [`TooLarge`], which no organization is.
    pub fn build(
        organization: OrganizationId,
        is_platform: bool,
        catalogue: Arc<Catalogue>,
        rows: &Rows,
    ) -> Result<Self, TooLarge> {
        let (entitlements, dangling_entitlements) = Entitlements::new(&catalogue, rows);
        let mut graph = GraphBuilder::new(&catalogue, is_platform);
        graph.add(rows, &HashMap::new())?;
        need_managers(&mut graph, rows);
        let dangling_edges = graph.dangling;
        let graph = graph.finish()?;
        let mut principals = PrincipalsBuilder::new(&catalogue, &graph, rows);
        principals.add(rows)?;
        let dangling = dangling_entitlements + dangling_edges + principals.dangling;
        let principals = principals.finish();
        Ok(Self {
            organization,
            is_platform,
            entitlements: Arc::new(entitlements),
            graph: Arc::new(graph),
            principals: Arc::new(principals),
            catalogue,
            dangling,
        })
    }

    /// A snapshot with the changes, from the rows of what was touched alone: what is touched and has no row is gone. What
    /// was not touched is shared with this snapshot; a touched role or group resolves the roles and no user.
    ///
    /// # Errors
    /// [`AmendError`]; then all rows are needed, as they are when the catalogue changed.
    pub fn amended(&self, touched: &[Touched], rows: &Rows) -> Result<Self, AmendError> {
        if touched.contains(&Touched::Everything) {
            let catalogue = Arc::clone(&self.catalogue);
            return Ok(Self::build(self.organization, self.is_platform, catalogue, rows)?);
        }
        let mut amended = self.share();
        if touched.contains(&Touched::Entitlements) {
            // A module that has no permission says nothing, and is no sign of a change.
            let (entitlements, _) = Entitlements::new(&self.catalogue, rows);
            amended.entitlements = Arc::new(entitlements);
        }
        let new_manager = rows.user_roles.iter().any(|row| {
            row.module.is_some()
                && self
                    .graph
                    .role(&self.catalogue, row.role, row.module.as_deref())
                    .is_none()
        });
        let in_graph = |touched: &Touched| matches!(touched, Touched::Role(_) | Touched::Group(_));
        if new_manager || touched.iter().any(in_graph) {
            amended.graph = Arc::new(self.amended_graph(touched, rows)?);
        }
        let in_principals = |touched: &Touched| {
            matches!(
                touched,
                Touched::User(_) | Touched::ServiceAccount(_) | Touched::ApiKey(_)
            )
        };
        if touched.iter().any(in_principals) {
            let made = Principals::clone(&self.principals);
            let mut builder = PrincipalsBuilder::from(&self.catalogue, &amended.graph, made);
            for touched in touched {
                match *touched {
                    Touched::User(id) => builder.remove(Principal::user(id)),
                    Touched::ServiceAccount(id) => builder.remove(Principal::service_account(id)),
                    Touched::ApiKey(id) => builder.remove(Principal::api_key(id)),
                    Touched::Everything | Touched::Entitlements | Touched::Role(_) | Touched::Group(_) => {}
                }
            }
            builder.add(rows)?;
            if builder.dangling > 0 {
                return Err(AmendError::Dangling);
            }
            amended.principals = Arc::new(builder.finish());
        }
        Ok(amended)
    }

    /// The roles and groups that the rows name and neither they nor this snapshot know: made since, and told of by nobody before
    /// something had them, or was in them. Who is about to [amend](Self::amended) reads them too.
    #[must_use]
    pub fn unheard(&self, rows: &Rows) -> Vec<Touched> {
        let roles = self.unheard_roles(rows).into_iter().map(Touched::Role);
        let groups = self.unheard_groups(rows).into_iter().map(Touched::Group);
        roles.chain(groups).collect()
    }

    fn unheard_groups(&self, rows: &Rows) -> Vec<Uuid> {
        let named = rows.members.iter().map(|row| row.group);
        let mut unheard: Vec<Uuid> = named
            .filter(|&group| self.graph.group(group).is_none() && rows.groups.iter().all(|row| row.id != group))
            .collect();
        unheard.sort_unstable();
        unheard.dedup();
        unheard
    }

    fn unheard_roles(&self, rows: &Rows) -> Vec<Uuid> {
        let granted = rows.user_roles.iter().filter(|row| row.module.is_none());
        let named = granted
            .map(|row| row.role)
            .chain(rows.group_roles.iter().map(|row| row.role))
            .chain(rows.role_parents.iter().map(|row| row.parent));
        let mut unheard: Vec<Uuid> = named
            .filter(|&role| !self.knows_role(role) && rows.roles.iter().all(|row| row.id != role))
            .collect();
        unheard.sort_unstable();
        unheard.dedup();
        unheard
    }

    fn amended_graph(&self, touched: &[Touched], rows: &Rows) -> Result<Graph, AmendError> {
        let mut builder = GraphBuilder::of(&self.graph, &self.catalogue, self.is_platform);
        // A role that is still there keeps its number, by which users' grants know it.
        let mut was = HashMap::new();
        for touched in touched {
            match *touched {
                Touched::Role(id) => {
                    was.extend(self.graph.role(&self.catalogue, id, None).map(|node| (id, node)));
                    builder.vacate_role(id);
                }
                Touched::Group(id) => {
                    was.extend(self.graph.group(id).map(|node| (id, node)));
                    builder.vacate_group(id);
                }
                _ => {}
            }
        }
        builder.add(rows, &was)?;
        need_managers(&mut builder, rows);
        if builder.dangling > 0 {
            return Err(AmendError::Dangling);
        }
        Ok(builder.finish()?)
    }

    fn share(&self) -> Self {
        Self {
            organization: self.organization,
            is_platform: self.is_platform,
            catalogue: Arc::clone(&self.catalogue),
            entitlements: Arc::clone(&self.entitlements),
            graph: Arc::clone(&self.graph),
            principals: Arc::clone(&self.principals),
            dangling: self.dangling,
        }
    }

    /// The organization it is of.
    #[must_use]
    pub const fn organization(&self) -> OrganizationId {
        self.organization
    }

    /// Whether that is the platform organization.
    #[must_use]
    pub const fn is_platform(&self) -> bool {
        self.is_platform
    }

    /// The catalogue whose permissions it knows.
    #[must_use]
    pub const fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    /// How many rows named something that is not there, and so granted nothing.
    #[must_use]
    pub const fn dangling(&self) -> usize {
        self.dangling
    }

    /// How many users, service accounts and keys it knows.
    #[must_use]
    pub fn principals(&self) -> usize {
        self.principals.len()
    }

    /// The users it knows.
    pub fn users(&self) -> impl Iterator<Item = Uuid> + '_ {
        self.principals.users()
    }

    /// Whether amendments left so much behind that it should be built from all rows the next time.
    #[must_use]
    pub fn is_worn(&self) -> bool {
        const TOLERATED: usize = 64;
        self.principals.is_worn() || self.graph.vacant() > TOLERATED + self.graph.len() / 2
    }

    /// The memory it takes, in bytes, without the catalogue, which all snapshots share.
    #[must_use]
    pub fn footprint(&self) -> usize {
        size_of::<Self>()
            + size_of::<Entitlements>()
            + size_of::<Graph>()
            + size_of::<Principals>()
            + self.entitlements.footprint()
            + self.graph.footprint()
            + self.principals.footprint()
    }
}

fn need_managers(graph: &mut GraphBuilder<'_>, rows: &Rows) {
    for module in rows.user_roles.iter().filter_map(|row| row.module.as_deref()) {
        graph.need_manager_of(module);
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("organization", &self.organization)
            .field("nodes", &self.graph.len())
            .field("principals", &self.principals.len())
            .field("footprint", &self.footprint())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
