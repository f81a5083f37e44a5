//! The decider in force until roles exist.

use kernel::{Actor, OrganizationId};

use crate::{Decider, Decision, PermissionInfo, Step};

/// One operator holds every permission inside the platform organization; in any other organization, and for anybody else, nothing
/// is granted.
#[derive(Debug, Clone)]
pub struct BootstrapDecider {
    operator: Actor,
    platform: OrganizationId,
}

impl BootstrapDecider {
    /// Grants everything in the organization `platform` to `operator`, who is recognised by kind and id.
    #[must_use]
    pub const fn new(operator: Actor, platform: OrganizationId) -> Self {
        Self { operator, platform }
    }
}

impl Decider for BootstrapDecider {
    fn decide(&self, actor: &Actor, organization: OrganizationId, permission: &'static PermissionInfo) -> Decision {
        if actor.is(&self.operator) && organization == self.platform {
            Decision::allowed(actor, organization, permission)
        } else {
            Decision::denied(actor, organization, permission, Step::Grant)
        }
    }
}
