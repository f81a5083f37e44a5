//! The rules of the language, one by one.

use std::sync::Arc;

use kernel::{FieldValue, Timestamp};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::conditions::{
    Cause, Column, ColumnKind, Condition, Dialect, Failure, Object, PredicateError, Residual, Value, Variable,
    Variables, Verdict,
};

const ANA: Uuid = Uuid::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8057);
const ACME: Uuid = Uuid::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8058);

fn variables() -> Variables<'static> {
    Variables {
        user_id: Some(ANA),
        user_email: Some("ana@example.com"),
        organization_id: ACME,
        now: "2026-11-21T12:30:00Z".parse().unwrap(),
    }
}

fn condition(json: &Json) -> Condition {
    Condition::from_value("", json).unwrap_or_else(|problems| panic!("{json}: {problems:?}"))
}

#[track_caller]
fn check(object: &(impl Object + ?Sized), table: &[(Json, bool)]) {
    for (json, expected) in table {
        assert_eq!(
            condition(json).evaluate(object, &variables()).holds(),
            *expected,
            "{json}"
        );
    }
}

#[test]
fn of_a_missing_value_only_three_are_true() {
    let table = [
        (json!({"x": 5}), false),
        (json!({"x": {"$eq": 5}}), false),
        (json!({"x": {"$ne": 5}}), true),
        (json!({"x": {"$in": [5]}}), false),
        (json!({"x": {"$nin": [5]}}), true),
        (json!({"x": {"$lt": 5}}), false),
        (json!({"x": {"$lte": 5}}), false),
        (json!({"x": {"$gt": 5}}), false),
        (json!({"x": {"$gte": 5}}), false),
        (json!({"x": {"$exists": true}}), false),
        (json!({"x": {"$exists": false}}), true),
        (json!({"x": {"$not": {"$gt": 5}}}), true),
        (json!({"$not": {"x": 5}}), true),
        (json!({"x": {"$not": {"$ne": 5}}}), false),
    ];
    check(&json!({}), &table);
    check(&json!({"x": null}), &table);
}

#[test]
fn of_a_value_of_another_type_none_is_true() {
    let table = [
        (json!({"x": 5}), false),
        (json!({"x": {"$ne": 5}}), false),
        (json!({"x": {"$in": [5, 6]}}), false),
        (json!({"x": {"$nin": [5, 6]}}), false),
        (json!({"x": {"$lt": 5}}), false),
        (json!({"x": {"$gte": 5}}), false),
        (json!({"x": {"$exists": true}}), true),
        (json!({"x": {"$not": {"$gt": 5}}}), true),
        (json!({"x": {"$nin": []}}), true),
    ];
    for other in [json!("5"), json!(true), json!(5.5), json!([5]), json!({"x": 5})] {
        check(&json!({ "x": other }), &table);
    }
    check(&json!({"x": "a"}), &[(json!({"x": {"$nin": ["b", 5]}}), false)]);
}

#[test]
fn numbers_texts_and_truth_values_are_compared() {
    check(
        &json!({"n": 5, "t": "b", "open": true}),
        &[
            (json!({"n": 5}), true),
            (json!({"n": 5.0}), true),
            (json!({"n": {"$ne": 5}}), false),
            (json!({"n": {"$lt": 5}}), false),
            (json!({"n": {"$lte": 5}}), true),
            (json!({"n": {"$gt": 4, "$lt": 6}}), true),
            (json!({"n": {"$gt": 4, "$lt": 5}}), false),
            (json!({"n": {"$gte": 5}}), true),
            (json!({"n": {"$in": [1, 5]}}), true),
            (json!({"n": {"$in": []}}), false),
            (json!({"n": {"$nin": [1, 5]}}), false),
            (json!({"n": {"$nin": [1]}}), true),
            (json!({"t": {"$gt": "a", "$lt": "c"}}), true),
            (json!({"t": {"$gt": "B"}}), true),
            (json!({"t": "B"}), false),
            (json!({"open": true}), true),
            (json!({"open": {"$ne": true}}), false),
            (json!({"open": {"$in": [false, true]}}), true),
        ],
    );
}

#[test]
fn groups_combine() {
    check(
        &json!({"a": 1, "b": 2}),
        &[
            (json!({}), true),
            (json!({"a": 1, "b": 2}), true),
            (json!({"a": 1, "b": 3}), false),
            (json!({"$and": [{"a": 1}, {"b": 2}]}), true),
            (json!({"$and": [{"a": 1}, {"b": 3}]}), false),
            (json!({"$or": [{"a": 9}, {"b": 2}]}), true),
            (json!({"$or": [{"a": 9}, {"b": 9}]}), false),
            (json!({"$not": {"a": 1, "b": 2}}), false),
            (json!({"$not": {"a": 1, "b": 3}}), true),
            (json!({"$not": {"$or": [{"a": 9}, {"b": 9}]}}), true),
            (
                json!({"$or": [{"$not": {"a": 1}}, {"$and": [{"b": {"$gt": 1}}, {"b": {"$lt": 3}}]}]}),
                true,
            ),
            (json!({"a": {"$not": {"$gte": 1, "$lte": 1}}}), false),
        ],
    );
}

#[test]
fn variables_stand_for_who_asks() {
    check(
        &json!({
            "owner": ANA.to_string().to_uppercase(), "mail": "ana@example.com", "organization": ACME.to_string(),
            "due": "2026-11-21T09:29:59-03:00", "text": "soon",
        }),
        &[
            (json!({"owner": "${user.id}"}), true),
            (json!({"owner": {"$ne": "${user.id}"}}), false),
            (json!({"owner": "${organization.id}"}), false),
            (json!({"owner": {"$in": ["${organization.id}", "${user.id}"]}}), true),
            (json!({"mail": "${user.email}"}), true),
            (json!({"organization": "${organization.id}"}), true),
            (json!({"due": {"$lt": "${now}"}}), true),
            (json!({"due": {"$gte": "${now}"}}), false),
            (json!({"text": {"$lt": "${now}"}}), false),
            (json!({"text": {"$ne": "${user.id}"}}), false),
        ],
    );
}

#[test]
fn an_instant_and_an_id_are_compared_as_such() {
    let time: Timestamp = "2026-11-21T12:30:00Z".parse().unwrap();
    let table = [
        (json!({"at": "2026-11-21T09:30:00-03:00"}), true),
        (json!({"at": {"$lt": "2026-11-21T09:30:00.000001-03:00"}}), true),
        (json!({"at": {"$gt": "2026-11-21T13:00:00+01:00"}}), true),
        (json!({"id": "01890A5D-AC96-774B-BCCE-B302099A8057"}), true),
        (json!({"id": {"$gt": "00000000-0000-0000-0000-000000000000"}}), false),
    ];
    let typed = [("at", Value::Time(time)), ("id", Value::Id(ANA))];
    check(&typed[..], &table);
    // JSON says the same with texts.
    check(&json!({"at": time.to_string(), "id": ANA.to_string()}), &table);
    // Of a text that is only a text, none of it is true.
    let only_text = [
        ("at", Value::Text("2026-11-21T12:30:00Z")),
        ("id", Value::Text("01890a5d")),
    ];
    check(
        &only_text[..],
        &[
            (json!({"at": "2026-11-21T09:30:00-03:00"}), false),
            (json!({"at": {"$lt": "${now}"}}), false),
            (json!({"at": {"$ne": "${now}"}}), false),
            (json!({"at": "2026-11-21T12:30:00Z"}), true),
            (json!({"id": {"$ne": "${user.id}"}}), false),
        ],
    );
    check(
        &typed[..],
        &[
            (json!({"at": {"$lt": "soon"}}), false),
            (json!({"at": {"$ne": "soon"}}), false),
            (json!({"id": {"$ne": "nobody"}}), false),
        ],
    );
}

#[test]
fn without_a_value_for_its_variable_a_condition_does_not_hold() {
    let nobody = Variables {
        user_id: None,
        user_email: None,
        ..variables()
    };
    for (json, variable) in [
        (json!({"owner": "${user.id}"}), Variable::UserId),
        (json!({"owner": {"$ne": "${user.id}"}}), Variable::UserId),
        (json!({"$not": {"owner": "${user.id}"}}), Variable::UserId),
        (
            json!({"$or": [{"a": 1}, {"mail": {"$nin": ["x", "${user.email}"]}}]}),
            Variable::UserEmail,
        ),
    ] {
        let condition = condition(&json);
        let object = json!({"a": 1, "owner": ANA.to_string(), "mail": "y"});
        let Verdict::Fails(failure) = condition.evaluate(&object, &nobody) else {
            panic!("{json} holds");
        };
        assert_eq!(failure.cause(), Cause::NoVariable(variable), "{json}");
        assert_eq!(condition.failures(&object, &nobody), [failure]);
        let columns = ["owner", "mail", "a"].map(|field| Column::new(field, field, ColumnKind::Text));
        let predicate = condition.to_predicate(&columns, &nobody).unwrap();
        assert_eq!(predicate.text(Dialect::Sqlite, 1), "(1 = 0)", "{json}");
    }
    assert!(
        condition(&json!({"organization": "${organization.id}"}))
            .evaluate(&json!({"organization": ACME.to_string()}), &nobody)
            .holds()
    );
}

#[test]
fn a_failure_names_comparison_value_and_cause() {
    let told = |json: Json, object: &Json| -> Vec<String> {
        let condition = condition(&json);
        let failures = condition.failures(object, &variables());
        let told = |failure: &Failure<'_>| {
            let found = failure.found().map_or("nothing".to_owned(), |value| value.to_string());
            format!(
                "{} {} {:?} {found}",
                failure.place(),
                failure.operator(),
                failure.cause()
            )
        };
        if let Verdict::Fails(first) = condition.evaluate(object, &variables()) {
            assert_eq!(failures.first(), Some(&first));
        }
        failures.iter().map(told).collect()
    };
    let object = json!({"amount": 7, "status": "open", "n": null, "owner": "x"});
    assert_eq!(
        told(json!({"amount": {"$gte": 1, "$lte": 5}, "status": "open"}), &object),
        ["amount.$lte $lte Differs 7"]
    );
    assert_eq!(told(json!({"n": 1}), &object), ["n $eq Missing nothing"]);
    assert_eq!(
        told(json!({"status": {"$lt": 5}}), &object),
        ["status.$lt $lt WrongType open"]
    );
    assert_eq!(
        told(json!({"owner": {"$in": ["${user.id}"]}}), &object),
        ["owner.$in $in WrongType x"]
    );
    assert_eq!(
        told(
            json!({"$not": {"status": "open", "amount": {"$exists": true}}}),
            &object
        ),
        ["$not.status $eq Negated open", "$not.amount.$exists $exists Negated 7"]
    );
    assert_eq!(
        told(
            json!({"$or": [{"amount": {"$lt": 5}}, {"status": "closed", "amount": 7}]}),
            &object
        ),
        ["$or[0].amount.$lt $lt Differs 7", "$or[1].status $eq Differs open"]
    );
    assert_eq!(
        told(json!({"amount": {"$not": {"$gt": 9}}}), &object),
        Vec::<String>::new()
    );
}

#[test]
fn a_failure_in_a_log_does_not_tell_the_value() {
    let condition = condition(&json!({"mail": "${user.email}"}));
    let object = json!({"mail": "secret@example.com"});
    let printed = format!("{:?}", condition.evaluate(&object, &variables()));
    assert!(printed.contains("Differs") && !printed.contains("secret"), "{printed}");
    let printed = format!("{:?}", variables());
    assert!(!printed.contains("ana@"), "{printed}");
}

const COLUMNS: [Column; 4] = [
    Column::new("amount", "i.amount", ColumnKind::Integer),
    Column::new("status", "i.status", ColumnKind::Text),
    Column::new("ownerId", "i.owner_id", ColumnKind::Id),
    Column::new("dueAt", "i.due_at", ColumnKind::Time),
];

#[test]
fn a_predicate_is_plain_sql_with_values_apart() {
    for (json, postgres) in [
        (json!({}), "(1 = 1)"),
        (json!({"amount": {"$lte": 5}}), "(i.amount <= CAST($2 AS BIGINT))"),
        (
            json!({"amount": {"$lte": 5}, "ownerId": "${user.id}"}),
            "((i.amount <= CAST($2 AS BIGINT) AND i.owner_id = $3))",
        ),
        (
            json!({"amount": {"$ne": 5}}),
            "((i.amount IS NULL OR i.amount <> CAST($2 AS BIGINT)))",
        ),
        (
            json!({"amount": {"$not": {"$gt": 5}}}),
            "((i.amount IS NULL OR i.amount <= CAST($2 AS BIGINT)))",
        ),
        (json!({"status": {"$lt": "b"}}), "(i.status COLLATE \"C\" < $2)"),
        (json!({"status": {"$in": ["a", "b"]}}), "(i.status IN ($2, $3))"),
        (
            json!({"status": {"$nin": ["a", "b"]}}),
            "((i.status IS NULL OR i.status NOT IN ($2, $3)))",
        ),
        (json!({"status": {"$in": []}}), "(1 = 0)"),
        (json!({"status": {"$nin": []}}), "(1 = 1)"),
        (json!({"status": {"$exists": false}}), "(i.status IS NULL)"),
        // Of another type.
        (json!({"amount": "5"}), "(1 = 0)"),
        (json!({"amount": {"$ne": "5"}}), "(i.amount IS NULL)"),
        (json!({"amount": {"$nin": [5, "5"]}}), "(i.amount IS NULL)"),
        (
            json!({"amount": {"$in": [5, "5"]}}),
            "(i.amount IN (CAST($2 AS BIGINT)))",
        ),
        (json!({"$not": {"amount": "5"}}), "(1 = 1)"),
        (
            json!({"$not": {"amount": 5, "status": "a"}}),
            "(((i.amount IS NULL OR i.amount <> CAST($2 AS BIGINT)) OR (i.status IS NULL OR i.status <> $3)))",
        ),
        (
            json!({"$or": [{"amount": 5}, {"dueAt": {"$lt": "${now}"}}]}),
            "((i.amount = CAST($2 AS BIGINT) OR i.due_at < $3))",
        ),
    ] {
        let predicate = condition(&json).to_predicate(&COLUMNS, &variables()).unwrap();
        assert_eq!(predicate.text(Dialect::Postgres, 2), postgres, "{json}");
        assert_eq!(
            predicate.text(Dialect::Sqlite, 2),
            postgres.replace(" COLLATE \"C\"", ""),
            "{json}"
        );
    }
    let predicate = condition(&json!({"status": "'; DROP TABLE x; --", "ownerId": "${user.id}", "dueAt": "${now}"}))
        .to_predicate(&COLUMNS, &variables())
        .unwrap();
    assert_eq!(
        predicate.text(Dialect::Sqlite, 7),
        "((i.status = $7 AND i.owner_id = $8 AND i.due_at = $9))"
    );
    let values = [
        FieldValue::Text("'; DROP TABLE x; --".to_owned()),
        FieldValue::Id(ANA),
        FieldValue::Time(variables().now),
    ];
    assert_eq!(predicate.values(), values);
    assert_eq!(predicate.into_values(), values);
}

#[test]
fn a_field_that_is_no_column_has_no_predicate() {
    let unknown = PredicateError::UnknownField {
        field: "color".to_owned(),
    };
    for json in [
        json!({"color": "red"}),
        json!({"amount": 1, "$or": [{"status": "a"}, {"color": {"$exists": true}}]}),
        json!({"color": "${user.email}"}),
    ] {
        assert_eq!(
            condition(&json).to_predicate(&COLUMNS, &variables()),
            Err(unknown.clone())
        );
    }
    // Whoever asks: a key has no e-mail address, and is told the same.
    let nobody = Variables {
        user_email: None,
        ..variables()
    };
    let json = json!({"color": "${user.email}"});
    assert_eq!(condition(&json).to_predicate(&COLUMNS, &nobody), Err(unknown));
}

#[test]
fn a_residual_holds_where_any_of_its_conditions_does() {
    let conditions = [
        json!({"amount": {"$lt": 5}}),
        json!({"status": "open"}),
        json!({"amount": {"$gt": 100}}),
        json!({"ownerId": "${user.id}"}),
        json!({"status": "new"}),
    ]
    .map(|json| Arc::new(condition(&json)));
    let [first, others @ ..] = &conditions;
    let residual = others
        .iter()
        .chain(others)
        .fold(Residual::of(Arc::clone(first)), |residual, condition| {
            residual.or(condition)
        });
    assert_eq!(residual.conditions().count(), 5, "each once");
    for (object, holds) in [
        (json!({"amount": 1}), true),
        (json!({"amount": 50, "status": "open"}), true),
        (json!({"amount": 101}), true),
        (json!({"ownerId": ANA.to_string()}), true),
        (json!({"status": "new"}), true),
        (json!({"amount": 50, "status": "closed"}), false),
    ] {
        assert_eq!(residual.evaluate(&object, &variables()).holds(), holds, "{object}");
        assert_eq!(residual.failures(&object, &variables()).is_empty(), holds, "{object}");
    }
    let object = json!({"amount": 50, "status": "closed"});
    let failures = residual.failures(&object, &variables());
    assert_eq!(
        failures.iter().map(Failure::place).collect::<Vec<_>>(),
        ["amount.$lt", "status", "amount.$gt", "ownerId", "status"]
    );
    let predicate = residual.to_predicate(&COLUMNS, &variables()).unwrap();
    assert_eq!(
        predicate.text(Dialect::Sqlite, 1),
        "(i.amount < CAST($1 AS BIGINT) OR i.status = $2 OR i.amount > CAST($3 AS BIGINT) OR i.owner_id = $4 \
         OR i.status = $5)"
    );
}

#[test]
fn too_many_values_for_one_statement_are_refused() {
    let large = |number: usize| Arc::new(condition(&json!({"amount": {"$in": vec![number; 500]}})));
    let residual =
        |conditions: usize| (1..conditions).fold(Residual::of(large(0)), |all, number| all.or(&large(number)));
    assert!(residual(60).to_predicate(&COLUMNS, &variables()).is_ok());
    assert_eq!(
        residual(61).to_predicate(&COLUMNS, &variables()),
        Err(PredicateError::TooManyValues)
    );
}

#[test]
fn what_is_stricter_is_seen_by_its_shape() {
    let implies = |strict: Json, weak: Json| condition(&strict).implies(&condition(&weak));
    assert!(implies(json!({"a": 1, "b": 2}), json!({"b": 2})));
    assert!(implies(
        json!({"$and": [{"a": 1}, {"b": 2, "c": 3}]}),
        json!({"c": 3, "a": 1})
    ));
    assert!(implies(json!({"a": {"$gt": 1, "$lt": 9}}), json!({"a": {"$lt": 9}})));
    assert!(implies(json!({"a": 1}), json!({})));
    assert!(implies(
        json!({"x": 0, "$or": [{"a": 1}, {"b": 2}]}),
        json!({"$or": [{"a": 1}, {"b": 2}]})
    ));
    assert!(!implies(json!({}), json!({"a": 1})));
    assert!(!implies(json!({"a": 1}), json!({"a": 2})));
    assert!(!implies(json!({"a": 1}), json!({"b": 1})));
    assert!(!implies(json!({"a": 1}), json!({"a": {"$ne": 1}})));
    assert!(!implies(json!({"$or": [{"a": 1}, {"b": 2}]}), json!({"a": 1})));
    assert!(!implies(
        json!({"$or": [{"a": 1}, {"b": 2}]}),
        json!({"$and": [{"a": 1}, {"b": 2}]})
    ));
    assert!(!implies(json!({"$not": {"a": 1, "b": 2}}), json!({"$not": {"a": 1}})));
}
