//! The compiled form: a tree laid out in a row, so that deciding follows no pointer but the one to the comparisons.

use std::cmp::Ordering;

use kernel::Timestamp;
use uuid::Uuid;

use super::value::{Value, Variable, Variables};

/// One step of a tree in preorder. The number of a group is the number of instructions inside it, so that a group can be
/// skipped, and means the same wherever it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Instruction {
    /// All of what is inside.
    All(u16),
    /// Any of what is inside.
    Any(u16),
    /// Not what is inside, which is one tree.
    Not(u16),
    /// The comparison with this number.
    Test(u16),
}

impl Instruction {
    /// How many instructions are inside.
    pub(super) const fn inside(self) -> usize {
        match self {
            Self::All(length) | Self::Any(length) | Self::Not(length) => length as usize,
            Self::Test(_) => 0,
        }
    }
}

/// The trees that stand beside each other in a stretch of instructions.
pub(super) fn trees(mut program: &[Instruction]) -> impl Iterator<Item = &[Instruction]> {
    std::iter::from_fn(move || {
        let length = 1 + program.first()?.inside();
        let (tree, rest) = program.split_at_checked(length)?;
        program = rest;
        Some(tree)
    })
}

/// One comparison of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    pub(super) field: Box<str>,
    pub(super) place: Box<str>,
    pub(super) test: Test,
}

/// What is asked of the field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Test {
    Exists(bool),
    Compare(Relation, Operand),
    In { negated: bool, operands: Box<[Operand]> },
}

/// How two values are to stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What a field is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operand {
    Bool(bool),
    Integer(i64),
    Text(Literal),
    Variable(Variable),
}

/// A text in a condition, with what else it can be read as: a field that is an instant or an id is compared as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Literal {
    pub(super) text: Box<str>,
    pub(super) instant: Option<Timestamp>,
    pub(super) id: Option<Uuid>,
}

impl Literal {
    pub(super) fn new(text: &str) -> Self {
        Self {
            text: text.into(),
            instant: text.parse().ok(),
            id: kernel::id::parse_uuid(text).ok(),
        }
    }
}

/// An operand with its value.
enum Scalar<'a> {
    Bool(bool),
    Integer(i64),
    Literal(&'a Literal),
    Text(&'a str),
    Time(Timestamp),
    Id(Uuid),
}

/// How a value stands to an operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// They are of types that have nothing to do with each other.
    Unfit,
    /// They are of a type without an order, and the same or not.
    Same(bool),
    /// They are of a type with an order.
    Ordered(Ordering),
}

impl Comparison {
    /// The field it is about.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// Where in the condition it stands: `$or[0].amount.$lte`.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Its operator: `$lte`.
    #[must_use]
    pub const fn operator(&self) -> &'static str {
        match &self.test {
            Test::Exists(_) => "$exists",
            Test::In { negated: false, .. } => "$in",
            Test::In { negated: true, .. } => "$nin",
            Test::Compare(relation, _) => relation.as_str(),
        }
    }

    /// The variables it uses.
    pub(super) fn variables(&self) -> impl Iterator<Item = Variable> {
        let operands = match &self.test {
            Test::Exists(_) => &[][..],
            Test::Compare(_, operand) => std::slice::from_ref(operand),
            Test::In { operands, .. } => operands,
        };
        operands.iter().filter_map(|operand| match operand {
            Operand::Variable(variable) => Some(*variable),
            _ => None,
        })
    }

    /// Whether it is true of the value. It is total: what cannot be compared is false, and only `$ne`, `$nin` and
    /// `{"$exists": false}` are true of what is missing.
    pub(super) fn is_true_of(&self, value: Option<Value<'_>>, variables: &Variables<'_>) -> bool {
        let Some(value) = value else {
            return match &self.test {
                Test::Exists(wanted) => !wanted,
                Test::Compare(relation, _) => *relation == Relation::NotEqual,
                Test::In { negated, .. } => *negated,
            };
        };
        match &self.test {
            Test::Exists(wanted) => *wanted,
            Test::Compare(relation, operand) => relation.holds(operand.standing(value, variables)),
            Test::In {
                negated: false,
                operands,
            } => operands
                .iter()
                .any(|operand| Relation::Equal.holds(operand.standing(value, variables))),
            Test::In {
                negated: true,
                operands,
            } => operands
                .iter()
                .all(|operand| Relation::NotEqual.holds(operand.standing(value, variables))),
        }
    }

    /// Whether the value is of a type that the comparison has nothing to do with.
    pub(super) fn is_unfit_for(&self, value: Value<'_>, variables: &Variables<'_>) -> bool {
        match &self.test {
            Test::Exists(_) => false,
            Test::Compare(relation, operand) => {
                let standing = operand.standing(value, variables);
                standing == Standing::Unfit || (relation.needs_order() && matches!(standing, Standing::Same(_)))
            }
            Test::In { operands, .. } => operands
                .iter()
                .all(|operand| operand.standing(value, variables) == Standing::Unfit),
        }
    }
}

impl Relation {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "$eq",
            Self::NotEqual => "$ne",
            Self::Less => "$lt",
            Self::LessOrEqual => "$lte",
            Self::Greater => "$gt",
            Self::GreaterOrEqual => "$gte",
        }
    }

    /// Whether it asks which of the two comes first.
    pub(super) const fn needs_order(self) -> bool {
        !matches!(self, Self::Equal | Self::NotEqual)
    }

    /// The relation that holds of two comparable values exactly when this one does not.
    pub(super) const fn opposite(self) -> Self {
        match self {
            Self::Equal => Self::NotEqual,
            Self::NotEqual => Self::Equal,
            Self::Less => Self::GreaterOrEqual,
            Self::LessOrEqual => Self::Greater,
            Self::Greater => Self::LessOrEqual,
            Self::GreaterOrEqual => Self::Less,
        }
    }

    const fn holds(self, standing: Standing) -> bool {
        match standing {
            Standing::Unfit => false,
            Standing::Same(same) => match self {
                Self::Equal => same,
                Self::NotEqual => !same,
                Self::Less | Self::LessOrEqual | Self::Greater | Self::GreaterOrEqual => false,
            },
            Standing::Ordered(ordering) => match self {
                Self::Equal => ordering.is_eq(),
                Self::NotEqual => ordering.is_ne(),
                Self::Less => ordering.is_lt(),
                Self::LessOrEqual => ordering.is_le(),
                Self::Greater => ordering.is_gt(),
                Self::GreaterOrEqual => ordering.is_ge(),
            },
        }
    }
}

impl Operand {
    fn value<'a>(&'a self, variables: &'a Variables<'_>) -> Option<Scalar<'a>> {
        Some(match self {
            Self::Bool(value) => Scalar::Bool(*value),
            Self::Integer(value) => Scalar::Integer(*value),
            Self::Text(literal) => Scalar::Literal(literal),
            Self::Variable(Variable::UserId) => Scalar::Id(variables.user_id?),
            Self::Variable(Variable::UserEmail) => Scalar::Text(variables.user_email?),
            Self::Variable(Variable::OrganizationId) => Scalar::Id(variables.organization_id),
            Self::Variable(Variable::Now) => Scalar::Time(variables.now),
        })
    }

    /// How `value` stands to it.
    fn standing(&self, value: Value<'_>, variables: &Variables<'_>) -> Standing {
        let Some(operand) = self.value(variables) else {
            return Standing::Unfit;
        };
        match (value, operand) {
            (Value::Bool(value), Scalar::Bool(operand)) => Standing::Same(value == operand),
            (Value::Integer(value), Scalar::Integer(operand)) => Standing::Ordered(value.cmp(&operand)),
            (Value::Text(value), Scalar::Literal(operand)) => Standing::Ordered(value.cmp(&operand.text)),
            (Value::Text(value) | Value::Untyped(value), Scalar::Text(operand)) => {
                Standing::Ordered(value.cmp(operand))
            }
            (Value::Time(value), Scalar::Time(operand)) => Standing::Ordered(value.cmp(&operand)),
            (Value::Time(value), Scalar::Literal(operand)) => of_instants(Some(value), operand.instant),
            (Value::Id(value), Scalar::Id(operand)) => Standing::Same(value == operand),
            (Value::Id(value), Scalar::Literal(operand)) => of_ids(Some(value), operand.id),
            (Value::Untyped(value), Scalar::Time(operand)) => of_instants(value.parse().ok(), Some(operand)),
            (Value::Untyped(value), Scalar::Id(operand)) => of_ids(kernel::id::parse_uuid(value).ok(), Some(operand)),
            (Value::Untyped(value), Scalar::Literal(operand)) => untyped(value, operand),
            _ => Standing::Unfit,
        }
    }
}

fn of_instants(value: Option<Timestamp>, operand: Option<Timestamp>) -> Standing {
    match (value, operand) {
        (Some(value), Some(operand)) => Standing::Ordered(value.cmp(&operand)),
        _ => Standing::Unfit,
    }
}

fn of_ids(value: Option<Uuid>, operand: Option<Uuid>) -> Standing {
    match (value, operand) {
        (Some(value), Some(operand)) => Standing::Same(value == operand),
        _ => Standing::Unfit,
    }
}

/// Two texts of which both can be instants, or both ids, are compared as such, as they would be if the field were stored
/// as one; others as texts.
fn untyped(value: &str, operand: &Literal) -> Standing {
    if operand.instant.is_some()
        && let Ok(value) = value.parse()
    {
        return of_instants(Some(value), operand.instant);
    }
    if operand.id.is_some()
        && let Ok(value) = kernel::id::parse_uuid(value)
    {
        return of_ids(Some(value), operand.id);
    }
    Standing::Ordered(value.cmp(&operand.text))
}
