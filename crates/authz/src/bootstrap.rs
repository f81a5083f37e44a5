//! The decider in force until roles exist.

use kernel::{Actor, OrganizationId};

use crate::{Decider, Decision, PermissionInfo, PermissionScope, Step};

/// One operator holds every permission inside the platform organization; in any other organization, and for anybody
/// else, nothing is granted.
#[derive(Debug, Clone)]
pub struct BootstrapDecider {
    operator: Actor,
    platform: OrganizationId,
}

impl BootstrapDecider {
    /// Grants everything in the organization `platform` to `operator`, who is recognised by kind and id.
    ///
    /// Whoever makes one hands out all permissions of the platform: it belongs into the composition root and into
    /// tests.
    #[must_use]
    pub const fn new(operator: Actor, platform: OrganizationId) -> Self {
        Self { operator, platform }
    }
}

impl Decider for BootstrapDecider {
    fn decide(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        permission: &'static PermissionInfo,
    ) -> Option<Decision> {
        let in_platform = organization == self.platform;
        Some(if permission.scope == PermissionScope::Platform && !in_platform {
            Decision::denied(actor, organization, permission, Step::Scope)
        } else if in_platform && actor.is(&self.operator) {
            Decision::allowed(actor, organization, permission)
        } else {
            Decision::denied(actor, organization, permission, Step::Grant)
        })
    }
}

#[cfg(test)]
mod tests {
    use kernel::{ActorKind, Id as _};
    use uuid::Uuid;

    use super::*;
    use crate::Permission as _;

    crate::permission!(
        /// Read invoices.
        struct InvoiceRead = "FINANCE" "INVOICE" "READ", Tenant, "Read invoices";
        /// Create organizations.
        struct OrganizationCreate = "ORGANIZATION" "ORGANIZATION" "CREATE", Platform, "Create organizations";
    );

    fn organization(number: u128) -> OrganizationId {
        OrganizationId::from_uuid(Uuid::from_u128(number))
    }

    fn actor(kind: ActorKind, number: u128) -> Actor {
        Actor {
            kind,
            id: Uuid::from_u128(number),
            name: "operator".to_owned(),
        }
    }

    /// The platform is organization 1, its operator the service account 1.
    fn steps(actor: &Actor, organization: OrganizationId) -> Vec<(PermissionScope, Option<Step>)> {
        let decider = BootstrapDecider::new(self::actor(ActorKind::ServiceAccount, 1), self::organization(1));
        let decide = |permission: &'static PermissionInfo| {
            let denial = decider.decide(actor, organization, permission).unwrap().into_denial();
            (permission.scope, denial.map(|denial| denial.step()))
        };
        vec![decide(InvoiceRead::INFO), decide(OrganizationCreate::INFO)]
    }

    #[test]
    fn the_operator_may_do_everything_in_the_platform() {
        let operator = actor(ActorKind::ServiceAccount, 1);
        assert_eq!(
            steps(&operator, organization(1)),
            [(PermissionScope::Tenant, None), (PermissionScope::Platform, None)]
        );
    }

    #[test]
    fn the_operator_may_do_nothing_elsewhere() {
        let operator = actor(ActorKind::ServiceAccount, 1);
        assert_eq!(
            steps(&operator, organization(2)),
            [
                (PermissionScope::Tenant, Some(Step::Grant)),
                (PermissionScope::Platform, Some(Step::Scope))
            ]
        );
    }

    #[test]
    fn nobody_else_may_do_anything_anywhere() {
        for stranger in [
            actor(ActorKind::ServiceAccount, 2),
            actor(ActorKind::User, 1),
            actor(ActorKind::ApiKey, 1),
            actor(ActorKind::System, 1),
            Actor::system("job"),
        ] {
            assert_eq!(
                steps(&stranger, organization(1)),
                [
                    (PermissionScope::Tenant, Some(Step::Grant)),
                    (PermissionScope::Platform, Some(Step::Grant))
                ]
            );
            assert_eq!(
                steps(&stranger, organization(2)),
                [
                    (PermissionScope::Tenant, Some(Step::Grant)),
                    (PermissionScope::Platform, Some(Step::Scope))
                ]
            );
        }
    }
}
