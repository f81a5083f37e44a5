//! What is left to be decided when the permission is granted, but not for everything.

use std::sync::Arc;

use smallvec::SmallVec;

use super::Condition;
use super::evaluate::{Failure, Verdict};
use super::predicate::{Column, Predicate, PredicateError};
use super::value::{Object, Variables};

/// The conditions under which a permission is granted, one for each grant: the grant reaches an object of which any of
/// them holds.
///
/// It travels in a decision and in the proof made of it, so that whoever loads, lists or changes objects applies it:
/// [`Residual::evaluate`] to an object, before and after a change, [`Residual::to_predicate`] to a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Residual {
    // Apart, so that there is always one: of no condition at all one could only guess whether it holds.
    first: Arc<Condition>,
    // Four in all fit without a place on the heap; more for one permission are rare.
    others: SmallVec<[Arc<Condition>; 3]>,
}

impl Residual {
    /// The permission reaches what `condition` holds of.
    #[must_use]
    pub fn of(condition: Arc<Condition>) -> Self {
        Self {
            first: condition,
            others: SmallVec::new(),
        }
    }

    /// The permission also reaches what `condition` holds of.
    #[must_use]
    pub fn or(mut self, condition: &Arc<Condition>) -> Self {
        if !self
            .conditions()
            .any(|known| Arc::ptr_eq(known, condition) || known == condition)
        {
            self.others.push(Arc::clone(condition));
        }
        self
    }

    /// The conditions, of which any is enough. There is at least one.
    pub fn conditions(&self) -> impl Iterator<Item = &Arc<Condition>> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// Whether any of them asks for the address of the user who acts: only then does it have to be looked up.
    #[must_use]
    pub fn uses_user_email(&self) -> bool {
        self.conditions().any(|condition| condition.uses_user_email())
    }

    /// Decides about an object. Of several conditions that all fail, the verdict tells of the first.
    pub fn evaluate<'a>(&'a self, object: &'a (impl Object + ?Sized), variables: &Variables<'_>) -> Verdict<'a> {
        let verdict = self.first.evaluate(object, variables);
        let holds = verdict.holds()
            || self
                .others
                .iter()
                .any(|condition| condition.evaluate(object, variables).holds());
        if holds { Verdict::Holds } else { verdict }
    }

    /// Every comparison that has a part in the object's not being reached; none when it is.
    #[must_use]
    pub fn failures<'a>(&'a self, object: &'a (impl Object + ?Sized), variables: &Variables<'_>) -> Vec<Failure<'a>> {
        if self.evaluate(object, variables).holds() {
            return Vec::new();
        }
        self.conditions()
            .flat_map(|condition| condition.failures(object, variables))
            .collect()
    }

    /// The rows that it reaches, for the `WHERE` of a list.
    ///
    /// # Errors
    /// [`PredicateError`] when a condition names a field that is no column, or there are too many values to bind.
    pub fn to_predicate(&self, columns: &[Column], variables: &Variables<'_>) -> Result<Predicate, PredicateError> {
        Predicate::any(self.conditions().map(|condition| &**condition), columns, variables)
    }
}
