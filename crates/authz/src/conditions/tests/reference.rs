//! A second evaluator, for comparison: slow, on JSON, written from the documentation alone.

use serde_json::Value as Json;

use crate::conditions::differential::COLUMNS;
use crate::conditions::{ColumnKind, Variables};

pub(super) struct Reference<'a> {
    row: &'a Json,
    variables: &'a Variables<'a>,
}

/// How a value compares with an operand, where it does.
enum Compared {
    LessEqualGreater(i8),
    SameOrNot(bool),
}

impl Reference<'_> {
    /// Of each row whether the condition holds.
    pub(super) fn decide(condition: &Json, rows: &[Json], variables: &Variables<'_>) -> Vec<bool> {
        let text = condition.to_string();
        let unbound = (text.contains("${user.id}") && variables.user_id.is_none())
            || (text.contains("${user.email}") && variables.user_email.is_none());
        rows.iter()
            .map(|row| !unbound && Reference { row, variables }.object(condition))
            .collect()
    }

    fn object(&self, object: &Json) -> bool {
        object
            .as_object()
            .unwrap()
            .iter()
            .all(|(name, value)| match name.as_str() {
                "$and" => value.as_array().unwrap().iter().all(|object| self.object(object)),
                "$or" => value.as_array().unwrap().iter().any(|object| self.object(object)),
                "$not" => !self.object(value),
                field => self.field(field, value),
            })
    }

    fn field(&self, field: &str, test: &Json) -> bool {
        let Some(operators) = test.as_object() else {
            return self.operator(field, "$eq", test);
        };
        operators.iter().all(|(operator, operand)| match operator.as_str() {
            "$not" => !self.field(field, operand),
            operator => self.operator(field, operator, operand),
        })
    }

    fn operator(&self, field: &str, operator: &str, operand: &Json) -> bool {
        let kind = COLUMNS.iter().find(|column| column.field == field).unwrap().kind;
        let mut found = self.row;
        for name in field.split('.') {
            found = found.get(name).unwrap_or(&Json::Null);
        }
        let missing = found.is_null();
        match operator {
            "$exists" => operand.as_bool().unwrap() != missing,
            "$in" => {
                let mut list = operand.as_array().unwrap().iter();
                list.any(|operand| self.operator(field, "$eq", operand))
            }
            "$nin" => {
                let mut list = operand.as_array().unwrap().iter();
                missing || list.all(|operand| self.operator(field, "$ne", operand))
            }
            "$ne" if missing => true,
            _ if missing => false,
            _ => match (self.compare(kind, found, operand), operator) {
                (Some(Compared::LessEqualGreater(sign)), "$eq") => sign == 0,
                (Some(Compared::LessEqualGreater(sign)), "$ne") => sign != 0,
                (Some(Compared::LessEqualGreater(sign)), "$lt") => sign < 0,
                (Some(Compared::LessEqualGreater(sign)), "$lte") => sign <= 0,
                (Some(Compared::LessEqualGreater(sign)), "$gt") => sign > 0,
                (Some(Compared::LessEqualGreater(sign)), "$gte") => sign >= 0,
                (Some(Compared::SameOrNot(same)), "$eq") => same,
                (Some(Compared::SameOrNot(same)), "$ne") => !same,
                (Some(Compared::SameOrNot(_)), "$lt" | "$lte" | "$gt" | "$gte") | (None, _) => false,
                (_, other) => panic!("unknown operator {other}"),
            },
        }
    }

    fn compare(&self, kind: ColumnKind, found: &Json, operand: &Json) -> Option<Compared> {
        let is = |name: &str| operand.as_str() == Some(name);
        let variable = ["${user.id}", "${user.email}", "${organization.id}", "${now}"]
            .into_iter()
            .any(is);
        match kind {
            ColumnKind::Bool => Some(Compared::SameOrNot(found.as_bool()? == operand.as_bool()?)),
            ColumnKind::Integer => {
                let operand = match operand.as_i64() {
                    Some(operand) => operand,
                    None => operand.as_f64()? as i64,
                };
                Some(Compared::LessEqualGreater(found.as_i64()?.cmp(&operand) as i8))
            }
            ColumnKind::Text => {
                let operand = match operand.as_str()? {
                    "${user.email}" => self.variables.user_email?,
                    _ if variable => return None,
                    text => text,
                };
                // By code points, said another way than in the crate.
                let points = |text: &str| text.chars().map(u32::from).collect::<Vec<_>>();
                Some(Compared::LessEqualGreater(
                    points(found.as_str()?).cmp(&points(operand)) as i8,
                ))
            }
            ColumnKind::Time => {
                let operand = match operand.as_str()? {
                    "${now}" => self.variables.now,
                    text => text.parse().ok()?,
                };
                let found: kernel::Timestamp = found.as_str()?.parse().ok()?;
                Some(Compared::LessEqualGreater(found.cmp(&operand) as i8))
            }
            ColumnKind::Id => {
                let operand = match operand.as_str()? {
                    "${user.id}" => self.variables.user_id?.to_string(),
                    "${organization.id}" => self.variables.organization_id.to_string(),
                    text if kernel::id::parse_uuid(text).is_ok() => text.to_lowercase(),
                    _ => return None,
                };
                Some(Compared::SameOrNot(found.as_str()? == operand))
            }
        }
    }
}
