//! Conditions decide in two places: about one object in memory, and about a list in SQL. Both say the same of every row.

use authz::conditions::differential::{COLUMNS, Case};
use authz::conditions::{Condition, Dialect};
use db::{DbError, Engine, Sql, UnitContext, Value};
use kernel::{Actor, FieldValue};

use crate::start;

const CASES: u64 = 500;

const SQLITE: &str = "CREATE TABLE differential (place INTEGER NOT NULL PRIMARY KEY, is_open INTEGER, is_paid INTEGER, amount INTEGER, \
     small_count INTEGER, note TEXT, status TEXT, due_at INTEGER, created_at INTEGER, owner_id BLOB, customer_id BLOB) STRICT";
const POSTGRES: &str = "CREATE TABLE differential (place bigint NOT NULL PRIMARY KEY, is_open boolean, is_paid boolean, amount bigint, \
     small_count integer, note text, status text, due_at timestamptz, created_at timestamptz, owner_id uuid, customer_id uuid); \
     SELECT lastro_global_table('differential')";
const ADD: Sql = Sql::global(
    "INSERT INTO differential (place, is_open, is_paid, amount, small_count, note, status, due_at, created_at, owner_id, customer_id) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
);

fn bound(value: &FieldValue) -> Value<'static> {
    match value {
        FieldValue::Null | FieldValue::List(_) => Value::Null,
        FieldValue::Bool(value) => (*value).into(),
        FieldValue::Integer(value) => (*value).into(),
        FieldValue::Text(value) => value.clone().into(),
        FieldValue::Time(value) => (*value).into(),
        FieldValue::Id(value) => (*value).into(),
    }
}

testkit::behaviours! {
    with start;

    async fn memory_and_sql_agree_on_every_row(app: TestApp) {
        let (table, dialect) = match app.db().engine() {
            Engine::Sqlite => (SQLITE, Dialect::Sqlite),
            Engine::Postgres => (POSTGRES, Dialect::Postgres),
        };
        db::admin::execute(app.url(), table).await.unwrap();
        let context = UnitContext::tenant(Actor::system("test"), app.platform()).unaudited("rows of a test").long();
        app.db()
            .write(context, |uow| async move {
                let rows = (0..CASES).flat_map(|seed| Case::new(seed).rows);
                for (place, row) in rows.enumerate() {
                    let mut values = vec![Value::Integer(i64::try_from(place).unwrap())];
                    values.extend(row.0.iter().map(|value| value.as_ref().map_or(Value::Null, bound)));
                    uow.global().send(&ADD, &values).await?;
                }
                Ok::<_, DbError>(())
            })
            .await
            .unwrap();
        let mut reached_in_all = 0;
        let mut first = 0;
        for seed in 0..CASES {
            let case = Case::new(seed);
            let condition = Condition::from_value("conditions", &case.condition).unwrap();
            let end = first + i64::try_from(case.rows.len()).unwrap();
            let in_memory: Vec<i64> = (first..end)
                .zip(&case.rows)
                .filter(|(_, row)| condition.evaluate(*row, &case.variables).holds())
                .map(|(place, _)| place)
                .collect();
            let predicate = condition.to_predicate(&COLUMNS, &case.variables).unwrap();
            let text = format!(
                "SELECT place FROM differential WHERE place >= $1 AND place < $2 AND {} ORDER BY place",
                predicate.text(dialect, 3)
            );
            let mut values = vec![Value::Integer(first), Value::Integer(end)];
            values.extend(predicate.values().iter().map(bound));
            let in_sql = app.db().global().all(&Sql::global(&text), &values, |row| row.get::<i64>(0)).await.unwrap();
            assert_eq!(in_sql, in_memory, "case {seed}: {}", case.condition);
            reached_in_all += in_sql.len();
            first = end;
        }
        let all = usize::try_from(first).unwrap();
        assert!(reached_in_all > all / 20 && reached_in_all < all, "{reached_in_all} of {all}: the cases say something");
    }
}
