//! A grant together with what it is limited to.

use std::fmt;
use std::sync::Arc;

use kernel::{Actor, ActorKind, Id as _, OrganizationId, Timestamp};

use crate::conditions::{Column, Object, Predicate, PredicateError, Residual, Variables};
use crate::{Denial, Granted, Permission, Step};

/// The permission `P`, within what its conditions hold of.
///
/// A [`Granted`] can only be had of it for an object that was looked at ([`Within::admit`]), or where nothing is limited; and a list
/// asks it for the rows that it reaches ([`Within::predicate`]). So a context that takes conditional grants cannot forget to apply
/// them.
pub struct Within<P> {
    granted: Granted<P>,
    user_email: Option<Arc<str>>,
    now: Timestamp,
}

impl<P: Permission> Within<P> {
    /// The grant, to be used at the instant `now`. `user_email` is the address of the user who acts, for conditions that ask for it.
    #[must_use]
    pub const fn new(granted: Granted<P>, user_email: Option<Arc<str>>, now: Timestamp) -> Self {
        Self {
            granted,
            user_email,
            now,
        }
    }

    /// Who acts.
    #[must_use]
    pub const fn actor(&self) -> &Arc<Actor> {
        self.granted.actor()
    }

    /// The organization acted in.
    #[must_use]
    pub const fn organization(&self) -> OrganizationId {
        self.granted.organization()
    }

    /// What it is limited to, if there is such a limit.
    #[must_use]
    pub const fn residual(&self) -> Option<&Residual> {
        self.granted.residual()
    }

    /// The proof for this object. Before a change it takes the object as it is, and after it the object as it became; for a
    /// creation, the object to be made.
    ///
    /// # Errors
    /// The refusal at [`Step::Condition`], when no condition holds of the object.
    pub fn admit(&self, object: &(impl Object + ?Sized)) -> Result<&Granted<P>, Denial> {
        let is_reached = self
            .residual()
            .is_none_or(|residual| residual.evaluate(object, &self.variables()).holds());
        if is_reached {
            Ok(&self.granted)
        } else {
            Err(self.refusal())
        }
    }

    /// The proof for all objects.
    ///
    /// # Errors
    /// The refusal at [`Step::Condition`], when the grant is limited at all.
    pub fn everything(&self) -> Result<&Granted<P>, Denial> {
        match self.residual() {
            None => Ok(&self.granted),
            Some(_) => Err(self.refusal()),
        }
    }

    /// The rows that it reaches, for the `WHERE` of a list; `None` for all.
    ///
    /// # Errors
    /// [`PredicateError`] when a condition asks for what is no column.
    pub fn predicate(&self, columns: &[Column]) -> Result<Option<Predicate>, PredicateError> {
        self.residual()
            .map(|residual| residual.to_predicate(columns, &self.variables()))
            .transpose()
    }

    /// The refusal of an object that it does not reach.
    #[must_use]
    pub const fn refusal(&self) -> Denial {
        Denial::new(P::INFO, Step::Condition)
    }

    fn variables(&self) -> Variables<'_> {
        let actor = self.actor();
        Variables {
            user_id: (actor.kind == ActorKind::User).then_some(actor.id),
            user_email: self.user_email.as_deref(),
            organization_id: self.organization().as_uuid(),
            now: self.now,
        }
    }
}

// By hand, because a derived one would ask `P: Clone`.
impl<P> Clone for Within<P> {
    fn clone(&self) -> Self {
        Self {
            granted: self.granted.clone(),
            user_email: self.user_email.clone(),
            now: self.now,
        }
    }
}

/// Without the address, which is personal data.
impl<P: Permission> fmt::Debug for Within<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Within")
            .field("granted", &self.granted)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}
