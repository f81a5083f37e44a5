//! A condition as SQL.
//!
//! SQL knows a third truth value, and `NOT` keeps it: `NOT (amount > 5)` is not true of a row without an amount, while
//! the condition `{"amount": {"$not": {"$gt": 5}}}` is. So no `NOT` is written. It is driven inwards to the comparisons,
//! and each becomes an expression that is true exactly when the comparison (or its contrary) is; where it is not true it
//! may be false or NULL, and under `AND` and `OR` alone the difference shows nowhere.
//!
//! Whether a value is of a comparison's type is known beforehand, by the column.

use std::fmt::Write as _;

use kernel::{FieldValue, Rule, RuleViolation, Timestamp};
use uuid::Uuid;

use super::Condition;
use super::program::{Comparison, Instruction, Operand, Relation, Test, trees};
use super::value::{Variable, Variables};

/// The most values that one predicate binds: with the list's own they stay below SQLite's 32,766.
const MAX_VALUES: usize = 30_000;

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColumnKind {
    /// `BOOLEAN`; on SQLite the integers 0 and 1.
    Bool,
    /// A whole number of any width.
    Integer,
    /// Text.
    Text,
    /// `TIMESTAMPTZ`; on SQLite microseconds.
    Time,
    /// `UUID`; on SQLite a blob.
    Id,
}

/// The column in which a field is stored. What a resource's lists can be conditioned on is a constant list of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// The field's name in the API: `ownerId`.
    pub field: &'static str,
    /// The column as the statement calls it: `owner_id`, `i.owner_id`. It is written into the text as it is.
    pub column: &'static str,
    /// Its type.
    pub kind: ColumnKind,
}

impl Column {
    /// The field `field` in the column `column`.
    #[must_use]
    pub const fn new(field: &'static str, column: &'static str, kind: ColumnKind) -> Self {
        Self { field, column, kind }
    }
}

/// Whose SQL. They differ in how texts are put in order: by code points needs to be said on PostgreSQL, where it is the
/// database's locale otherwise, and is so on SQLite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// SQLite's.
    Sqlite,
    /// PostgreSQL's.
    Postgres,
}

/// Why a condition has no predicate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PredicateError {
    /// It asks for a field that is not stored in a column, so that no list can be filtered by it.
    #[error("the field {field} of the condition is no column")]
    UnknownField {
        /// The field.
        field: String,
    },
    /// The conditions together compare with too many values.
    #[error("the conditions compare with more than {MAX_VALUES} values")]
    TooManyValues,
}

/// A boolean SQL expression with placeholders, and the values to bind. It is in parentheses where it needs to be; put it
/// behind `WHERE` or `AND`, not behind `NOT`: where it is not true it may be NULL.
#[derive(Debug, Clone, PartialEq)]
pub struct Predicate {
    pieces: Vec<Piece>,
    values: Vec<FieldValue>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    Word(&'static str),
    /// The value with this number.
    Value(usize),
    /// The value with this number, with the width of the widest integer: the column's may be too narrow for it.
    WideInteger(usize),
    /// The order of code points.
    ByCodePoint,
}

impl Predicate {
    /// The rows of which any of the conditions holds.
    pub(super) fn any<'c>(
        conditions: impl Iterator<Item = &'c Condition>,
        columns: &[Column],
        variables: &Variables<'_>,
    ) -> Result<Self, PredicateError> {
        let mut writer = Writer {
            columns,
            variables,
            predicate: Self {
                pieces: Vec::new(),
                values: Vec::new(),
            },
        };
        let mut between = "(";
        for condition in conditions {
            writer.word(between);
            writer.condition(condition)?;
            between = " OR ";
        }
        writer.word(")");
        if writer.predicate.values.len() > MAX_VALUES {
            return Err(PredicateError::TooManyValues);
        }
        Ok(writer.predicate)
    }

    /// The expression. Its first placeholder is `$first`, since those before it belong to the statement around it.
    #[must_use]
    pub fn text(&self, dialect: Dialect, first: usize) -> String {
        let mut text = String::new();
        for piece in &self.pieces {
            // Writing to a String does not fail.
            let _infallible = match piece {
                Piece::Word(word) => text.write_str(word),
                Piece::Value(number) => write!(text, "${}", first + number),
                Piece::WideInteger(number) => write!(text, "CAST(${} AS BIGINT)", first + number),
                Piece::ByCodePoint => match dialect {
                    Dialect::Sqlite => Ok(()),
                    Dialect::Postgres => text.write_str(" COLLATE \"C\""),
                },
            };
        }
        text
    }

    /// The values, in the order of the placeholders. None is null or a list.
    #[must_use]
    pub fn values(&self) -> &[FieldValue] {
        &self.values
    }

    /// The values, to be bound.
    #[must_use]
    pub fn into_values(self) -> Vec<FieldValue> {
        self.values
    }
}

impl Condition {
    /// The rows of which it holds, for the `WHERE` of a list.
    ///
    /// # Errors
    /// [`PredicateError`] when it names a field that is no column.
    pub fn to_predicate(&self, columns: &[Column], variables: &Variables<'_>) -> Result<Predicate, PredicateError> {
        Predicate::any(std::iter::once(self), columns, variables)
    }

    /// What in the condition makes no sense for these columns: fields that are none, and comparisons that can never be
    /// true of the column's type. A grant is checked with it where the resource's columns are known. `place` is as in
    /// [`Condition::parse`].
    #[must_use]
    pub fn misfits(&self, place: &str, columns: &[Column]) -> Vec<RuleViolation> {
        self.comparisons()
            .iter()
            .filter_map(|comparison| {
                let rule = match columns.iter().find(|column| column.field == comparison.field()) {
                    None => Rule::UnknownField,
                    Some(column) => misfit(comparison, column.kind)?,
                };
                Some(RuleViolation::new(comparison.place().to_owned(), rule).under(place))
            })
            .collect()
    }
}

/// What a comparison must be instead, to be of use for a column of the kind.
fn misfit(comparison: &Comparison, kind: ColumnKind) -> Option<Rule> {
    let operands = match &comparison.test {
        Test::Exists(_) => return None,
        Test::Compare(relation, _) if relation.needs_order() && !kind.has_order() => {
            return Some(Rule::NotAllowed {
                allowed: ["$eq", "$ne", "$in", "$nin", "$exists"].map(str::to_owned).to_vec(),
            });
        }
        Test::Compare(_, operand) => std::slice::from_ref(operand),
        Test::In { operands, .. } => operands,
    };
    if operands.iter().all(|operand| operand.fits(kind)) {
        return None;
    }
    Some(match kind {
        ColumnKind::Bool => Rule::InvalidType { expected: "boolean" },
        ColumnKind::Integer => Rule::InvalidType { expected: "integer" },
        ColumnKind::Text => Rule::InvalidType { expected: "string" },
        ColumnKind::Time => Rule::InvalidFormat {
            expected: "2026-11-21T12:30:00Z",
        },
        ColumnKind::Id => Rule::InvalidFormat {
            expected: "01890a5d-ac96-774b-bcce-b302099a8057",
        },
    })
}

impl ColumnKind {
    const fn has_order(self) -> bool {
        match self {
            Self::Integer | Self::Text | Self::Time => true,
            Self::Bool | Self::Id => false,
        }
    }
}

impl Operand {
    /// Whether it can be compared with a column of the kind, whatever the variables' values.
    fn fits(&self, kind: ColumnKind) -> bool {
        let somebody = Variables {
            user_id: Some(Uuid::nil()),
            user_email: Some(""),
            organization_id: Uuid::nil(),
            now: Timestamp::UNIX_EPOCH,
        };
        self.bound(kind, &somebody).is_some()
    }

    /// The value to compare a column of the kind with; `None` if the two have nothing to do with each other.
    fn bound(&self, kind: ColumnKind, variables: &Variables<'_>) -> Option<FieldValue> {
        match (kind, self) {
            (ColumnKind::Bool, Self::Bool(value)) => Some(FieldValue::Bool(*value)),
            (ColumnKind::Integer, Self::Integer(value)) => Some(FieldValue::Integer(*value)),
            (ColumnKind::Text, Self::Text(literal)) => Some(FieldValue::Text(literal.text.to_string())),
            (ColumnKind::Text, Self::Variable(Variable::UserEmail)) => {
                variables.user_email.map(|email| FieldValue::Text(email.to_owned()))
            }
            (ColumnKind::Time, Self::Text(literal)) => literal.instant.map(FieldValue::Time),
            (ColumnKind::Time, Self::Variable(Variable::Now)) => Some(FieldValue::Time(variables.now)),
            (ColumnKind::Id, Self::Text(literal)) => literal.id.map(FieldValue::Id),
            (ColumnKind::Id, Self::Variable(Variable::UserId)) => variables.user_id.map(FieldValue::Id),
            (ColumnKind::Id, Self::Variable(Variable::OrganizationId)) => {
                Some(FieldValue::Id(variables.organization_id))
            }
            _ => None,
        }
    }
}

struct Writer<'c> {
    columns: &'c [Column],
    variables: &'c Variables<'c>,
    predicate: Predicate,
}

const ALWAYS: &str = "1 = 1";
const NEVER: &str = "1 = 0";

impl Writer<'_> {
    fn word(&mut self, word: &'static str) {
        self.predicate.pieces.push(Piece::Word(word));
    }

    fn condition(&mut self, condition: &Condition) -> Result<(), PredicateError> {
        // As when deciding: without a value for a variable it holds of nothing.
        let variables = self.variables;
        let unbound = condition
            .comparisons()
            .iter()
            .flat_map(Comparison::variables)
            .any(|variable| !variables.has(variable));
        // The fields are looked at all the same: whether a condition can filter a list must not depend on who asks.
        for comparison in condition.comparisons() {
            self.column(comparison)?;
        }
        if unbound {
            self.word(NEVER);
            return Ok(());
        }
        self.tree(condition, &condition.program, true)
    }

    /// A tree, or the contrary of it.
    fn tree(&mut self, condition: &Condition, program: &[Instruction], wanted: bool) -> Result<(), PredicateError> {
        let Some((head, inside)) = program.split_first() else {
            self.word(ALWAYS);
            return Ok(());
        };
        let word = match (*head, wanted) {
            (Instruction::Test(number), _) => {
                return match condition.comparison(number) {
                    Some(comparison) => self.comparison(comparison, wanted),
                    None => {
                        self.word(NEVER);
                        Ok(())
                    }
                };
            }
            (Instruction::Not(_), _) => return self.tree(condition, inside, !wanted),
            (Instruction::All(_), true) | (Instruction::Any(_), false) => " AND ",
            (Instruction::All(_), false) | (Instruction::Any(_), true) => " OR ",
        };
        let mut between = "(";
        for tree in trees(inside) {
            self.word(between);
            self.tree(condition, tree, wanted)?;
            between = word;
        }
        self.word(")");
        Ok(())
    }

    fn column(&self, comparison: &Comparison) -> Result<Column, PredicateError> {
        self.columns
            .iter()
            .find(|column| column.field == comparison.field())
            .copied()
            .ok_or_else(|| PredicateError::UnknownField {
                field: comparison.field().to_owned(),
            })
    }

    fn comparison(&mut self, comparison: &Comparison, wanted: bool) -> Result<(), PredicateError> {
        let column = self.column(comparison)?;
        match &comparison.test {
            Test::Exists(exists) => self.exists(column, *exists == wanted),
            Test::Compare(relation, operand) => match operand.bound(column.kind, self.variables) {
                Some(value) if column.kind.has_order() || !relation.needs_order() => {
                    self.compare(column, *relation, value, wanted);
                }
                // Of another type: `$ne` is true of a missing value alone, the others of nothing.
                _ if *relation == Relation::NotEqual => self.exists(column, !wanted),
                _ => self.word(if wanted { NEVER } else { ALWAYS }),
            },
            Test::In { negated, operands } => {
                let fitting: Vec<FieldValue> = operands
                    .iter()
                    .filter_map(|operand| operand.bound(column.kind, self.variables))
                    .collect();
                if *negated && fitting.len() < operands.len() {
                    // As `$ne` of the one that does not fit.
                    self.exists(column, !wanted);
                } else {
                    self.one_of(column, fitting, *negated != wanted);
                }
            }
        }
        Ok(())
    }

    fn exists(&mut self, column: Column, wanted: bool) {
        self.word(column.column);
        self.word(if wanted { " IS NOT NULL" } else { " IS NULL" });
    }

    /// `relation` holds, or (not wanted) does not. Of a missing value `$ne` holds and the others do not.
    fn compare(&mut self, column: Column, relation: Relation, value: FieldValue, wanted: bool) {
        let or_missing = (relation == Relation::NotEqual) == wanted;
        let relation = if wanted { relation } else { relation.opposite() };
        if or_missing {
            self.missing_or(column);
        }
        self.word(column.column);
        if relation.needs_order() && column.kind == ColumnKind::Text {
            self.predicate.pieces.push(Piece::ByCodePoint);
        }
        self.word(match relation {
            Relation::Equal => " = ",
            Relation::NotEqual => " <> ",
            Relation::Less => " < ",
            Relation::LessOrEqual => " <= ",
            Relation::Greater => " > ",
            Relation::GreaterOrEqual => " >= ",
        });
        self.value(value);
        if or_missing {
            self.word(")");
        }
    }

    /// The column is one of the values, or (not `inside`) missing or none of them.
    fn one_of(&mut self, column: Column, values: Vec<FieldValue>, inside: bool) {
        if values.is_empty() {
            return self.word(if inside { NEVER } else { ALWAYS });
        }
        if !inside {
            self.missing_or(column);
        }
        self.word(column.column);
        self.word(if inside { " IN " } else { " NOT IN " });
        let mut between = "(";
        for value in values {
            self.word(between);
            self.value(value);
            between = ", ";
        }
        self.word(if inside { ")" } else { "))" });
    }

    fn missing_or(&mut self, column: Column) {
        self.word("(");
        self.word(column.column);
        self.word(" IS NULL OR ");
    }

    fn value(&mut self, value: FieldValue) {
        let number = self.predicate.values.len();
        self.predicate.pieces.push(match value {
            FieldValue::Integer(_) => Piece::WideInteger(number),
            _ => Piece::Value(number),
        });
        self.predicate.values.push(value);
    }
}
