//! Conditions decide as an independent engine does, wherever that one can say the same.

use cedar_policy::{Authorizer, Decision, Entities, PolicySet, Request};

use crate::cedar::{context, principal, resource, uid, when};
use crate::conditions::differential::{COLUMNS, Case};
use crate::conditions::{ColumnKind, Condition};

const CASES: u64 = 5_000;

fn kind(field: &str) -> ColumnKind {
    COLUMNS.iter().find(|column| column.field == field).unwrap().kind
}

#[test]
fn conditions_decide_as_cedar_does() {
    let authorizer = Authorizer::new();
    let action = uid("Action", "read");
    let (mut said, mut held, mut failed) = (0, 0, 0);
    for seed in 0..CASES {
        let case = Case::new(seed);
        let Some(when) = when(&case.condition, &kind) else {
            continue;
        };
        said += 1;
        let policy = format!("permit(principal, action, resource) {when};");
        let policies: PolicySet = policy.parse().unwrap_or_else(|error| panic!("{policy}: {error:?}"));
        let condition = Condition::from_value("conditions", &case.condition).unwrap();
        let asking = principal(&case.variables, std::collections::HashSet::new());
        let context = context(&case.variables);
        for row in &case.rows {
            let object = resource(&row.to_json(), &kind);
            let (who, what) = (asking.uid(), object.uid());
            let request = Request::new(who, action.clone(), what, context.clone(), None).unwrap();
            let entities = Entities::from_entities([asking.clone(), object], None).unwrap();
            let answer = authorizer.is_authorized(&request, &policies, &entities);
            let about = || format!("seed {seed}: {} as {policy} of {}", case.condition, row.to_json());
            // Every comparison is either true or false, and never an error.
            assert_eq!(answer.diagnostics().errors().count(), 0, "{}: {answer:?}", about());
            let holds = condition.evaluate(row, &case.variables).holds();
            assert_eq!(holds, answer.decision() == Decision::Allow, "{}", about());
            if holds {
                held += 1;
            } else {
                failed += 1;
            }
        }
    }
    assert!(said > CASES / 2, "Cedar can say {said} of {CASES}");
    assert!(held > 8_000 && failed > 8_000, "{held} held, {failed} failed");
}
