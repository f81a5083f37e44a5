//! All the problems of a body, gathered while it is decoded.

use std::fmt::Write as _;
use std::ops::ControlFlow;

use deserr::{
    DeserializeError, ErrorKind, IntoValue, MergeWithError, Value, ValueKind, ValuePointerRef, take_cf_content,
};
use kernel::{Rule, RuleViolation};

use crate::json::Step;

/// A body is not examined beyond so many problems: an answer must not be much larger than its question.
pub(crate) const MAX_PROBLEMS: usize = 100;
/// No field name of a client is repeated in an answer beyond this many characters.
const NAME_LENGTH: usize = 64;
/// Nor is a path beyond this many bytes: depth times length of names would make a small body's answer large.
const PATH_LENGTH: usize = 256;
/// The names under which clients send an organization.
const TENANT_FIELDS: [&str; 2] = ["organizationId", "tenantId"];

/// The problems found so far. `deserr` hands it from field to field.
#[derive(Debug, Default)]
pub struct Problems {
    list: Vec<RuleViolation>,
}

impl Problems {
    /// The one problem of a value that is of none of the accepted kinds.
    #[must_use]
    pub fn wrong_kind<V: IntoValue>(actual: Value<V>, accepted: &[ValueKind], location: ValuePointerRef<'_>) -> Self {
        let error = ErrorKind::IncorrectValueKind { actual, accepted };
        take_cf_content(Self::error(None, error, location))
    }

    /// Adds one.
    pub(crate) fn push(&mut self, field: String, rule: Rule) {
        if self.list.len() < MAX_PROBLEMS {
            self.list.push(RuleViolation::new(field, rule));
        }
    }

    /// Whether no more are taken.
    pub(crate) fn is_full(&self) -> bool {
        self.list.len() >= MAX_PROBLEMS
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn extend(&mut self, others: Self) {
        for violation in others.list {
            // A flaw of the tree and the decoder may say the same of one field.
            if !self.list.contains(&violation) && self.list.len() < MAX_PROBLEMS {
                self.list.push(violation);
            }
        }
    }

    /// On a tenant-scoped route an unknown field that names an organization is more than unknown, at whatever depth.
    pub(crate) fn name_tenant_fields(&mut self) {
        for violation in &mut self.list {
            let name = violation.field.rsplit('.').next().unwrap_or_default();
            if violation.rule == Rule::UnknownField && TENANT_FIELDS.contains(&name) {
                violation.rule = Rule::TenantInPayload;
            }
        }
    }

    pub(crate) fn into_violations(self) -> Vec<RuleViolation> {
        self.list
    }

    fn one(field: String, rule: Rule) -> Self {
        Self {
            list: vec![RuleViolation::new(field, rule)],
        }
    }

    fn flow(self) -> ControlFlow<Self, Self> {
        if self.list.len() < MAX_PROBLEMS {
            ControlFlow::Continue(self)
        } else {
            ControlFlow::Break(self)
        }
    }
}

/// Whether a field at the top of a body names an organization.
pub(crate) fn is_tenant_field(name: &str) -> bool {
    TENANT_FIELDS.contains(&name)
}

/// The path as clients write it: `items[0].name`; empty for the body as a whole.
fn path_of(location: ValuePointerRef<'_>) -> String {
    fn write(location: ValuePointerRef<'_>, path: &mut String) {
        match location {
            ValuePointerRef::Origin => {}
            ValuePointerRef::Key { key, prev } => {
                write(*prev, path);
                push_field(path, key);
            }
            ValuePointerRef::Index { index, prev } => {
                write(*prev, path);
                push_item(path, index);
            }
        }
    }
    let mut path = String::new();
    write(location, &mut path);
    path
}

/// The same for a path that was walked.
pub(crate) fn path_of_steps(steps: &[Step<'_>]) -> String {
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Field(name) => push_field(&mut path, name),
            Step::Item(index) => push_item(&mut path, *index),
        }
    }
    path
}

fn push_field(path: &mut String, name: &str) {
    if is_cut(path) {
        return;
    }
    if !path.is_empty() {
        path.push('.');
    }
    path.extend(name.chars().take(NAME_LENGTH));
}

fn push_item(path: &mut String, index: usize) {
    if !is_cut(path) {
        // Writing to a string does not fail.
        let _ = write!(path, "[{index}]");
    }
}

/// Whether the path is as long as it may be; the first time it is found to be, it gets its mark.
fn is_cut(path: &mut String) -> bool {
    if path.len() < PATH_LENGTH {
        return false;
    }
    if !path.ends_with('…') {
        path.push('…');
    }
    true
}

impl DeserializeError for Problems {
    fn error<V: IntoValue>(
        earlier: Option<Self>,
        error: ErrorKind<'_, V>,
        location: ValuePointerRef<'_>,
    ) -> ControlFlow<Self, Self> {
        let path = path_of(location);
        let below = |name: &str| {
            let mut path = path.clone();
            push_field(&mut path, name);
            path
        };
        let problem = match error {
            ErrorKind::IncorrectValueKind { actual, accepted } => {
                let rule = match actual.kind() {
                    ValueKind::Null => Rule::NotNullable,
                    _ => Rule::InvalidType {
                        expected: type_name(accepted),
                    },
                };
                Self::one(path, rule)
            }
            ErrorKind::MissingField { field } => Self::one(below(field), Rule::Required),
            ErrorKind::UnknownKey { key, .. } => Self::one(below(key), Rule::UnknownField),
            ErrorKind::UnknownValue { accepted, .. } => Self::one(
                path,
                Rule::NotAllowed {
                    allowed: accepted.iter().map(|&value| value.to_owned()).collect(),
                },
            ),
            ErrorKind::BadSequenceLen { expected, .. } => Self::one(path, Rule::TooManyItems { max: expected }),
            // Its text is in one language and repeats the value.
            ErrorKind::Unexpected { .. } => Self::one(path, Rule::Invalid),
        };
        Self::merge(earlier, problem, location)
    }
}

impl MergeWithError<Self> for Problems {
    fn merge(earlier: Option<Self>, mut later: Self, _: ValuePointerRef<'_>) -> ControlFlow<Self, Self> {
        match earlier {
            None => later.flow(),
            Some(mut earlier) => {
                earlier.list.append(&mut later.list);
                earlier.list.truncate(MAX_PROBLEMS);
                earlier.flow()
            }
        }
    }
}

/// A value object that refused: the rule is its own, the path is where it stood.
impl MergeWithError<RuleViolation> for Problems {
    fn merge(
        earlier: Option<Self>,
        violation: RuleViolation,
        location: ValuePointerRef<'_>,
    ) -> ControlFlow<Self, Self> {
        let problem = Self::one(path_of(location), violation.rule);
        <Self as MergeWithError<Self>>::merge(earlier, problem, location)
    }
}

/// The JSON type that was expected, as [`Rule::InvalidType`] names it.
fn type_name(accepted: &[ValueKind]) -> &'static str {
    match accepted.first() {
        Some(ValueKind::Boolean) => "boolean",
        Some(ValueKind::Integer | ValueKind::NegativeInteger) => "integer",
        Some(ValueKind::Float) => "number",
        Some(ValueKind::String) => "string",
        Some(ValueKind::Sequence) => "array",
        Some(ValueKind::Map) => "object",
        Some(ValueKind::Null) | None => "null",
    }
}
