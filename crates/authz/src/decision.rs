//! Decisions: whether an actor may, and if not, at which step it was refused.

use std::pin::Pin;

use kernel::{Actor, ActorKind, OrganizationId};
use uuid::Uuid;

use crate::PermissionInfo;
use crate::conditions::Residual;
use crate::snapshot::{Explanation, Outcome};

/// The step that refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// A platform permission asked for outside the platform organization.
    Scope,
    /// The permission's module is not active for the organization.
    Module,
    /// Nothing grants the permission to the actor.
    Grant,
    /// The package or an override withholds the permission.
    Withheld,
    /// A grant exists, but its condition does not hold of the object.
    Condition,
    /// The decision presented was made about something else. It is a defect of the server, refused all the same.
    Decision,
}

impl Step {
    /// Every step, in the order they are taken.
    pub const ALL: [Self; 6] = [
        Self::Scope,
        Self::Module,
        Self::Grant,
        Self::Withheld,
        Self::Condition,
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
    outcome: Outcome,
}

impl Decision {
    /// Decides so. Only the deciders of this crate can allow.
    pub(crate) fn made(
        actor: &Actor,
        organization: OrganizationId,
        permission: &'static PermissionInfo,
        outcome: Outcome,
    ) -> Self {
        Self {
            actor: (actor.kind, actor.id),
            organization,
            permission,
            outcome,
        }
    }

    /// Allows.
    pub(crate) fn allowed(actor: &Actor, organization: OrganizationId, permission: &'static PermissionInfo) -> Self {
        Self::made(actor, organization, permission, Outcome::Allowed)
    }

    /// Refuses at `step`.
    pub fn denied(
        actor: &Actor,
        organization: OrganizationId,
        permission: &'static PermissionInfo,
        step: Step,
    ) -> Self {
        Self::made(actor, organization, permission, Outcome::Denied(step))
    }

    /// Whether it allows, for some objects at least: see [`Decision::residual`].
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        self.outcome.is_allowed()
    }

    /// What it allows is limited to what this holds of, if there is such a limit. It goes on into the
    /// [`Granted`](crate::Granted) that is made of the decision.
    #[must_use]
    pub const fn residual(&self) -> Option<&Residual> {
        match &self.outcome {
            Outcome::AllowedIf(residual) => Some(residual),
            Outcome::Allowed | Outcome::Denied(_) => None,
        }
    }

    /// The permission it is about.
    #[must_use]
    pub const fn permission(&self) -> &'static PermissionInfo {
        self.permission
    }

    /// The refusal, if it is one. A decision is used up by reading it: it holds for the request it was made for.
    #[must_use]
    pub fn into_denial(self) -> Option<Denial> {
        self.into_limit().err()
    }

    /// What it allows is limited to, or the refusal.
    pub(crate) fn into_limit(self) -> Result<Option<Residual>, Denial> {
        match self.outcome {
            Outcome::Allowed => Ok(None),
            Outcome::AllowedIf(residual) => Ok(Some(residual)),
            Outcome::Denied(step) => Err(Denial::new(self.permission, step)),
        }
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
    /// Whether `actor` may use `permission` in `organization`, the one acted in: from memory. `None` when what decides there is not
    /// in memory, or outdated; then ask [`load_and_decide`](Self::load_and_decide).
    fn decide(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        permission: &'static PermissionInfo,
    ) -> Option<Decision>;

    /// As [`decide`](Self::decide), after reading what is missing.
    fn load_and_decide<'a>(
        &'a self,
        actor: &'a Actor,
        organization: OrganizationId,
        permission: &'static PermissionInfo,
    ) -> Loading<'a> {
        let decided = self.decide(actor, organization, permission);
        Box::pin(std::future::ready(
            decided.ok_or_else(|| Undecided("nothing decides in this organization".to_owned())),
        ))
    }

    /// Why it decides so, where it knows and has it in memory: for a refusal's details.
    fn explain(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        permission: &'static PermissionInfo,
    ) -> Option<Explanation> {
        let _ = (actor, organization, permission);
        None
    }
}

/// A decision on its way from storage.
pub type Loading<'a> = Pin<Box<dyn Future<Output = Result<Decision, Undecided>> + Send + 'a>>;

/// What decides could not be read. It is no refusal: the server cannot answer right now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("what decides about permissions could not be read: {0}")]
pub struct Undecided(pub String);

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
            ["scope", "module", "grant", "withheld", "condition", "decision"]
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
