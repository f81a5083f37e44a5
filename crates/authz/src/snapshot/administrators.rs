//! The rule that somebody always administers an organization.

use uuid::Uuid;

use super::Snapshot;
use super::catalogue::SystemRole;
use super::graph::{NodeIndex, NodeKind};
use kernel::Timestamp;

impl Snapshot {
    /// Whether an active user, other than `except`, effectively holds `ORG_ADMIN` without expiry, by whatever path. In the
    /// platform organization `SUPER_ADMIN` is as good.
    #[must_use]
    pub fn has_administrator(&self, except: Option<Uuid>) -> bool {
        self.administrators().any(|user| Some(user) != except)
    }

    /// The active users who administer the organization so.
    pub fn administrators(&self) -> impl Iterator<Item = Uuid> {
        let administers = self.administering_nodes();
        self.principals.users().filter(move |user| {
            self.principals.user(*user).is_some_and(|(grants, is_active)| {
                is_active
                    // Whatever has an end has ended by then.
                    && grants.at(Timestamp::MAX).any(|grant| {
                        grant.until.is_none() && administers.get(grant.node as usize).is_some_and(|&is| is)
                    })
            })
        })
    }

    /// Whether a user is a guest, who may use what it was granted and pass nothing of it on.
    #[must_use]
    pub fn is_guest(&self, user: Uuid) -> bool {
        self.principals.is_guest(user)
    }

    /// Whether a user may act; `None` when there is no such user.
    #[must_use]
    pub fn is_active_user(&self, user: Uuid) -> Option<bool> {
        self.principals.user(user).map(|(_, is_active)| is_active)
    }

    /// Whether there is such a service account.
    #[must_use]
    pub fn knows_account(&self, account: Uuid) -> bool {
        self.principals.account(account).is_some()
    }

    /// For each node whether it is, or inherits from, a role that administers the organization.
    fn administering_nodes(&self) -> Vec<bool> {
        let mut administers: Vec<bool> = (0..self.graph.len())
            .map(|number| {
                let node = NodeIndex::try_from(number)
                    .ok()
                    .and_then(|number| self.graph.node(number));
                match node.map(|node| &node.kind) {
                    Some(NodeKind::System(SystemRole::OrgAdmin)) => true,
                    Some(NodeKind::System(SystemRole::SuperAdmin)) => self.is_platform,
                    _ => false,
                }
            })
            .collect();
        // As often as there are levels: hardly ever more than a few times.
        let mut grew = true;
        while grew {
            grew = false;
            for number in 0..administers.len() {
                let Some(node) = NodeIndex::try_from(number)
                    .ok()
                    .and_then(|number| self.graph.node(number))
                else {
                    continue;
                };
                let inherits = node
                    .parents
                    .iter()
                    .any(|&parent| administers.get(parent as usize).is_some_and(|&is| is));
                if let Some(here) = administers.get_mut(number)
                    && inherits
                    && !*here
                {
                    *here = true;
                    grew = true;
                }
            }
        }
        administers
    }
}
