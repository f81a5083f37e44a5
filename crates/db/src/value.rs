//! Values that statements bind, and their encoding on each engine.

use std::borrow::Cow;
use std::error::Error;

use bytes::{BufMut, BytesMut};
use kernel::{Id, Timestamp};
use postgres_types::{IsNull, ToSql, Type, to_sql_checked};
use rusqlite::types::{ToSqlOutput, ValueRef};
use uuid::Uuid;

/// Microseconds between the Unix epoch and PostgreSQL's (2000-01-01T00:00:00Z).
pub(crate) const POSTGRES_EPOCH_MICROS: i64 = 946_684_800_000_000;

/// One value bound to a statement.
///
/// The set is closed on purpose: these are the types that mean the same on both engines. An amount is minor units in an
/// `Integer`, an instant is microseconds in a `Time`, a structured value is JSON text; there is no float.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// SQL NULL, of whatever type the place wants.
    Null,
    /// `BOOLEAN`; on SQLite the integers 0 and 1.
    Bool(bool),
    /// `BIGINT`, also accepted where the column is `INTEGER` or `SMALLINT` and the value fits.
    Integer(i64),
    /// `TEXT`.
    Text(Cow<'a, str>),
    /// `JSON`, kept as the text it is, on both engines.
    Json(Cow<'a, str>),
    /// `BYTEA`; on SQLite `BLOB`.
    Bytes(Cow<'a, [u8]>),
    /// `UUID`; on SQLite a `BLOB` of 16 bytes.
    Uuid(Uuid),
    /// `TIMESTAMPTZ`; on SQLite an `INTEGER` of microseconds since the Unix epoch.
    Time(Timestamp),
}

impl Value<'_> {
    /// The identifier as a value; a typed id has no `From`, so that no two of them can be told apart by accident only here.
    pub fn id<T: Id>(id: T) -> Value<'static> {
        Value::Uuid(id.as_uuid())
    }

    /// The same value, borrowing nothing: for a statement whose result is awaited after its values are gone.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Null => Value::Null,
            Value::Bool(v) => Value::Bool(v),
            Value::Integer(v) => Value::Integer(v),
            Value::Text(v) => Value::Text(Cow::Owned(v.into_owned())),
            Value::Json(v) => Value::Json(Cow::Owned(v.into_owned())),
            Value::Bytes(v) => Value::Bytes(Cow::Owned(v.into_owned())),
            Value::Uuid(v) => Value::Uuid(v),
            Value::Time(v) => Value::Time(v),
        }
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Value::Integer(value)
    }
}

impl From<u32> for Value<'_> {
    fn from(value: u32) -> Self {
        Value::Integer(i64::from(value))
    }
}

impl From<u16> for Value<'_> {
    fn from(value: u16) -> Self {
        Value::Integer(i64::from(value))
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Value::Text(Cow::Borrowed(value))
    }
}

impl From<String> for Value<'_> {
    fn from(value: String) -> Self {
        Value::Text(Cow::Owned(value))
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(value: &'a [u8]) -> Self {
        Value::Bytes(Cow::Borrowed(value))
    }
}

impl From<Uuid> for Value<'_> {
    fn from(value: Uuid) -> Self {
        Value::Uuid(value)
    }
}

impl From<Timestamp> for Value<'_> {
    fn from(value: Timestamp) -> Self {
        Value::Time(value)
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

/// Binds values in order: `values![id.as_uuid(), name, now]`.
#[macro_export]
macro_rules! values {
    ($($value:expr),* $(,)?) => { [$($crate::Value::from($value)),*] };
}

impl ToSql for Value<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Value::Null => return Ok(IsNull::Yes),
            Value::Bool(v) => return v.to_sql_checked(ty, out),
            Value::Integer(v) if *ty == Type::INT8 => out.put_i64(*v),
            Value::Integer(v) if *ty == Type::INT4 => out.put_i32(i32::try_from(*v)?),
            Value::Integer(v) if *ty == Type::INT2 => out.put_i16(i16::try_from(*v)?),
            // An xid8 is an unsigned 64-bit number; ours come from the same server and stay far below 2^63.
            Value::Integer(v) if *ty == Type::XID8 => out.put_i64(*v),
            Value::Text(v) => return v.as_ref().to_sql_checked(ty, out),
            Value::Json(v) if *ty == Type::JSON || *ty == Type::TEXT => out.put_slice(v.as_bytes()),
            Value::Bytes(v) => return v.as_ref().to_sql_checked(ty, out),
            Value::Uuid(v) => return v.to_sql_checked(ty, out),
            Value::Time(v) if *ty == Type::TIMESTAMPTZ => out.put_i64(v.as_micros() - POSTGRES_EPOCH_MICROS),
            Value::Integer(_) | Value::Json(_) | Value::Time(_) => {
                return Err(format!("a value of this kind cannot be bound as {ty}").into());
            }
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        // Decided per value in `to_sql`: whether a place fits depends on which variant stands in it.
        true
    }

    to_sql_checked!();
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Value::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Value::Bool(v) => ToSqlOutput::Owned(i64::from(*v).into()),
            Value::Integer(v) => ToSqlOutput::Owned((*v).into()),
            Value::Text(v) | Value::Json(v) => ToSqlOutput::Borrowed(ValueRef::Text(v.as_bytes())),
            Value::Bytes(v) => ToSqlOutput::Borrowed(ValueRef::Blob(v)),
            Value::Uuid(v) => ToSqlOutput::Borrowed(ValueRef::Blob(v.as_bytes())),
            Value::Time(v) => ToSqlOutput::Owned(v.as_micros().into()),
        })
    }
}
