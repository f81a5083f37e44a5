//! From JSON to the compiled form, with every problem on the way named by its place.

use std::collections::HashSet;
use std::fmt::Write as _;

use kernel::{Rule, RuleViolation};

use super::json::Json;
use super::program::{Comparison, Instruction, Literal, Operand, Relation, Test};
use super::value::Variable;
use super::{Condition, MAX_BYTES, MAX_DEPTH, MAX_OPERANDS};

/// What stands between a field's name and the values it is compared with.
const OPERATORS: [&str; 10] = [
    "$eq", "$ne", "$in", "$nin", "$lt", "$lte", "$gt", "$gte", "$exists", "$not",
];
/// What stands beside fields.
const GROUPS: [&str; 3] = ["$and", "$or", "$not"];
/// The longest name of a field, in bytes.
const MAX_FIELD: usize = 64;
/// How much of an unknown key a problem's path repeats, in characters.
const MAX_KEY_SHOWN: usize = 64;
/// How many problems are told at once.
const MAX_PROBLEMS: usize = 100;
const EXAMPLE: &str = r#"{"amount": {"$lte": 100000}, "ownerId": "${user.id}"}"#;

/// Reads a condition from its text. `root` is how the place of a problem begins.
pub(super) fn from_text(root: &str, text: &str) -> Result<Condition, Vec<RuleViolation>> {
    let refuse = |rule| Err(vec![RuleViolation::new(root.to_owned(), rule)]);
    if text.len() > MAX_BYTES {
        return refuse(Rule::TooLong { max: MAX_BYTES });
    }
    match serde_json::from_str(text) {
        Ok(json) => compile(root, &json),
        Err(_) => refuse(Rule::InvalidFormat { expected: EXAMPLE }),
    }
}

/// Reads a condition from a JSON value.
pub(super) fn from_value(root: &str, value: &serde_json::Value) -> Result<Condition, Vec<RuleViolation>> {
    compile(root, &Json::of(value, MAX_DEPTH + 1))
}

fn compile(root: &str, json: &Json) -> Result<Condition, Vec<RuleViolation>> {
    // A tree of JSON values can always be written.
    let source = serde_json::to_string(json).unwrap_or_default();
    if source.len() > MAX_BYTES {
        return Err(vec![RuleViolation::new(
            root.to_owned(),
            Rule::TooLong { max: MAX_BYTES },
        )]);
    }
    let mut compiler = Compiler {
        root,
        path: Vec::new(),
        problems: Vec::new(),
        program: Vec::new(),
        comparisons: Vec::new(),
        operands: 0,
    };
    match json {
        // The conjunction of nothing: what a form without a condition sends.
        Json::Object(fields) if fields.is_empty() => {}
        _ => compiler.object(json),
    }
    if !compiler.problems.is_empty() {
        return Err(compiler.problems);
    }
    let uses = |variable| {
        compiler
            .comparisons
            .iter()
            .any(|comparison| comparison.variables().any(|used| used == variable))
    };
    Ok(Condition {
        uses_user_id: uses(Variable::UserId),
        uses_user_email: uses(Variable::UserEmail),
        source: source.into(),
        program: compiler.program.into(),
        comparisons: compiler.comparisons.into(),
    })
}

/// A step from a value into one inside it.
#[derive(Clone, Copy)]
enum Segment<'j> {
    Key(&'j str),
    Index(usize),
}

struct Compiler<'j, 'r> {
    root: &'r str,
    path: Vec<Segment<'j>>,
    problems: Vec<RuleViolation>,
    program: Vec<Instruction>,
    comparisons: Vec<Comparison>,
    operands: usize,
}

impl<'j> Compiler<'j, '_> {
    /// A whole object: what its entries say must all hold.
    fn object(&mut self, json: &'j Json) {
        let Some(fields) = self.fields(json) else { return };
        self.group(Instruction::All, fields.len(), |compiler| {
            for (name, value) in fields {
                compiler.at(Segment::Key(name), |compiler| compiler.entry(name, value));
            }
        });
    }

    /// One entry of an object: a group, or a field with what is asked of it.
    fn entry(&mut self, name: &'j str, value: &'j Json) {
        match name {
            "$and" => self.list_of_objects(Instruction::All, value),
            "$or" => self.list_of_objects(Instruction::Any, value),
            "$not" => self.negated(|compiler| compiler.object(value)),
            _ if name.starts_with('$') => self.refuse(not_allowed(&GROUPS)),
            _ if !is_field(name) => self.refuse(Rule::InvalidFormat { expected: "ownerId" }),
            _ => match value {
                Json::Object(_) => self.tests(name, value),
                _ => self.compare(name, Relation::Equal, value),
            },
        }
    }

    fn list_of_objects(&mut self, group: fn(u16) -> Instruction, value: &'j Json) {
        let Some(items) = self.items(value) else { return };
        if items.is_empty() {
            // It would hold always, or never: nobody means either.
            return self.refuse(Rule::TooFewItems { min: 1 });
        }
        self.group(group, items.len(), |compiler| {
            for (index, item) in items.iter().enumerate() {
                compiler.at(Segment::Index(index), |compiler| compiler.object(item));
            }
        });
    }

    /// An object of operators behind a field's name: they must all hold of it.
    fn tests(&mut self, field: &'j str, json: &'j Json) {
        let Some(operators) = self.fields(json) else { return };
        self.group(Instruction::All, operators.len(), |compiler| {
            for (operator, operand) in operators {
                compiler.at(Segment::Key(operator), |compiler| {
                    compiler.test(field, operator, operand);
                });
            }
        });
    }

    fn test(&mut self, field: &'j str, operator: &str, operand: &'j Json) {
        match operator {
            "$eq" => self.compare(field, Relation::Equal, operand),
            "$ne" => self.compare(field, Relation::NotEqual, operand),
            "$lt" => self.compare(field, Relation::Less, operand),
            "$lte" => self.compare(field, Relation::LessOrEqual, operand),
            "$gt" => self.compare(field, Relation::Greater, operand),
            "$gte" => self.compare(field, Relation::GreaterOrEqual, operand),
            "$in" => self.one_of(field, false, operand),
            "$nin" => self.one_of(field, true, operand),
            "$exists" => match operand {
                Json::Bool(wanted) => {
                    self.count_operand();
                    self.push(field, Test::Exists(*wanted));
                }
                _ => self.refuse(Rule::InvalidType { expected: "boolean" }),
            },
            "$not" => self.negated(|compiler| compiler.tests(field, operand)),
            _ => self.refuse(not_allowed(&OPERATORS)),
        }
    }

    fn compare(&mut self, field: &str, relation: Relation, json: &'j Json) {
        let Some(operand) = self.operand(json) else { return };
        if relation.needs_order() {
            match &operand {
                Operand::Bool(_) => return self.refuse(Rule::InvalidType { expected: "integer" }),
                Operand::Variable(Variable::UserId | Variable::OrganizationId) => {
                    let ordered = [Variable::UserEmail, Variable::Now].map(Variable::as_str);
                    return self.refuse(not_allowed(&ordered));
                }
                Operand::Integer(_) | Operand::Text(_) | Operand::Variable(_) => {}
            }
        }
        self.push(field, Test::Compare(relation, operand));
    }

    fn one_of(&mut self, field: &str, negated: bool, json: &'j Json) {
        let Some(items) = self.items(json) else { return };
        let mut operands = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            self.at(Segment::Index(index), |compiler| {
                operands.extend(compiler.operand(item));
            });
        }
        self.push(
            field,
            Test::In {
                negated,
                operands: operands.into(),
            },
        );
    }

    /// A value that a field is compared with.
    fn operand(&mut self, json: &Json) -> Option<Operand> {
        self.count_operand();
        let rule = match json {
            Json::Bool(value) => return Some(Operand::Bool(*value)),
            Json::Integer(value) => return Some(Operand::Integer(*value)),
            Json::Text(text) if text.contains("${") => match Variable::find(text) {
                Some(variable) => return Some(Operand::Variable(variable)),
                // A variable inside a text is not filled in, and must not look as if it were.
                None => not_allowed(&Variable::ALL.map(Variable::as_str)),
            },
            // No text in a database contains one.
            Json::Text(text) if text.contains('\0') => Rule::ControlCharacter,
            Json::Text(text) => return Some(Operand::Text(Literal::new(text))),
            // Whether a field has a value is what `$exists` asks.
            Json::Null => Rule::NotNullable,
            Json::OtherNumber => Rule::InvalidType { expected: "integer" },
            Json::List(_) | Json::Object(_) | Json::TooDeep => Rule::InvalidType { expected: "string" },
        };
        self.refuse(rule);
        None
    }

    fn count_operand(&mut self) {
        self.operands += 1;
        // Told once, at the first that is too many.
        if self.operands == MAX_OPERANDS + 1 {
            self.refuse(Rule::TooManyItems { max: MAX_OPERANDS });
        }
    }

    /// The fields of an object that says something.
    fn fields(&mut self, json: &'j Json) -> Option<&'j [(String, Json)]> {
        let fields = match json {
            Json::Object(fields) => fields,
            Json::TooDeep => return self.refuse_value(Rule::TooDeep { max: MAX_DEPTH }),
            _ => return self.refuse_value(Rule::InvalidType { expected: "object" }),
        };
        if fields.is_empty() {
            return self.refuse_value(Rule::TooFewItems { min: 1 });
        }
        let mut seen = HashSet::with_capacity(fields.len());
        for (name, _) in fields {
            if !seen.insert(name) {
                self.at(Segment::Key(name), |compiler| compiler.refuse(Rule::DuplicateField));
            }
        }
        // The path has one segment for each object and list around this one.
        if self.path.len() >= MAX_DEPTH {
            return self.refuse_value(Rule::TooDeep { max: MAX_DEPTH });
        }
        Some(fields)
    }

    fn items(&mut self, json: &'j Json) -> Option<&'j [Json]> {
        match json {
            Json::List(_) if self.path.len() >= MAX_DEPTH => self.refuse_value(Rule::TooDeep { max: MAX_DEPTH }),
            Json::List(items) => Some(items),
            Json::TooDeep => self.refuse_value(Rule::TooDeep { max: MAX_DEPTH }),
            _ => self.refuse_value(Rule::InvalidType { expected: "array" }),
        }
    }

    fn refuse_value<T>(&mut self, rule: Rule) -> Option<T> {
        self.refuse(rule);
        None
    }

    /// Puts what `inside` emits into a group; a group of one is that one.
    fn group(&mut self, group: fn(u16) -> Instruction, members: usize, inside: impl FnOnce(&mut Self)) {
        if members == 1 {
            return inside(self);
        }
        self.enclosed(group, inside);
    }

    fn negated(&mut self, inside: impl FnOnce(&mut Self)) {
        self.enclosed(Instruction::Not, inside);
    }

    fn enclosed(&mut self, group: fn(u16) -> Instruction, inside: impl FnOnce(&mut Self)) {
        let head = self.program.len();
        self.program.push(group(0));
        inside(self);
        // The bound on the text bounds the instructions: none takes less than a byte.
        let length = u16::try_from(self.program.len() - head - 1).unwrap_or(u16::MAX);
        if let Some(instruction) = self.program.get_mut(head) {
            *instruction = group(length);
        }
    }

    fn push(&mut self, field: &str, test: Test) {
        // As above.
        let number = u16::try_from(self.comparisons.len()).unwrap_or(u16::MAX);
        self.program.push(Instruction::Test(number));
        let place = self.place("").into();
        self.comparisons.push(Comparison {
            field: field.into(),
            place,
            test,
        });
    }

    fn at(&mut self, segment: Segment<'j>, inside: impl FnOnce(&mut Self)) {
        self.path.push(segment);
        inside(self);
        self.path.pop();
    }

    fn refuse(&mut self, rule: Rule) {
        if self.problems.len() < MAX_PROBLEMS {
            let place = self.place(self.root);
            self.problems.push(RuleViolation::new(place, rule));
        }
    }

    /// The current place: `$or[0].amount.$lte`, behind `root`.
    fn place(&self, root: &str) -> String {
        let mut place = root.to_owned();
        for segment in &self.path {
            match segment {
                Segment::Index(index) => {
                    // Writing to a String does not fail.
                    let _infallible = write!(place, "[{index}]");
                }
                Segment::Key(key) => {
                    if !place.is_empty() {
                        place.push('.');
                    }
                    place.extend(key.chars().take(MAX_KEY_SHOWN));
                    if key.chars().nth(MAX_KEY_SHOWN).is_some() {
                        place.push('…');
                    }
                }
            }
        }
        place
    }
}

fn not_allowed(allowed: &[&str]) -> Rule {
    Rule::NotAllowed {
        allowed: allowed.iter().map(|&word| word.to_owned()).collect(),
    }
}

/// Names as JSON objects of the API have them, joined by dots: `ownerId`, `address.city`.
fn is_field(name: &str) -> bool {
    let is_name = |part: &str| {
        let mut characters = part.chars();
        characters
            .next()
            .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
            && characters.all(|character| character.is_ascii_alphanumeric() || character == '_')
    };
    name.len() <= MAX_FIELD && name.split('.').all(is_name)
}
