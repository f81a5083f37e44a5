//! Conditions in the language of [Cedar](https://www.cedarpolicy.com), an independent authorization engine, to compare decisions
//! with: written from the documentation of the conditions alone.
//!
//! Cedar knows booleans, whole numbers, texts, records and entities; so an id is an entity, and an instant the number of its
//! microseconds. It has no order of texts: a condition that puts texts in order is not translated.

use std::collections::{HashMap, HashSet};

use cedar_policy::{Context, Entity, EntityUid, RestrictedExpression};
use serde_json::Value as Json;

use crate::conditions::{ColumnKind, Variables};

/// The entity with an id.
pub(crate) fn thing(id: &str) -> EntityUid {
    uid("Thing", &id.to_lowercase())
}

/// An entity.
pub(crate) fn uid(kind: &str, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.parse().unwrap(), cedar_policy::EntityId::new(id))
}

/// What a request knows beside who asks and for what.
pub(crate) fn context(variables: &Variables<'_>) -> Context {
    let organization = thing(&variables.organization_id.to_string());
    Context::from_pairs([
        (
            "now".to_owned(),
            RestrictedExpression::new_long(variables.now.as_micros()),
        ),
        (
            "organization".to_owned(),
            RestrictedExpression::new_entity_uid(organization),
        ),
    ])
    .unwrap()
}

/// Who asks: a user with its address, or a machine.
pub(crate) fn principal(variables: &Variables<'_>, parents: HashSet<EntityUid>) -> Entity {
    let id = match variables.user_id {
        Some(user) => thing(&user.to_string()),
        None => uid("Machine", "it"),
    };
    let email = variables
        .user_email
        .map(|email| ("email".to_owned(), RestrictedExpression::new_string(email.to_owned())));
    Entity::new(id, email.into_iter().collect(), parents).unwrap()
}

/// The object, of which `kind` tells the types of the fields.
pub(crate) fn resource(object: &Json, kind: &dyn Fn(&str) -> ColumnKind) -> Entity {
    let attributes = attributes(object, "", kind).into_iter().collect::<HashMap<_, _>>();
    Entity::new(uid("Object", "it"), attributes, HashSet::new()).unwrap()
}

fn attributes(object: &Json, prefix: &str, kind: &dyn Fn(&str) -> ColumnKind) -> Vec<(String, RestrictedExpression)> {
    let fields = object.as_object().unwrap().iter();
    let fields = fields.filter(|(_, value)| !value.is_null());
    fields
        .map(|(name, value)| {
            let field = format!("{prefix}{name}");
            let expression = match value {
                Json::Object(_) => {
                    RestrictedExpression::new_record(attributes(value, &format!("{field}."), kind)).unwrap()
                }
                Json::Bool(value) => RestrictedExpression::new_bool(*value),
                Json::Number(number) => RestrictedExpression::new_long(number.as_i64().unwrap()),
                Json::String(text) => match kind(&field) {
                    ColumnKind::Id => RestrictedExpression::new_entity_uid(thing(text)),
                    ColumnKind::Time => RestrictedExpression::new_long(micros(text).unwrap()),
                    _ => RestrictedExpression::new_string(text.clone()),
                },
                Json::Null | Json::Array(_) => panic!("{field} is not translated"),
            };
            (name.clone(), expression)
        })
        .collect()
}

fn micros(text: &str) -> Option<i64> {
    let instant: kernel::Timestamp = text.parse().ok()?;
    Some(instant.as_micros())
}

/// The condition as the `when` clauses of a policy. `None` where Cedar cannot say it.
pub(crate) fn when(condition: &Json, kind: &dyn Fn(&str) -> ColumnKind) -> Option<String> {
    let text = condition.to_string();
    // A condition that asks for what the request has not holds of nothing.
    let mut clauses = String::new();
    if text.contains("${user.id}") {
        clauses.push_str("when { principal is Thing } ");
    }
    if text.contains("${user.email}") {
        clauses.push_str("when { principal has email } ");
    }
    let said = object(condition, kind)?;
    Some(format!("{clauses}when {{ {said} }}"))
}

fn joined(parts: impl Iterator<Item = Option<String>>, word: &str, none: &str) -> Option<String> {
    let parts: Vec<String> = parts.collect::<Option<_>>()?;
    Some(if parts.is_empty() {
        none.to_owned()
    } else {
        format!("({})", parts.join(word))
    })
}

fn object(condition: &Json, kind: &dyn Fn(&str) -> ColumnKind) -> Option<String> {
    let entries = condition.as_object().unwrap().iter();
    let entries = entries.map(|(name, value)| {
        let objects = || value.as_array().unwrap().iter().map(|value| object(value, kind));
        match name.as_str() {
            "$and" => joined(objects(), " && ", "true"),
            "$or" => joined(objects(), " || ", "false"),
            "$not" => Some(format!("!{}", object(value, kind)?)),
            field => tests(field, kind(field), value),
        }
    });
    joined(entries, " && ", "true")
}

fn tests(field: &str, kind: ColumnKind, test: &Json) -> Option<String> {
    let Some(operators) = test.as_object() else {
        return operator(field, kind, "$eq", test);
    };
    let operators = operators.iter().map(|(name, operand)| match name.as_str() {
        "$not" => Some(format!("!{}", tests(field, kind, operand)?)),
        name => operator(field, kind, name, operand),
    });
    joined(operators, " && ", "true")
}

fn operator(field: &str, kind: ColumnKind, name: &str, operand: &Json) -> Option<String> {
    let has = has(field);
    let get = format!("resource.{field}");
    let fitting = |operands: &Json| -> Vec<Option<String>> {
        let operands = operands.as_array().unwrap().iter();
        operands.map(|operand| value(kind, operand)).collect()
    };
    let contained = |fitting: &[Option<String>]| {
        let texts: Vec<&str> = fitting.iter().flatten().map(String::as_str).collect();
        format!("[{}].contains({get})", texts.join(", "))
    };
    Some(match name {
        "$exists" if operand.as_bool().unwrap() => has,
        "$exists" => format!("(!{has})"),
        "$in" => {
            let fitting = fitting(operand);
            match fitting.iter().flatten().count() {
                0 => "false".to_owned(),
                _ => format!("({has} && {})", contained(&fitting)),
            }
        }
        "$nin" => {
            let fitting = fitting(operand);
            match (fitting.is_empty(), fitting.iter().all(Option::is_some)) {
                (true, _) => "true".to_owned(),
                (false, true) => format!("(!{has} || !{})", contained(&fitting)),
                (false, false) => format!("(!{has})"),
            }
        }
        "$ne" => match value(kind, operand) {
            Some(value) => format!("(!{has} || {get} != {value})"),
            None => format!("(!{has})"),
        },
        name => match (name, value(kind, operand)) {
            (_, None) => "false".to_owned(),
            ("$eq", Some(value)) => format!("({has} && {get} == {value})"),
            (order, Some(value)) => match kind {
                ColumnKind::Bool | ColumnKind::Id => "false".to_owned(),
                ColumnKind::Text => return None,
                ColumnKind::Integer | ColumnKind::Time => {
                    let sign = match order {
                        "$lt" => "<",
                        "$lte" => "<=",
                        "$gt" => ">",
                        "$gte" => ">=",
                        other => panic!("unknown operator {other}"),
                    };
                    format!("({has} && {get} {sign} {value})")
                }
            },
        },
    })
}

/// Whether the object has the field, step by step along its dots.
fn has(field: &str) -> String {
    let mut place = "resource".to_owned();
    let steps: Vec<String> = field
        .split('.')
        .map(|name| {
            let step = format!("{place} has {name}");
            place = format!("{place}.{name}");
            step
        })
        .collect();
    format!("({})", steps.join(" && "))
}

/// The operand as a value of the kind; `None` when it cannot be one.
fn value(kind: ColumnKind, operand: &Json) -> Option<String> {
    let text = operand.as_str();
    let is_variable = text.is_some_and(|text| text.starts_with("${"));
    match kind {
        ColumnKind::Bool => operand.as_bool().map(|value| value.to_string()),
        ColumnKind::Integer => {
            let whole = operand.as_i64().or_else(|| operand.as_f64().map(|value| value as i64));
            whole.map(|value| value.to_string())
        }
        ColumnKind::Text if text == Some("${user.email}") => Some("principal.email".to_owned()),
        ColumnKind::Text if is_variable => None,
        ColumnKind::Text => text.map(|text| format!("\"{}\"", text.escape_default())),
        ColumnKind::Time if text == Some("${now}") => Some("context.now".to_owned()),
        ColumnKind::Time => micros(text?).map(|micros| micros.to_string()),
        ColumnKind::Id => match text? {
            "${user.id}" => Some("principal".to_owned()),
            "${organization.id}" => Some("context.organization".to_owned()),
            text if kernel::id::parse_uuid(text).is_ok() => Some(format!("Thing::\"{}\"", text.to_lowercase())),
            _ => None,
        },
    }
}
