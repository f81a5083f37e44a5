//! Conditions: what must be true of an object for a grant to reach it, as JSON.
//!
//! A role permission may carry one. It is read and checked once, when the grant is made; from then on the same compiled
//! form decides about one object ([`Condition::evaluate`]) and becomes the `WHERE` of a list
//! ([`Condition::to_predicate`]), with the same answer for every row.
//!
//! ```
//! use authz::conditions::{Condition, Variables, Verdict};
//! use kernel::{Id as _, OrganizationId, Timestamp};
//! use serde_json::json;
//!
//! let condition = Condition::parse("conditions", r#"{"amount": {"$lte": 100000}, "ownerId": "${user.id}"}"#)
//!     .map_err(|problems| format!("{problems:?}"))?;
//!
//! let ana = kernel::id::parse_uuid("01890a5d-ac96-774b-bcce-b302099a8057")?;
//! let organization: OrganizationId = "01890a5d-ac96-774b-bcce-b302099a8058".parse()?;
//! let variables = Variables {
//!     user_id: Some(ana),
//!     user_email: Some("ana@example.com"),
//!     organization_id: organization.as_uuid(),
//!     now: "2026-11-21T12:30:00Z".parse()?,
//! };
//!
//! let invoice = json!({"amount": 99_900, "ownerId": ana.to_string()});
//! assert_eq!(condition.evaluate(&invoice, &variables), Verdict::Holds);
//!
//! let large = json!({"amount": 100_001, "ownerId": ana.to_string()});
//! let Verdict::Fails(failure) = condition.evaluate(&large, &variables) else {
//!     return Err("a hundred thousand and one is too much".into());
//! };
//! assert_eq!(failure.place(), "amount.$lte");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The language
//!
//! A condition is an object. Its entries must all hold.
//!
//! | entry | holds when |
//! |---|---|
//! | `"status": "open"` | the field equals the value; short for `{"$eq": "open"}` |
//! | `"amount": {"$gte": 1, "$lte": 9}` | all of its operators hold of the field |
//! | `"amount": {"$not": {"$gt": 9}}` | what `$not` stands before does not hold of the field |
//! | `"$and": [{…}, {…}]` | all of the objects hold |
//! | `"$or": [{…}, {…}]` | at least one of them holds |
//! | `"$not": {…}` | the object does not hold |
//!
//! | operator | takes | holds when |
//! |---|---|---|
//! | `$eq`, `$ne` | a text, whole number, true, false or variable | the field is the same, is another |
//! | `$in`, `$nin` | a list of such values | the field is one of them, is none of them |
//! | `$lt`, `$lte`, `$gt`, `$gte` | a text, whole number or variable | the field comes before, not after, after, not before |
//! | `$exists` | true or false | the field has a value, has none |
//! | `$not` | an object of operators | they do not all hold |
//!
//! Variables stand alone in a text: `${user.id}`, `${user.email}`, `${organization.id}`, `${now}`. Where the request has
//! no value for one, the condition does not hold.
//!
//! A dot in a field's name leads into an object: `"address.city"`. Null and missing are the same; `null` cannot be
//! compared with, `$exists` asks for it. Whole numbers may be written `100.0`. There are no patterns.
//!
//! # Missing and wrongly typed values
//!
//! Every comparison is either true or false:
//!
//! - of a missing value it is false, except `{"$exists": false}`, `$ne` and `$nin`, which are true;
//! - of a value of another type it is false, `$ne` too, and `$nin` when any value of its list is of another type;
//! - texts and instants and numbers have an order, ids and truth values have none: `$lt` is false of these.
//!
//! `$not` turns what it stands before: `{"$not": {"$gt": 5}}` is true of a missing field.
//!
//! Texts are compared by code points, with case and accents. A text in a condition that is an RFC 3339 timestamp or a
//! UUID fits a field that is an instant or an id, and is compared as one.
//!
//! # In SQL
//!
//! [`Condition::to_predicate`] is given the columns of the fields with their types, and refuses a field that is none. It says
//! the same as [`Condition::evaluate`] of every row, on both engines: this crate compares them through an interpreter of SQL's
//! three-valued logic, and whoever has the engines compares with these, with the cases of the module `differential` (feature
//! `testing`).
//!
//! # Bounds
//!
//! At most [`MAX_BYTES`] of text, [`MAX_DEPTH`] levels of objects and lists and [`MAX_OPERANDS`] values. What is wrong with a condition
//! is told all at once, each problem with its place: `conditions.$or[0].amount.$regex`.

#[cfg(any(test, feature = "testing"))]
pub mod differential;
mod evaluate;
mod json;
mod never;
mod parse;
mod predicate;
mod program;
mod residual;
mod value;

pub use evaluate::{Cause, Failure, Verdict};
pub use predicate::{Column, ColumnKind, Dialect, Predicate, PredicateError};
pub use program::Comparison;
pub use residual::Residual;
pub use value::{Object, Value, Variable, Variables};

use std::fmt;

use kernel::RuleViolation;

use self::program::{Instruction, trees};

/// The largest condition, in bytes of JSON.
pub const MAX_BYTES: usize = 16 * 1024;
/// The deepest condition, in levels of objects and lists.
pub const MAX_DEPTH: usize = 16;
/// The greatest number of values that a condition compares with. It keeps a list's statement well within what either
/// engine binds (32,766 and 65,535 values), several conditions included.
pub const MAX_OPERANDS: usize = 500;

/// A condition, checked and compiled. It never changes; two with the same text are equal.
#[derive(Clone)]
pub struct Condition {
    source: Box<str>,
    program: Box<[Instruction]>,
    comparisons: Box<[Comparison]>,
    uses_user_id: bool,
    uses_user_email: bool,
}

impl Condition {
    /// Reads a condition from its JSON text. `place` is the field it was sent in, and begins the place of every problem.
    ///
    /// # Errors
    /// All that is wrong with it, up to a hundred problems.
    pub fn parse(place: &str, text: &str) -> Result<Self, Vec<RuleViolation>> {
        parse::from_text(place, text)
    }

    /// Reads a condition from JSON that was parsed with something around it. Fields given twice are for that parser to
    /// refuse: they cannot be seen any more.
    ///
    /// # Errors
    /// As [`Condition::parse`].
    pub fn from_value(place: &str, value: &serde_json::Value) -> Result<Self, Vec<RuleViolation>> {
        parse::from_value(place, value)
    }

    /// The condition as JSON, without spaces: what is stored and shown. It reads back as the same condition.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it holds of everything: `{}`.
    #[must_use]
    pub fn is_always(&self) -> bool {
        self.program.is_empty()
    }

    /// Whether it asks for `${user.email}`, which whoever applies it has to look up.
    #[must_use]
    pub const fn uses_user_email(&self) -> bool {
        self.uses_user_email
    }

    /// Its comparisons, in the order of the text.
    #[must_use]
    pub fn comparisons(&self) -> &[Comparison] {
        &self.comparisons
    }

    /// Whether it is at least as strict as `other`: whatever it holds of, `other` holds of too.
    ///
    /// Found by shape: each part that `other` demands is demanded here in the same words. A `false` may be wrong
    /// (`{"a": {"$lt": 1}}` is stricter than `{"a": {"$lt": 2}}`), a `true` never is.
    #[must_use]
    pub fn implies(&self, other: &Self) -> bool {
        let (mut mine, mut theirs) = (Vec::new(), Vec::new());
        conjuncts(&self.program, &mut mine);
        conjuncts(&other.program, &mut theirs);
        theirs
            .iter()
            .all(|wanted| mine.iter().any(|part| self.says_the_same(part, other, wanted)))
    }

    fn says_the_same(&self, mine: &[Instruction], other: &Self, theirs: &[Instruction]) -> bool {
        mine.len() == theirs.len()
            && mine.iter().zip(theirs).all(|pair| match pair {
                (Instruction::Test(mine), Instruction::Test(theirs)) => {
                    match (self.comparison(*mine), other.comparison(*theirs)) {
                        (Some(mine), Some(theirs)) => mine.field == theirs.field && mine.test == theirs.test,
                        _ => false,
                    }
                }
                (mine, theirs) => mine == theirs,
            })
    }

    fn comparison(&self, number: u16) -> Option<&Comparison> {
        self.comparisons.get(usize::from(number))
    }

    /// Heap memory it takes, in bytes, the condition itself included.
    pub(crate) fn footprint(&self) -> usize {
        let texts: usize = self
            .comparisons
            .iter()
            .map(|comparison| comparison.field.len() + comparison.place.len())
            .sum();
        size_of::<Self>()
            + self.source.len()
            + size_of_val(&*self.program)
            + size_of_val(&*self.comparisons)
            // What the comparisons hold on the heap was in the text, give or take.
            + texts
            + self.source.len()
    }
}

/// The parts of a program that must all hold.
fn conjuncts<'p>(program: &'p [Instruction], parts: &mut Vec<&'p [Instruction]>) {
    for tree in trees(program) {
        match tree.split_first() {
            Some((Instruction::All(_), inside)) => conjuncts(inside, parts),
            _ => parts.push(tree),
        }
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Condition {}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Condition").field(&self.source).finish()
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

#[cfg(test)]
mod tests;
