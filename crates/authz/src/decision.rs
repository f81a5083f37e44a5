//! Decisions: whether an actor may, and if not, at which step it was refused.

use kernel::{Actor, ActorKind, OrganizationId};
use uuid::Uuid;

use crate::PermissionInfo;

/// The step that refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// A platform permission asked for outside the platform organization.
    Scope,
    /// Nothing grants the permission to the actor.
    Grant,
    /// A grant exists, but its condition does not hold.
    Condition,
    /// The permission's module is not active for the organization.
    Module,
    /// The package or an override withholds the permission.
    Withheld,
    /// The decision presented was made about something else. It is a defect of the server, refused all the same.
    Decision,
}

impl Step {
    /// Every step, in the order they are taken.
    pub const ALL: [Self; 6] = [
        Self::Scope,
        Self::Grant,
        Self::Condition,
        Self::Module,
        Self::Withheld,
        Self::Decision,
    ];

    /// The name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scope => "scope",
            Self::Grant => "grant",
            Self::Condition => "condition",
            Self::Module => "module",
            Self::Withheld => "withheld",
            Self::Decision => "decision",
        }
    }
}

/// The error code a refusal is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DenialCode {
    /// `RBAC_FORBIDDEN`.
    Forbidden,
    /// `RBAC_MODULE_NOT_CONTRACTED`.
    ModuleNotContracted,
}

impl DenialCode {
    /// The code in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Forbidden => "RBAC_FORBIDDEN",
            Self::ModuleNotContracted => "RBAC_MODULE_NOT_CONTRACTED",
        }
    }
}

/// A refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{} refused at step {}", self.permission.code, self.step.as_str())]
pub struct Denial {
    permission: &'static PermissionInfo,
    step: Step,
}

impl Denial {
    /// `permission` was refused at `step`. Anyone may refuse; only this crate allows.
    #[must_use]
    pub const fn new(permission: &'static PermissionInfo, step: Step) -> Self {
        Self { permission, step }
    }

    /// The error code to answer with, which follows from the step.
    #[must_use]
    pub const fn code(&self) -> DenialCode {
        match self.step {
            Step::Module => DenialCode::ModuleNotContracted,
            Step::Scope | Step::Grant | Step::Condition | Step::Withheld | Step::Decision => DenialCode::Forbidden,
        }
    }

    /// The permission that was asked for.
    #[must_use]
    pub const fn permission(&self) -> &'static PermissionInfo {
        self.permission
    }

    /// The step that refused.
    #[must_use]
    pub const fn step(&self) -> Step {
        self.step
    }
}

/// The answer of a [`Decider`]: about one actor, one organization and one permission.
#[must_use = "a decision that nobody reads guards nothing"]
#[derive(Debug)]
pub struct Decision {
    actor: (ActorKind, Uuid),
    organization: OrganizationId,
    permission: &'static PermissionInfo,
    denied_at: Option<Step>,
}

impl Decision {
    /// Allows. Only the deciders of this crate can say so.
    pub(crate) fn allowed(actor: &Actor, organization: OrganizationId, permission: &'static PermissionInfo) -> Self {
        Self {
            actor: (actor.kind, actor.id),
            organization,
            permission,
            denied_at: None,
        }
    }

    /// Refuses at `step`.
    pub fn denied(
        actor: &Actor,
        organization: OrganizationId,
        permission: &'static PermissionInfo,
        step: Step,
    ) -> Self {
        Self {
            actor: (actor.kind, actor.id),
            organization,
            permission,
            denied_at: Some(step),
        }
    }

    /// Whether it allows.
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        self.denied_at.is_none()
    }

    /// The permission it is about.
    #[must_use]
    pub const fn permission(&self) -> &'static PermissionInfo {
        self.permission
    }

    /// The refusal, if it is one. A decision is used up by reading it: it holds for the request it was made for.
    #[must_use]
    pub fn into_denial(self) -> Option<Denial> {
        self.denied_at.map(|step| Denial::new(self.permission, step))
    }

    /// Whether it is about exactly this.
    pub(crate) fn is_about(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        permission: &'static PermissionInfo,
    ) -> bool {
        self.actor == (actor.kind, actor.id)
            && self.organization == organization
            && self.permission.code == permission.code
    }
}

/// Decides. The trait is open, so that a test can refuse; to allow takes a [`Decision`] that only this crate makes.
pub trait Decider: Send + Sync {
    /// Whether `actor` may use `permission` in `organization`, the one acted in.
    fn decide(&self, actor: &Actor, organization: OrganizationId, permission: &'static PermissionInfo) -> Decision;
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::PermissionScope;

    const READ: &PermissionInfo = &PermissionInfo {
        code: "FINANCE_INVOICE_READ",
        module: "FINANCE",
        resource: "INVOICE",
        action: "READ",
        scope: PermissionScope::Tenant,
        description: "Read invoices",
    };

    #[test]
    fn only_a_missing_module_has_a_code_of_its_own() {
        for step in Step::ALL {
            let denial = Denial::new(READ, step);
            let code = if step == Step::Module {
                "RBAC_MODULE_NOT_CONTRACTED"
            } else {
                "RBAC_FORBIDDEN"
            };
            assert_eq!(denial.code().as_str(), code, "{step:?}");
            assert_eq!((denial.permission(), denial.step()), (READ, step));
        }
    }

    #[test]
    fn every_step_has_a_name_of_its_own() {
        assert_eq!(
            Step::ALL.map(Step::as_str),
            ["scope", "grant", "condition", "module", "withheld", "decision"]
        );
        assert_eq!(BTreeSet::from(Step::ALL.map(Step::as_str)).len(), Step::ALL.len());
    }

    #[test]
    fn a_denial_tells_permission_and_step() {
        assert_eq!(
            Denial::new(READ, Step::Withheld).to_string(),
            "FINANCE_INVOICE_READ refused at step withheld"
        );
    }

    #[test]
    fn a_decision_is_one_of_two() {
        let actor = Actor::system("test");
        let organization = kernel::Id::from_uuid(Uuid::from_u128(1));
        let allowed = Decision::allowed(&actor, organization, READ);
        assert!(allowed.is_allowed());
        assert_eq!(allowed.permission(), READ);
        assert_eq!(allowed.into_denial(), None);

        let denied = Decision::denied(&actor, organization, READ, Step::Grant);
        assert!(!denied.is_allowed());
        assert_eq!(denied.into_denial(), Some(Denial::new(READ, Step::Grant)));
    }
}
