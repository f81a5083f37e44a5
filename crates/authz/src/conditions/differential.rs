//! Conditions and rows to compare engines with.
//!
//! A condition decides in two places, here and in SQL, and both must give the same answer for every row. This crate has
//! no database; it compares with an interpreter of SQL's logic in its own tests. Whoever has one puts [`Row`]s into a table of
//! [`COLUMNS`], asks it with the [`Predicate`](super::Predicate) of each [`Case`], and compares with
//! [`Condition::evaluate`](super::Condition::evaluate): for many seeds, on each engine.

use kernel::{FieldValue, Timestamp};
use serde_json::json;
use uuid::Uuid;

use super::value::{Object, Value, Variables};
use super::{Column, ColumnKind};

/// The columns: two of each type, whole numbers of two widths, all nullable.
pub const COLUMNS: [Column; 10] = [
    Column::new("open", "is_open", ColumnKind::Bool),
    Column::new("paid", "is_paid", ColumnKind::Bool),
    Column::new("amount", "amount", ColumnKind::Integer),
    // `INTEGER` of 32 bits on PostgreSQL, and compared with numbers that do not fit it.
    Column::new("count", "small_count", ColumnKind::Integer),
    Column::new("note", "note", ColumnKind::Text),
    Column::new("status", "status", ColumnKind::Text),
    Column::new("dueAt", "due_at", ColumnKind::Time),
    Column::new("createdAt", "created_at", ColumnKind::Time),
    Column::new("ownerId", "owner_id", ColumnKind::Id),
    Column::new("customer.id", "customer_id", ColumnKind::Id),
];

/// The number, within [`COLUMNS`], of the column with 32 bits.
pub const NARROW: usize = 3;

const USER: Uuid = Uuid::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8057);
const ORGANIZATION: Uuid = Uuid::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8058);
const EMAIL: &str = "ana@example.com";
/// 2026-11-21T12:30:00.000001Z.
const NOW: Timestamp = Timestamp::from_micros(1_795_264_200_000_001);

/// A row: a value for each of [`COLUMNS`], or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row(pub Vec<Option<FieldValue>>);

impl Object for Row {
    fn value(&self, field: &str) -> Option<Value<'_>> {
        let number = COLUMNS.iter().position(|column| column.field == field)?;
        Value::of(self.0.get(number)?.as_ref()?)
    }
}

impl Row {
    /// The row as the API would show it, without its nulls.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        fn put(object: &mut serde_json::Map<String, serde_json::Value>, field: &str, value: serde_json::Value) {
            match field.split_once('.') {
                None => {
                    object.insert(field.to_owned(), value);
                }
                Some((outer, inner)) => {
                    if let Some(object) = object.entry(outer).or_insert_with(|| json!({})).as_object_mut() {
                        put(object, inner, value);
                    }
                }
            }
        }
        let mut object = serde_json::Map::new();
        for (column, value) in COLUMNS.iter().zip(&self.0) {
            if let Some(Ok(value)) = value.as_ref().map(serde_json::to_value) {
                put(&mut object, column.field, value);
            }
        }
        object.into()
    }
}

/// A condition, rows to decide about, and who asks.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// The condition, always a valid one.
    pub condition: serde_json::Value,
    /// The rows.
    pub rows: Vec<Row>,
    /// Who asks, and when.
    pub variables: Variables<'static>,
}

impl Case {
    /// The case with this number. The same number is the same case.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        Self {
            condition: dice.object(3),
            rows: (0..8).map(|_| dice.row()).collect(),
            variables: Variables {
                user_id: (dice.below(10) > 0).then_some(USER),
                user_email: (dice.below(10) > 0).then_some(EMAIL),
                organization_id: ORGANIZATION,
                now: NOW,
            },
        }
    }
}

/// Texts that are close to each other in one way or another: by case, accent, composition, length and code point, and some that
/// can be something else than a text.
const TEXTS: [&str; 14] = [
    "",
    "a",
    "A",
    "b",
    "ab",
    "\u{e1}",
    "a\u{301}",
    "Z",
    "_",
    "\u{ffff}",
    "\u{1d11e}",
    "ana@example.com",
    "2026-11-21T12:30:00.000001Z",
    "01890a5d-ac96-774b-bcce-b302099a8057",
];
const INTEGERS: [i64; 8] = [i64::MIN, -1, 0, 1, 5, 100, 2_147_483_648, i64::MAX];
const INSTANTS: [&str; 6] = [
    "2026-11-21T12:30:00.000001Z",
    "2026-11-21T09:30:00.000001-03:00",
    "2026-11-21T12:30:00Z",
    "1969-12-31T23:59:59.999999Z",
    "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
];
const IDS: [&str; 4] = [
    "01890a5d-ac96-774b-bcce-b302099a8057",
    "01890A5D-AC96-774B-BCCE-B302099A8057",
    "01890a5d-ac96-774b-bcce-b302099a8058",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
];

/// A generator of numbers (`SplitMix64`): small, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn of<T: Copy + Default>(&mut self, set: &[T]) -> T {
        let number = usize::try_from(self.next()).unwrap_or_default();
        set.get(number % set.len().max(1)).copied().unwrap_or_default()
    }

    fn row(&mut self) -> Row {
        Row((0..COLUMNS.len()).map(|number| self.cell(number)).collect())
    }

    fn cell(&mut self, number: usize) -> Option<FieldValue> {
        if self.below(4) == 0 {
            return None;
        }
        let kind = COLUMNS.get(number)?.kind;
        Some(match kind {
            ColumnKind::Bool => FieldValue::Bool(self.below(2) == 0),
            ColumnKind::Integer if number == NARROW => FieldValue::Integer(self.of(&[-1, 0, 1, 5, 100])),
            ColumnKind::Integer => FieldValue::Integer(self.of(&INTEGERS)),
            ColumnKind::Text => FieldValue::Text(self.of(&TEXTS).to_owned()),
            ColumnKind::Time => FieldValue::Time(self.of(&INSTANTS).parse().ok()?),
            ColumnKind::Id => FieldValue::Id(kernel::id::parse_uuid(self.of(&IDS)).ok()?),
        })
    }

    /// A condition, `depth` groups deep at most.
    fn object(&mut self, depth: u32) -> serde_json::Value {
        let mut entries = serde_json::Map::new();
        // Mostly one: what must hold together of many fields holds of no row.
        for _ in 0..=self.below(5) / 3 {
            let (name, value) = if depth > 0 && self.below(3) == 0 {
                match self.below(3) {
                    0 => ("$and", self.objects(depth - 1)),
                    1 => ("$or", self.objects(depth - 1)),
                    _ => ("$not", self.object(depth - 1)),
                }
            } else {
                let number = usize::try_from(self.below(10)).unwrap_or_default();
                let column = COLUMNS.get(number).copied().unwrap_or(COLUMNS[0]);
                // Most comparisons fit their column.
                let kind = if self.below(5) > 0 { column.kind } else { self.kind() };
                (column.field, self.test(kind, depth))
            };
            entries.insert(name.to_owned(), value);
        }
        entries.into()
    }

    fn objects(&mut self, depth: u32) -> serde_json::Value {
        (0..=self.below(3)).map(|_| self.object(depth)).collect()
    }

    fn kind(&mut self) -> ColumnKind {
        match self.below(5) {
            0 => ColumnKind::Bool,
            1 => ColumnKind::Integer,
            2 => ColumnKind::Text,
            3 => ColumnKind::Time,
            _ => ColumnKind::Id,
        }
    }

    fn test(&mut self, kind: ColumnKind, depth: u32) -> serde_json::Value {
        if self.below(4) == 0 {
            return self.operand(kind, false);
        }
        let mut operators = serde_json::Map::new();
        for _ in 0..=self.below(3) / 2 {
            let (name, value) = match self.below(10) {
                0 => ("$eq", self.operand(kind, false)),
                1 => ("$ne", self.operand(kind, false)),
                2 => ("$in", self.list(kind)),
                3 => ("$nin", self.list(kind)),
                4 => ("$exists", json!(self.below(2) == 0)),
                5 if depth > 0 => ("$not", self.operators(kind, depth - 1)),
                number => {
                    let name = ["$lt", "$lte", "$gt", "$gte"];
                    let name = name.get(usize::try_from(number % 4).unwrap_or_default());
                    (name.copied().unwrap_or("$lt"), self.operand(kind, true))
                }
            };
            operators.insert(name.to_owned(), value);
        }
        operators.into()
    }

    fn operators(&mut self, kind: ColumnKind, depth: u32) -> serde_json::Value {
        match self.test(kind, depth) {
            operators @ serde_json::Value::Object(_) => operators,
            operand => json!({ "$eq": operand }),
        }
    }

    fn list(&mut self, kind: ColumnKind) -> serde_json::Value {
        (0..self.below(4))
            .map(|_| {
                let kind = if self.below(8) == 0 { self.kind() } else { kind };
                self.operand(kind, false)
            })
            .collect()
    }

    fn operand(&mut self, kind: ColumnKind, ordered: bool) -> serde_json::Value {
        match kind {
            ColumnKind::Bool if !ordered => json!(self.below(2) == 0),
            ColumnKind::Bool | ColumnKind::Integer => match self.below(6) {
                0 => json!(100.0),
                _ => json!(self.of(&INTEGERS)),
            },
            ColumnKind::Text => match self.below(6) {
                0 => json!("${user.email}"),
                _ => json!(self.of(&TEXTS)),
            },
            ColumnKind::Time => match self.below(4) {
                0 => json!("${now}"),
                _ => json!(self.of(&INSTANTS)),
            },
            ColumnKind::Id if !ordered => match self.below(4) {
                0 => json!("${user.id}"),
                1 => json!("${organization.id}"),
                _ => json!(self.of(&IDS)),
            },
            ColumnKind::Id => json!(self.of(&IDS)),
        }
    }
}
