//! What is a condition, and what is told of what is none.

use kernel::Rule;
use serde_json::json;

use crate::conditions::differential::COLUMNS;
use crate::conditions::{Condition, MAX_BYTES, MAX_DEPTH, MAX_OPERANDS};

/// The problems of a text, each as `place CODE`.
fn problems(text: &str) -> Vec<String> {
    let told = |problems: Vec<kernel::RuleViolation>| -> Vec<String> {
        problems
            .into_iter()
            .map(|problem| format!("{} {}", problem.field, problem.rule.code()))
            .collect()
    };
    let from_text = Condition::parse("conditions", text).map_err(told);
    // What was parsed already is judged alike, but for fields given twice.
    if let Ok(value) = serde_json::from_str::<serde_json::Value>(text)
        && !text.contains("twice")
    {
        let from_value = Condition::from_value("conditions", &value).map_err(told);
        assert_eq!(from_text, from_value, "{text}");
    }
    from_text.err().unwrap_or_default()
}

#[test]
fn all_of_the_language_is_read() {
    for text in [
        r#"{}"#,
        r#"{"amount":{"$lte":100000},"ownerId":"${user.id}"}"#,
        r#"{"status":"open"}"#,
        r#"{"open":true}"#,
        r#"{"amount":-5}"#,
        r#"{"amount":{"$gte":1,"$lt":9,"$ne":5,"$exists":true,"$not":{"$in":[2,3]}}}"#,
        r#"{"status":{"$in":[]}}"#,
        r#"{"status":{"$nin":["a","${user.email}"]}}"#,
        r#"{"$and":[{"a":1},{"$or":[{"b":2},{"$not":{"c":3}}]}]}"#,
        r#"{"$not":{"a":1,"b":2}}"#,
        r#"{"dueAt":{"$lt":"${now}"},"organizationId":"${organization.id}"}"#,
        r#"{"address.city":"Recife","_x9":"$lte"}"#,
        r#"{"note":{"$gt":"${user.email}"}}"#,
    ] {
        assert_eq!(problems(text), Vec::<String>::new(), "{text}");
        let condition = Condition::parse("", text).unwrap();
        assert_eq!(condition.source(), text);
        assert_eq!(condition.is_always(), text == "{}");
    }
}

#[test]
fn white_space_and_whole_floats_are_normalised() {
    let condition = Condition::parse("", " {\n \"amount\" : 100.0 } ").unwrap();
    assert_eq!(condition.source(), r#"{"amount":100}"#);
    assert_eq!(condition, Condition::parse("", r#"{"amount":1e2}"#).unwrap());
    assert_eq!(condition.to_string(), condition.source());
}

#[test]
fn every_problem_is_told_with_its_place() {
    for (text, told) in [
        ("", &["conditions INVALID_FORMAT"][..]),
        ("{", &["conditions INVALID_FORMAT"]),
        (r#"{"a":1} x"#, &["conditions INVALID_FORMAT"]),
        ("null", &["conditions INVALID_TYPE"]),
        (r#""a""#, &["conditions INVALID_TYPE"]),
        ("[]", &["conditions INVALID_TYPE"]),
        // Operators.
        (
            r#"{"amount":{"$regex":"^a"}}"#,
            &["conditions.amount.$regex NOT_ALLOWED"],
        ),
        (r#"{"$where":"1"}"#, &["conditions.$where NOT_ALLOWED"]),
        (r#"{"$eq":5}"#, &["conditions.$eq NOT_ALLOWED"]),
        (r#"{"a":{"$and":[]}}"#, &["conditions.a.$and NOT_ALLOWED"]),
        (r#"{"a":{"b":1}}"#, &["conditions.a.b NOT_ALLOWED"]),
        (r#"{"a":{"$LTE":1}}"#, &["conditions.a.$LTE NOT_ALLOWED"]),
        // Variables.
        (r#"{"a":"${user.name}"}"#, &["conditions.a NOT_ALLOWED"]),
        (r#"{"a":"id ${user.id}"}"#, &["conditions.a NOT_ALLOWED"]),
        (r#"{"a":"${now} "}"#, &["conditions.a NOT_ALLOWED"]),
        (r#"{"a":{"$in":["x","${x}"]}}"#, &["conditions.a.$in[1] NOT_ALLOWED"]),
        (r#"{"a":{"$lt":"${user.id}"}}"#, &["conditions.a.$lt NOT_ALLOWED"]),
        (
            r#"{"a":{"$gte":"${organization.id}"}}"#,
            &["conditions.a.$gte NOT_ALLOWED"],
        ),
        // Types.
        (r#"{"a":null}"#, &["conditions.a NOT_NULLABLE"]),
        (r#"{"a":{"$in":[null]}}"#, &["conditions.a.$in[0] NOT_NULLABLE"]),
        (r#"{"a":1.5}"#, &["conditions.a INVALID_TYPE"]),
        (r#"{"a":9223372036854775808}"#, &["conditions.a INVALID_TYPE"]),
        (r#"{"a":[1]}"#, &["conditions.a INVALID_TYPE"]),
        (r#"{"a":{"$eq":{}}}"#, &["conditions.a.$eq INVALID_TYPE"]),
        (r#"{"a":{"$in":"x"}}"#, &["conditions.a.$in INVALID_TYPE"]),
        (r#"{"a":{"$lt":true}}"#, &["conditions.a.$lt INVALID_TYPE"]),
        (r#"{"a":{"$exists":1}}"#, &["conditions.a.$exists INVALID_TYPE"]),
        (r#"{"$and":{"a":1}}"#, &["conditions.$and INVALID_TYPE"]),
        (r#"{"$or":[1]}"#, &["conditions.$or[0] INVALID_TYPE"]),
        (r#"{"$not":[{"a":1}]}"#, &["conditions.$not INVALID_TYPE"]),
        (r#"{"a":{"$not":5}}"#, &["conditions.a.$not INVALID_TYPE"]),
        // What says nothing.
        (r#"{"a":{}}"#, &["conditions.a TOO_FEW_ITEMS"]),
        (r#"{"a":{"$not":{}}}"#, &["conditions.a.$not TOO_FEW_ITEMS"]),
        (r#"{"$and":[]}"#, &["conditions.$and TOO_FEW_ITEMS"]),
        (r#"{"$or":[{}]}"#, &["conditions.$or[0] TOO_FEW_ITEMS"]),
        (r#"{"$not":{}}"#, &["conditions.$not TOO_FEW_ITEMS"]),
        // Fields.
        (r#"{"":1}"#, &["conditions. INVALID_FORMAT"]),
        (r#"{"a b":1}"#, &["conditions.a b INVALID_FORMAT"]),
        (r#"{"a..b":1}"#, &["conditions.a..b INVALID_FORMAT"]),
        (r#"{"1a":1}"#, &["conditions.1a INVALID_FORMAT"]),
        (r#"{"twice":1,"twice":2}"#, &["conditions.twice DUPLICATE_FIELD"]),
        (
            r#"{"a":{"$lt":1,"$lt":9,"$eq":"twice"}}"#,
            &["conditions.a.$lt DUPLICATE_FIELD"],
        ),
        (r#"{"a":"\u0000"}"#, &["conditions.a CONTROL_CHARACTER"]),
        // All at once.
        (
            r#"{"a":null,"$or":[{"b":{"$regex":"x"}},{"$not":{"c":"${x}"}}],"$nor":[]}"#,
            &[
                "conditions.a NOT_NULLABLE",
                "conditions.$or[0].b.$regex NOT_ALLOWED",
                "conditions.$or[1].$not.c NOT_ALLOWED",
                "conditions.$nor NOT_ALLOWED",
            ],
        ),
    ] {
        assert_eq!(problems(text), told, "{text}");
    }
}

#[test]
fn a_problem_says_what_would_be_right() {
    let rules = |text: &str| -> Vec<Rule> {
        let problems = Condition::parse("", text).unwrap_err();
        problems.into_iter().map(|problem| problem.rule).collect()
    };
    let allowed = |words: &[&str]| Rule::NotAllowed {
        allowed: words.iter().map(|&word| word.to_owned()).collect(),
    };
    assert_eq!(
        rules(r#"{"a":{"$regex":"x"}}"#),
        [allowed(&[
            "$eq", "$ne", "$in", "$nin", "$lt", "$lte", "$gt", "$gte", "$exists", "$not"
        ])]
    );
    assert_eq!(rules(r#"{"$nor":[]}"#), [allowed(&["$and", "$or", "$not"])]);
    assert_eq!(
        rules(r#"{"a":"${user}"}"#),
        [allowed(&[
            "${user.id}",
            "${user.email}",
            "${organization.id}",
            "${now}"
        ])]
    );
    assert_eq!(
        rules(r#"{"a":{"$lt":"${user.id}"}}"#),
        [allowed(&["${user.email}", "${now}"])]
    );
}

#[test]
fn a_large_condition_is_refused() {
    let of_length = |length: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(length - 8));
    assert_eq!(of_length(MAX_BYTES).len(), MAX_BYTES);
    assert_eq!(problems(&of_length(MAX_BYTES)), Vec::<String>::new());
    assert_eq!(problems(&of_length(MAX_BYTES + 1)), ["conditions TOO_LONG"]);
    assert_eq!(problems(&of_length(100_000)), ["conditions TOO_LONG"]);
}

#[test]
fn a_deep_condition_is_refused() {
    let nested = |levels: usize| {
        // The innermost object is a level too.
        let around = levels - 1;
        format!("{}{{\"a\":1}}{}", r#"{"$not":"#.repeat(around), "}".repeat(around))
    };
    assert_eq!(problems(&nested(MAX_DEPTH)), Vec::<String>::new());
    for levels in [MAX_DEPTH + 1, 50, 120] {
        let place = format!("conditions{} TOO_DEEP", ".$not".repeat(MAX_DEPTH));
        assert_eq!(problems(&nested(levels)), [place], "{levels}");
    }
    let lists = format!("{}{}", r#"{"$and":["#.repeat(10), "]}".repeat(10));
    assert_eq!(
        problems(&lists),
        [format!("conditions{} TOO_DEEP", ".$and[0]".repeat(8))]
    );
    assert_eq!(
        problems(&"[".repeat(20_000)),
        ["conditions TOO_LONG"],
        "and costs no stack"
    );
    assert_eq!(problems(&"[".repeat(10_000)), ["conditions INVALID_FORMAT"]);
}

#[test]
fn a_value_that_is_deeper_than_any_text_is_refused() {
    let mut value = json!({"a": 1});
    for _ in 0..1_000 {
        value = json!({ "$not": value });
    }
    let problems = Condition::from_value("c", &value).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].rule, Rule::TooDeep { max: MAX_DEPTH });
}

#[test]
fn a_condition_with_many_values_is_refused() {
    let of = |values: usize| json!({"a": {"$in": vec![1; values - 1]}, "b": {"$exists": true}}).to_string();
    assert_eq!(problems(&of(MAX_OPERANDS)), Vec::<String>::new());
    assert_eq!(
        problems(&of(MAX_OPERANDS + 2)),
        [format!("conditions.a.$in[{MAX_OPERANDS}] TOO_MANY_ITEMS")],
        "told once"
    );
}

#[test]
fn what_a_client_wrote_is_repeated_only_in_part() {
    let text = json!({"k".repeat(65): 1, "$".repeat(64): 1}).to_string();
    assert_eq!(
        problems(&text),
        [
            format!("conditions.{}… INVALID_FORMAT", "k".repeat(64)),
            format!("conditions.{} NOT_ALLOWED", "$".repeat(64))
        ]
    );
    let many = (0..1_000)
        .map(|number| format!(r#""{number}":1"#))
        .collect::<Vec<_>>()
        .join(",");
    assert_eq!(problems(&format!("{{{many}}}")).len(), 100);
}

#[test]
fn a_condition_is_checked_against_columns() {
    let misfits = |condition: serde_json::Value| -> Vec<String> {
        let condition = Condition::from_value("", &condition).unwrap();
        let problems = condition.misfits("conditions", &COLUMNS);
        problems
            .into_iter()
            .map(|problem| format!("{} {}", problem.field, problem.rule.code()))
            .collect()
    };
    assert_eq!(
        misfits(json!({
            "open": true, "amount": {"$lt": 5}, "note": {"$gt": "${user.email}"}, "dueAt": {"$lt": "${now}"},
            "createdAt": "2026-11-21T12:30:00-03:00", "ownerId": {"$in": ["${user.id}", "${organization.id}"]},
            "paid": {"$exists": false}, "status": {"$in": []},
        })),
        Vec::<String>::new()
    );
    assert_eq!(
        misfits(json!({
            "color": "red", "open": 1, "amount": "5", "note": {"$not": {"$eq": true}}, "dueAt": {"$lt": "2026-11-21"},
            "ownerId": {"$lt": "01890a5d-ac96-774b-bcce-b302099a8057"}, "customer.id": {"$nin": ["${user.id}", "x"]},
            "status": "${now}",
        })),
        [
            "conditions.color UNKNOWN_FIELD",
            "conditions.open INVALID_TYPE",
            "conditions.amount INVALID_TYPE",
            "conditions.note.$not.$eq INVALID_TYPE",
            "conditions.dueAt.$lt INVALID_FORMAT",
            "conditions.ownerId.$lt NOT_ALLOWED",
            "conditions.customer.id.$nin INVALID_FORMAT",
            "conditions.status INVALID_TYPE",
        ]
    );
}
