//! The condition of a grant, and an object to decide about: two texts of JSON with a line `---` between them.
//!
//! What is read must be decided and written as SQL without a fault, the same after it was stored and read again, and with the same
//! answer by every way there is to ask.
#![no_main]

use authz::conditions::{Column, ColumnKind, Condition, Dialect, Variables, Verdict};
use kernel::Timestamp;
use libfuzzer_sys::fuzz_target;
use uuid::Uuid;

const COLUMNS: [Column; 6] = [
    Column::new("open", "is_open", ColumnKind::Bool),
    Column::new("amount", "amount", ColumnKind::Integer),
    Column::new("note", "note", ColumnKind::Text),
    Column::new("dueAt", "due_at", ColumnKind::Time),
    Column::new("ownerId", "owner_id", ColumnKind::Id),
    Column::new("address.city", "city", ColumnKind::Text),
];

const NOBODY: Variables<'static> = Variables {
    user_id: None,
    user_email: None,
    organization_id: Uuid::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8058),
    now: Timestamp::from_micros(1_795_264_200_000_001),
};
const ANA: Variables<'static> = Variables {
    user_id: Some(Uuid::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8057)),
    user_email: Some("ana@example.com"),
    ..NOBODY
};

fuzz_target!(|text: &str| {
    let (condition, object) = text.split_once("\n---\n").unwrap_or((text, "{}"));
    let condition = match Condition::parse("conditions", condition) {
        Ok(condition) => condition,
        Err(problems) => {
            assert!(!problems.is_empty(), "what is refused is refused for a reason");
            return;
        }
    };
    let stored = Condition::parse("conditions", condition.source()).expect("what is stored can be read");
    assert_eq!(stored, condition);
    assert_eq!(stored.comparisons(), condition.comparisons());
    assert!(stored.implies(&condition) && condition.implies(&stored));

    let object: serde_json::Value = serde_json::from_str(object).unwrap_or_default();
    let misfits = condition.misfits("conditions", &COLUMNS);
    for variables in [NOBODY, ANA] {
        let verdict = condition.evaluate(&object, &variables);
        assert_eq!(verdict, stored.evaluate(&object, &variables));
        let failures = condition.failures(&object, &variables);
        match verdict {
            Verdict::Holds => assert!(failures.is_empty()),
            Verdict::Fails(failure) => assert_eq!(failures.first(), Some(&failure)),
        }
        match condition.to_predicate(&COLUMNS, &variables) {
            Ok(predicate) => {
                for dialect in [Dialect::Sqlite, Dialect::Postgres] {
                    let sql = predicate.text(dialect, 2);
                    // Nothing but names of columns, words and placeholders: no text of the condition gets there.
                    let known = |byte: u8| byte.is_ascii_alphanumeric() || b" ()$_<>=,\"".contains(&byte);
                    assert!(sql.bytes().all(known), "{sql}");
                    let depth = sql.bytes().try_fold(0_usize, |depth, byte| match byte {
                        b'(' => Some(depth + 1),
                        b')' => depth.checked_sub(1),
                        _ => Some(depth),
                    });
                    assert_eq!(depth, Some(0), "{sql}");
                    let last = format!("${}", predicate.values().len() + 1);
                    assert!(predicate.values().is_empty() || sql.contains(&last), "{sql}");
                }
            }
            Err(_) => assert!(!misfits.is_empty(), "what has no SQL does not fit the columns"),
        }
    }
});
