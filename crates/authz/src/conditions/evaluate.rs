//! Deciding about one object.

use std::fmt;

use super::Condition;
use super::program::{Comparison, Instruction, trees};
use super::value::{Object, Value, Variable, Variables};

/// Whether a condition holds, and if not, why not.
#[must_use = "a verdict that nobody reads guards nothing"]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// It holds.
    Holds,
    /// It does not.
    Fails(Failure<'a>),
}

impl Verdict<'_> {
    /// Whether the condition holds.
    #[must_use]
    pub const fn holds(&self) -> bool {
        matches!(self, Self::Holds)
    }
}

/// The comparison for which a condition does not hold, and the value it was about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Failure<'a> {
    comparison: &'a Comparison,
    found: Option<Value<'a>>,
    cause: Cause,
}

/// Why a comparison made the condition fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The field has no value.
    Missing,
    /// Its value is of another type.
    WrongType,
    /// Its value is not as the comparison demands.
    Differs,
    /// The comparison holds, and `$not` stands before it.
    Negated,
    /// The request has no value for the variable.
    NoVariable(Variable),
}

impl<'a> Failure<'a> {
    /// Where in the condition the comparison stands: `$or[0].amount.$lte`.
    #[must_use]
    pub fn place(&self) -> &'a str {
        self.comparison.place()
    }

    /// The field it is about.
    #[must_use]
    pub fn field(&self) -> &'a str {
        self.comparison.field()
    }

    /// Its operator.
    #[must_use]
    pub const fn operator(&self) -> &'static str {
        self.comparison.operator()
    }

    /// The value that was found. Show it only to who may see the object.
    #[must_use]
    pub const fn found(&self) -> Option<Value<'a>> {
        self.found
    }

    /// Why it failed.
    #[must_use]
    pub const fn cause(&self) -> Cause {
        self.cause
    }
}

/// Without the value, which may tell something about a person.
impl fmt::Debug for Failure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failure")
            .field("place", &self.place())
            .field("cause", &self.cause)
            .finish_non_exhaustive()
    }
}

impl Condition {
    /// Decides about an object. It reads no clock and allocates nothing; the work is bounded by the size of the
    /// condition.
    ///
    /// Of several comparisons that fail, the verdict names the first in the text; [`Condition::failures`] all of them.
    pub fn evaluate<'a>(&'a self, object: &'a (impl Object + ?Sized), variables: &Variables<'_>) -> Verdict<'a> {
        if let Some(failure) = self.unbound(variables) {
            return Verdict::Fails(failure);
        }
        let run = Run {
            condition: self,
            object,
            variables,
        };
        match run.deviation(&self.program, true) {
            None => Verdict::Holds,
            Some((comparison, wanted)) => Verdict::Fails(run.failure(comparison, wanted)),
        }
    }

    /// Every comparison that has a part in the condition's not holding, in the order of the text; none when it holds.
    #[must_use]
    pub fn failures<'a>(&'a self, object: &'a (impl Object + ?Sized), variables: &Variables<'_>) -> Vec<Failure<'a>> {
        if let Some(failure) = self.unbound(variables) {
            return vec![failure];
        }
        let run = Run {
            condition: self,
            object,
            variables,
        };
        let mut failures = Vec::new();
        if run.deviation(&self.program, true).is_some() {
            run.collect(&self.program, true, &mut failures);
        }
        failures
    }

    /// Without a value for one of its variables a condition does not hold, whatever stands around the comparison: under
    /// a `$not` it would otherwise hold of everything.
    fn unbound(&self, variables: &Variables<'_>) -> Option<Failure<'_>> {
        let missing = if self.uses_user_id && !variables.has(Variable::UserId) {
            Variable::UserId
        } else if self.uses_user_email && !variables.has(Variable::UserEmail) {
            Variable::UserEmail
        } else {
            return None;
        };
        let comparison = self
            .comparisons
            .iter()
            .find(|comparison| comparison.variables().any(|used| used == missing))?;
        Some(Failure {
            comparison,
            found: None,
            cause: Cause::NoVariable(missing),
        })
    }
}

/// One evaluation.
struct Run<'a, 'v, O: ?Sized> {
    condition: &'a Condition,
    object: &'a O,
    variables: &'v Variables<'v>,
}

/// A comparison, and the outcome that was wanted of it.
type Deviation<'a> = (&'a Comparison, bool);

impl<'a, O: Object + ?Sized> Run<'a, '_, O> {
    /// Whether the tree's outcome is another than wanted: then the comparison that made it so. A program is a tree, or
    /// empty, and then it holds.
    fn deviation(&self, program: &'a [Instruction], wanted: bool) -> Option<Deviation<'a>> {
        let (head, inside) = program.split_first()?;
        match *head {
            Instruction::Test(number) => {
                let comparison = self.condition.comparison(number)?;
                let outcome = comparison.is_true_of(self.object.value(&comparison.field), self.variables);
                (outcome != wanted).then_some((comparison, wanted))
            }
            Instruction::Not(_) => self.deviation(inside, !wanted),
            Instruction::All(_) if wanted => self.first_of_all(inside, wanted),
            Instruction::Any(_) if !wanted => self.first_of_all(inside, wanted),
            Instruction::All(_) | Instruction::Any(_) => self.unless_any(inside, wanted),
        }
    }

    /// All trees must be as wanted: the deviation of the first that is not.
    fn first_of_all(&self, inside: &'a [Instruction], wanted: bool) -> Option<Deviation<'a>> {
        trees(inside).find_map(|tree| self.deviation(tree, wanted))
    }

    /// One tree must be as wanted: if none is, the deviation of the first.
    fn unless_any(&self, inside: &'a [Instruction], wanted: bool) -> Option<Deviation<'a>> {
        let mut first = None;
        for tree in trees(inside) {
            let deviation = self.deviation(tree, wanted)?;
            first.get_or_insert(deviation);
        }
        first
    }

    /// As [`Run::deviation`] of a tree that deviates, for all comparisons that have a part in it.
    fn collect(&self, program: &'a [Instruction], wanted: bool, failures: &mut Vec<Failure<'a>>) {
        let Some((head, inside)) = program.split_first() else {
            return;
        };
        match *head {
            Instruction::Test(_) => {
                if let Some((comparison, wanted)) = self.deviation(program, wanted) {
                    failures.push(self.failure(comparison, wanted));
                }
            }
            Instruction::Not(_) => self.collect(inside, !wanted, failures),
            Instruction::All(_) | Instruction::Any(_) => {
                for tree in trees(inside) {
                    if self.deviation(tree, wanted).is_some() {
                        self.collect(tree, wanted, failures);
                    }
                }
            }
        }
    }

    fn failure(&self, comparison: &'a Comparison, wanted: bool) -> Failure<'a> {
        let found = self.object.value(&comparison.field);
        let cause = match found {
            _ if !wanted => Cause::Negated,
            None => Cause::Missing,
            Some(value) if comparison.is_unfit_for(value, self.variables) => Cause::WrongType,
            Some(_) => Cause::Differs,
        };
        Failure {
            comparison,
            found,
            cause,
        }
    }
}
