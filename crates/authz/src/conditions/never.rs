//! Conditions that can never hold.

use std::collections::HashMap;

use super::Condition;
use super::program::{Instruction, Operand, Relation, Test, trees};

/// What the parts of a condition that must all hold leave of one field.
#[derive(Default)]
struct Left<'c> {
    equal: Option<&'c Operand>,
    /// The greatest whole number that it must at least be, and the least that it must at most be.
    least: Option<i64>,
    most: Option<i64>,
    is_absent: bool,
    is_present: bool,
    is_impossible: bool,
}

impl Condition {
    /// Whether it can hold of no object, whoever asks: parts that must all hold contradict each other. A `false` may be wrong (what
    /// stands in `$or` and `$not` is not looked into), a `true` never is.
    #[must_use]
    pub fn holds_never(&self) -> bool {
        let mut fields: HashMap<&str, Left<'_>> = HashMap::new();
        let mut open: Vec<&[Instruction]> = trees(&self.program).collect();
        while let Some(tree) = open.pop() {
            match tree.split_first() {
                Some((Instruction::All(_), inside)) => open.extend(trees(inside)),
                Some((Instruction::Test(number), _)) => {
                    if let Some(comparison) = self.comparison(*number) {
                        fields.entry(comparison.field()).or_default().narrow(&comparison.test);
                    }
                }
                _ => {}
            }
        }
        fields.values().any(Left::is_nothing)
    }
}

impl<'c> Left<'c> {
    fn narrow(&mut self, test: &'c Test) {
        match test {
            Test::Exists(true) => self.is_present = true,
            Test::Exists(false) => self.is_absent = true,
            Test::Compare(Relation::Equal, operand) => {
                self.is_present = true;
                // A variable may turn out to be anything.
                let is_fixed = |operand: &Operand| !matches!(operand, Operand::Variable(_));
                match self.equal {
                    Some(known) if is_fixed(known) && is_fixed(operand) && known != operand => {
                        self.is_impossible = true;
                    }
                    Some(known) if is_fixed(known) => {}
                    _ => self.equal = Some(operand),
                }
                if let Operand::Integer(number) = operand {
                    self.at_least(Some(*number));
                    self.at_most(Some(*number));
                }
            }
            // Of a missing field it is true.
            Test::Compare(Relation::NotEqual, _) | Test::In { negated: true, .. } => {}
            Test::Compare(relation, operand) => {
                self.is_present = true;
                let Operand::Integer(number) = operand else { return };
                match relation {
                    Relation::Less => self.at_most(number.checked_sub(1)),
                    Relation::LessOrEqual => self.at_most(Some(*number)),
                    Relation::Greater => self.at_least(number.checked_add(1)),
                    Relation::GreaterOrEqual => self.at_least(Some(*number)),
                    Relation::Equal | Relation::NotEqual => {}
                }
            }
            Test::In { operands, .. } => {
                self.is_present = true;
                self.is_impossible |= operands.is_empty();
            }
        }
    }

    /// `None` is beyond every number.
    fn at_least(&mut self, number: Option<i64>) {
        match number {
            Some(number) => self.least = Some(self.least.map_or(number, |least| least.max(number))),
            None => self.is_impossible = true,
        }
    }

    fn at_most(&mut self, number: Option<i64>) {
        match number {
            Some(number) => self.most = Some(self.most.map_or(number, |most| most.min(number))),
            None => self.is_impossible = true,
        }
    }

    fn is_nothing(&self) -> bool {
        let is_empty_range = matches!((self.least, self.most), (Some(least), Some(most)) if least > most);
        self.is_impossible || is_empty_range || (self.is_absent && self.is_present)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn contradictions_are_found() {
        for never in [
            json!({ "amount": { "$gt": 5, "$lt": 3 } }),
            json!({ "amount": { "$gt": 5, "$lt": 6 } }),
            json!({ "amount": { "$gt": i64::MAX } }),
            json!({ "$and": [{ "status": "open" }, { "status": "closed" }] }),
            json!({ "amount": 7, "$and": [{ "amount": { "$lte": 6 } }] }),
            json!({ "note": { "$exists": false, "$eq": "x" } }),
        ] {
            let condition = Condition::from_value("conditions", &never).unwrap();
            assert!(condition.holds_never(), "{never}");
        }
    }

    #[test]
    fn what_may_hold_is_left_alone() {
        for perhaps in [
            json!({}),
            json!({ "amount": { "$gte": 5, "$lte": 5 } }),
            json!({ "$or": [{ "a": { "$gt": 5, "$lt": 3 } }, { "b": 1 }] }),
            json!({ "owner": "${user.id}", "$and": [{ "owner": "01890a5d-ac96-774b-bcce-b302099a8057" }] }),
            json!({ "note": { "$exists": false, "$ne": "x" } }),
            json!({ "status": "open", "$and": [{ "status": "open" }] }),
        ] {
            let condition = Condition::from_value("conditions", &perhaps).unwrap();
            assert!(!condition.holds_never(), "{perhaps}");
        }
    }
}
