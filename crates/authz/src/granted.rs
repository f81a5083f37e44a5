//! The proof that a permission was granted.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use kernel::{Actor, OrganizationId};

use crate::{Decision, Denial, Permission, Step};

/// The proof that an actor holds the permission `P` in an organization. A use case takes it as its first argument: without the
/// check having been made, there is nothing to call it with.
pub struct Granted<P> {
    actor: Arc<Actor>,
    organization: OrganizationId,
    operator_reason: Option<&'static str>,
    // A function pointer, so that the proof is `Send` and `Sync` whatever `P` is.
    permission: PhantomData<fn() -> P>,
}

impl<P: Permission> Granted<P> {
    /// Turns an allowing decision into the proof.
    ///
    /// # Errors
    /// The refusal, if the decision is one; [`Step::Decision`] when it is about another permission, actor or organization.
    pub fn from_decision(decision: Decision, actor: Arc<Actor>, organization: OrganizationId) -> Result<Self, Denial> {
        if !decision.is_about(&actor, organization, P::INFO) {
            return Err(Denial::new(P::INFO, Step::Decision));
        }
        match decision.into_denial() {
            Some(denial) => Err(denial),
            None => Ok(Self {
                actor,
                organization,
                operator_reason: None,
                permission: PhantomData,
            }),
        }
    }

    /// The proof for whoever holds the machine itself, who needs no permission of ours: the command line and the work at
    /// start-up. `reason` says which, and shows in `Debug`. A test lists every call, so that none is added unseen.
    #[must_use]
    pub const fn for_operator(reason: &'static str, actor: Arc<Actor>, organization: OrganizationId) -> Self {
        Self {
            actor,
            organization,
            operator_reason: Some(reason),
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
}

// By hand, because a derived one would ask `P: Clone`.
impl<P> Clone for Granted<P> {
    fn clone(&self) -> Self {
        Self {
            actor: Arc::clone(&self.actor),
            organization: self.organization,
            operator_reason: self.operator_reason,
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
            .finish()
    }
}
