//! The tables of this context.
//!
//! Usage comes in batches, so its statements take many rows at once: as one JSON text, which the engine expands. The rows are in
//! the order of their keys, so that two units never wait for each other.

pub(crate) mod aggregates;
pub(crate) mod counters;
pub(crate) mod events;
pub(crate) mod keys;
pub(crate) mod organizations;
pub(crate) mod retention;

use db::{DbError, Engine, Sql, Value};
use kernel::Timestamp;
use serde::{Serialize, Serializer};

/// Every statement of this context, for the statement test.
pub(crate) fn statements() -> Vec<Sql<'static>> {
    [
        aggregates::STATEMENTS,
        counters::STATEMENTS,
        events::STATEMENTS,
        keys::STATEMENTS,
        organizations::STATEMENTS,
        retention::STATEMENTS,
    ]
    .concat()
}

/// How many rows are read, or deleted, at once where there may be any number of them.
pub(crate) const SLICE: usize = 5_000;

/// An instant inside the JSON that a statement expands: what the engine's column takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stamp(pub(crate) Engine, pub(crate) Timestamp);

impl Serialize for Stamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Engine::Postgres => self.1.serialize(serializer),
            Engine::Sqlite => serializer.serialize_i64(self.1.as_micros()),
        }
    }
}

/// Rows as one value.
fn expanded<T: Serialize>(rows: &[T]) -> Result<Value<'static>, DbError> {
    serde_json::to_string(rows)
        .map(|text| Value::Json(text.into()))
        .map_err(|error| DbError::Internal(format!("rows cannot be written as JSON: {error}")))
}
