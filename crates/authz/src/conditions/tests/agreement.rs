//! Three ways to decide, one answer.

use super::reference::Reference;
use super::sql::ask;
use crate::conditions::differential::{COLUMNS, Case, Row};
use crate::conditions::{Condition, Dialect, Verdict};

const CASES: u64 = 10_000;

#[test]
fn the_compiled_form_agrees_with_the_reference_and_with_sql() {
    let (mut held, mut failed, mut conditional) = (0, 0, 0);
    for seed in 0..CASES {
        let case = Case::new(seed);
        let condition = Condition::from_value("conditions", &case.condition)
            .unwrap_or_else(|problems| panic!("seed {seed}: {} is refused: {problems:?}", case.condition));
        let predicate = condition.to_predicate(&COLUMNS, &case.variables).unwrap();
        let answers =
            [Dialect::Sqlite, Dialect::Postgres].map(|dialect| (dialect, ask(&predicate, dialect, &case.rows)));
        let shown: Vec<_> = case.rows.iter().map(Row::to_json).collect();
        let expected = Reference::decide(&case.condition, &shown, &case.variables);
        let mut outcomes = [false; 2];
        for (number, row) in case.rows.iter().enumerate() {
            let (json, expected) = (&shown[number], expected[number]);
            let about = || format!("seed {seed}: {} of {json}", case.condition);
            let verdict = condition.evaluate(row, &case.variables);
            assert_eq!(verdict.holds(), expected, "{}", about());
            for (dialect, answers) in &answers {
                let answer = answers[number];
                assert_eq!(
                    answer == Some(true),
                    expected,
                    "{dialect:?} says {answer:?}, {}: {}",
                    about(),
                    predicate.text(*dialect, 2)
                );
            }
            // A verdict names the first of the failures, and there are some exactly when it fails.
            let failures = condition.failures(row, &case.variables);
            match verdict {
                Verdict::Holds => assert!(failures.is_empty(), "{}", about()),
                Verdict::Fails(failure) => assert_eq!(failures.first(), Some(&failure), "{}", about()),
            }
            outcomes[usize::from(expected)] = true;
            if expected {
                held += 1;
            } else {
                failed += 1;
            }
        }
        conditional += u64::from(outcomes == [true; 2]);
    }
    // The cases say something only if they go both ways, and often within one condition.
    assert!(held > 15_000 && failed > 15_000, "{held} held, {failed} failed");
    assert!(conditional > CASES / 4, "{conditional} conditions told rows apart");
}

#[test]
fn json_is_decided_as_the_row_it_shows_where_the_condition_fits_the_columns() {
    let mut compared = 0;
    for seed in CASES..2 * CASES {
        let case = Case::new(seed);
        let condition = Condition::from_value("", &case.condition).unwrap();
        if !condition.misfits("", &COLUMNS).is_empty() {
            continue;
        }
        for row in &case.rows {
            // JSON cannot say that a text is only a text: one that looks like more is taken for more.
            let ambiguous = row.0.iter().flatten().any(|value| match value {
                kernel::FieldValue::Text(text) => text.len() > 20,
                _ => false,
            });
            if !ambiguous {
                let json = row.to_json();
                assert_eq!(
                    condition.evaluate(&json, &case.variables).holds(),
                    condition.evaluate(row, &case.variables).holds(),
                    "seed {seed}: {} of {json}",
                    case.condition
                );
                compared += 1;
            }
        }
    }
    assert!(compared > 5_000, "{compared} compared");
}

#[test]
fn a_condition_reads_back_as_itself() {
    for seed in 0..1_000 {
        let case = Case::new(seed);
        let condition = Condition::from_value("", &case.condition).unwrap();
        let again = Condition::parse("", condition.source()).unwrap();
        assert_eq!(condition, again);
        assert_eq!(condition.comparisons(), again.comparisons(), "{}", condition.source());
        assert!(
            condition.implies(&again) && again.implies(&condition),
            "{}",
            condition.source()
        );
    }
}

#[test]
fn a_stricter_condition_holds_of_less() {
    let mut implied = 0;
    for seed in 0..4_000 {
        let (case, other) = (Case::new(seed), Case::new(seed + 1));
        let both = serde_json::json!({"$and": [case.condition, other.condition]});
        let (Ok(weak), Ok(strict)) = (
            Condition::from_value("", &case.condition),
            Condition::from_value("", &both),
        ) else {
            panic!("seed {seed}: refused");
        };
        assert!(strict.implies(&weak), "{} and {}", strict.source(), weak.source());
        for row in case.rows.iter().chain(&other.rows) {
            if strict.evaluate(row, &case.variables).holds() {
                assert!(weak.evaluate(row, &case.variables).holds(), "seed {seed}");
                implied += 1;
            }
        }
    }
    assert!(implied > 1_000, "{implied} rows told something");
}
