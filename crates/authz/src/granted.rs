//! The proof that a permission was granted.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use kernel::{Actor, OrganizationId};

use crate::conditions::Residual;
use crate::{Decision, Denial, Permission, Step};

/// The proof that an actor holds the permission `P` in an organization. A use case takes it as its first argument:
/// without the check having been made, there is nothing to call it with.
pub struct Granted<P> {
    actor: Arc<Actor>,
    organization: OrganizationId,
    operator_reason: Option<&'static str>,
    residual: Option<Residual>,
    // A function pointer, so that the proof is `Send` and `Sync` whatever `P` is.
    permission: PhantomData<fn() -> P>,
}

impl<P: Permission> Granted<P> {
    /// Turns an allowing decision into the proof.
    ///
    /// # Errors
    /// The refusal, if the decision is one; [`Step::Decision`] when it is about another permission, actor or
    /// organization.
    pub fn from_decision(decision: Decision, actor: Arc<Actor>, organization: OrganizationId) -> Result<Self, Denial> {
        if !decision.is_about(&actor, organization, P::INFO) {
            return Err(Denial::new(P::INFO, Step::Decision));
        }
        Ok(Self {
            residual: decision.into_limit()?,
            actor,
            organization,
            operator_reason: None,
            permission: PhantomData,
        })
    }

    /// The proof for whoever holds the machine itself, who needs no permission of ours: the command line and the work
    /// at start-up. `reason` says which, and shows in `Debug`. A test lists every call, so that none is added unseen.
    #[must_use]
    pub const fn for_operator(reason: &'static str, actor: Arc<Actor>, organization: OrganizationId) -> Self {
        Self {
            actor,
            organization,
            operator_reason: Some(reason),
            residual: None,
            permission: PhantomData,
        }
    }
}

impl<P> Granted<P> {
    /// Who acts.
    #[must_use]
    pub const fn actor(&self) -> &Arc<Actor> {
        &self.actor
    }

    /// The organization acted in.
    #[must_use]
    pub const fn organization(&self) -> OrganizationId {
        self.organization
    }

    /// Why no decision was needed, if none was made.
    #[must_use]
    pub const fn operator_reason(&self) -> Option<&'static str> {
        self.operator_reason
    }

    /// What the permission is limited to: it reaches only what this holds of. `None` if it reaches everything.
    ///
    /// Whoever hands out, lists or changes objects applies it: to a list as SQL, to an object before it is handed out,
    /// before and after a change.
    #[must_use]
    pub const fn residual(&self) -> Option<&Residual> {
        self.residual.as_ref()
    }
}

// By hand, because a derived one would ask `P: Clone`.
impl<P> Clone for Granted<P> {
    fn clone(&self) -> Self {
        Self {
            actor: Arc::clone(&self.actor),
            organization: self.organization,
            operator_reason: self.operator_reason,
            residual: self.residual.clone(),
            permission: PhantomData,
        }
    }
}

impl<P: Permission> fmt::Debug for Granted<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Granted")
            .field("permission", &P::INFO.code)
            .field("actor", &self.actor)
            .field("organization", &self.organization)
            .field("operator_reason", &self.operator_reason)
            .field("residual", &self.residual)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use kernel::{ActorKind, Id as _};
    use uuid::Uuid;

    use super::*;
    use crate::conditions::Condition;
    use crate::snapshot::Outcome;

    crate::permission!(
        /// Read invoices.
        struct Read = "FINANCE" "INVOICE" "READ", Tenant, "Read invoices";
        /// Delete invoices.
        struct Delete = "FINANCE" "INVOICE" "DELETE", Tenant, "Delete invoices";
    );

    fn organization(number: u128) -> OrganizationId {
        OrganizationId::from_uuid(Uuid::from_u128(number))
    }

    fn actor(kind: ActorKind, number: u128) -> Arc<Actor> {
        Arc::new(Actor {
            kind,
            id: Uuid::from_u128(number),
            name: "Ana".to_owned(),
        })
    }

    fn ana() -> Arc<Actor> {
        actor(ActorKind::User, 1)
    }

    #[test]
    fn an_allowing_decision_becomes_the_proof() {
        let decision = Decision::allowed(&ana(), organization(1), Read::INFO);
        let granted = Granted::<Read>::from_decision(decision, ana(), organization(1)).unwrap();
        assert_eq!((granted.actor(), granted.organization()), (&ana(), organization(1)));
        assert_eq!(granted.operator_reason(), None);
    }

    #[test]
    fn a_refusal_stays_one() {
        for step in Step::ALL {
            let decision = Decision::denied(&ana(), organization(1), Read::INFO, step);
            let denial = Granted::<Read>::from_decision(decision, ana(), organization(1)).unwrap_err();
            assert_eq!(denial, Denial::new(Read::INFO, step));
        }
    }

    #[test]
    fn a_decision_about_something_else_proves_nothing() {
        let mismatch = Denial::new(Read::INFO, Step::Decision);
        for (what, decided_for, decided_in, permission) in [
            ("another permission", ana(), organization(1), Delete::INFO),
            ("another organization", ana(), organization(2), Read::INFO),
            ("another person", actor(ActorKind::User, 2), organization(1), Read::INFO),
            (
                "another kind of actor",
                actor(ActorKind::ApiKey, 1),
                organization(1),
                Read::INFO,
            ),
        ] {
            let decision = Decision::allowed(&decided_for, decided_in, permission);
            let denial = Granted::<Read>::from_decision(decision, ana(), organization(1)).unwrap_err();
            assert_eq!(denial, mismatch, "{what}");
        }
    }

    #[test]
    fn the_limit_of_a_decision_goes_into_the_proof() {
        let condition = Arc::new(Condition::parse("", r#"{"amount":{"$lte":5}}"#).unwrap());
        let residual = Residual::of(condition);
        let decision = || {
            let outcome = Outcome::AllowedIf(residual.clone());
            Decision::made(&ana(), organization(1), Read::INFO, outcome)
        };
        assert!(decision().is_allowed());
        assert_eq!(decision().residual(), Some(&residual));
        let granted = Granted::<Read>::from_decision(decision(), ana(), organization(1)).unwrap();
        assert_eq!(granted.residual(), Some(&residual));
        assert_eq!(granted.clone().residual(), Some(&residual));
        assert!(format!("{granted:?}").contains("$lte"), "{granted:?}");

        let outright = Decision::allowed(&ana(), organization(1), Read::INFO);
        assert_eq!(outright.residual(), None);
        let granted = Granted::<Read>::from_decision(outright, ana(), organization(1)).unwrap();
        assert_eq!(granted.residual(), None);
        let denied = Decision::denied(&ana(), organization(1), Read::INFO, Step::Grant);
        assert_eq!(denied.residual(), None);
    }

    #[test]
    fn a_changed_name_is_the_same_actor() {
        let decision = Decision::allowed(&ana(), organization(1), Read::INFO);
        let renamed = Arc::new(Actor {
            name: "Ana Maria".to_owned(),
            ..Actor::clone(&ana())
        });
        assert!(Granted::<Read>::from_decision(decision, renamed, organization(1)).is_ok());
    }

    #[test]
    fn the_operator_needs_a_reason() {
        let granted = Granted::<Delete>::for_operator("tenant purge", ana(), organization(3));
        assert_eq!(granted.operator_reason(), Some("tenant purge"));
        assert_eq!((granted.actor(), granted.organization()), (&ana(), organization(3)));
    }

    #[test]
    fn a_proof_tells_in_a_log_what_it_proves_and_no_name() {
        let granted = Granted::<Delete>::for_operator("tenant purge", ana(), organization(3)).clone();
        let printed = format!("{granted:?}");
        assert!(
            printed.contains("FINANCE_INVOICE_DELETE") && printed.contains("tenant purge"),
            "{printed}"
        );
        assert!(!printed.contains("Ana"), "{printed}");
    }

    #[test]
    fn a_proof_can_go_to_another_thread() {
        fn is_portable<T: Send + Sync + 'static>() {}
        is_portable::<Granted<Read>>();
    }
}
