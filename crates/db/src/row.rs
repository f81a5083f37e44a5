//! A row of either engine, read in place: nothing is copied before a column asks for it.

use std::error::Error;

use kernel::{Id, Timestamp};
use postgres_types::{FromSql, Type};
use rusqlite::types::ValueRef;
use uuid::Uuid;

use crate::error::DbError;
use crate::value::POSTGRES_EPOCH_MICROS;

/// One row of a result, borrowed from the engine while the mapping function runs.
#[derive(Debug)]
pub struct Row<'a>(Inner<'a>);

#[derive(Debug)]
enum Inner<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a tokio_postgres::Row),
}

/// Takes a statement's rows, one after another, while the engine stands on them.
///
/// Whatever drives an engine is compiled against this and not against what the rows become, so once and not once a statement:
/// that is most of what a context's code would otherwise compile to.
pub(crate) trait Sink: Send {
    /// The statement runs again: what came so far did not come.
    fn restart(&mut self);

    /// The next row.
    fn take(&mut self, row: &Row<'_>) -> Result<(), DbError>;
}

/// Every row, mapped.
pub(crate) struct All<T, M> {
    pub(crate) rows: Vec<T>,
    map: M,
}

impl<T, M> All<T, M> {
    pub(crate) const fn new(map: M) -> Self {
        Self { rows: Vec::new(), map }
    }
}

impl<T: Send, M: Fn(&Row<'_>) -> Result<T, DbError> + Send> Sink for All<T, M> {
    fn restart(&mut self) {
        self.rows.clear();
    }

    fn take(&mut self, row: &Row<'_>) -> Result<(), DbError> {
        self.rows.push((self.map)(row)?);
        Ok(())
    }
}

/// The one row that there may be, mapped.
pub(crate) struct Only<T, M> {
    pub(crate) row: Option<T>,
    map: M,
}

impl<T, M> Only<T, M> {
    pub(crate) const fn new(map: M) -> Self {
        Self { row: None, map }
    }
}

impl<T: Send, M: Fn(&Row<'_>) -> Result<T, DbError> + Send> Sink for Only<T, M> {
    fn restart(&mut self) {
        self.row = None;
    }

    fn take(&mut self, row: &Row<'_>) -> Result<(), DbError> {
        if self.row.is_some() {
            return Err(DbError::Internal("a statement for one row returned several".into()));
        }
        self.row = Some((self.map)(row)?);
        Ok(())
    }
}

/// A type that a column can be read as, on both engines.
pub trait FromColumn: Sized {
    /// From SQLite's value; `None` when it is of another type.
    fn from_sqlite(value: ValueRef<'_>) -> Option<Self>;
    /// From PostgreSQL's column.
    fn from_postgres(row: &tokio_postgres::Row, index: usize) -> Result<Self, tokio_postgres::Error>;
}

impl<'a> Row<'a> {
    pub(crate) fn sqlite(row: &'a rusqlite::Row<'a>) -> Self {
        Self(Inner::Sqlite(row))
    }

    pub(crate) fn postgres(row: &'a tokio_postgres::Row) -> Self {
        Self(Inner::Postgres(row))
    }

    /// How many columns it has.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        match self.0 {
            Inner::Sqlite(row) => row.as_ref().column_count(),
            Inner::Postgres(row) => row.len(),
        }
    }

    /// The column at `index` (from 0).
    ///
    /// # Errors
    /// [`DbError::Inconsistency`] naming the column when it is missing or holds another type.
    pub fn get<T: FromColumn>(&self, index: usize) -> Result<T, DbError> {
        let value = match self.0 {
            Inner::Sqlite(row) => row.get_ref(index).ok().and_then(T::from_sqlite),
            Inner::Postgres(row) => T::from_postgres(row, index).ok(),
        };
        value.ok_or_else(|| self.inconsistency(index))
    }

    /// The typed identifier at `index`.
    ///
    /// # Errors
    /// As [`Row::get`].
    pub fn id<T: Id>(&self, index: usize) -> Result<T, DbError> {
        self.get::<Uuid>(index).map(T::from_uuid)
    }

    /// The typed identifier at `index`, where the column may be NULL.
    ///
    /// # Errors
    /// As [`Row::get`].
    pub fn optional_id<T: Id>(&self, index: usize) -> Result<Option<T>, DbError> {
        Ok(self.get::<Option<Uuid>>(index)?.map(T::from_uuid))
    }

    /// The error for a row whose column at `index` cannot be what it says: kept apart from "not found", since a corrupt
    /// row is an incident and a missing one is an answer.
    #[must_use]
    pub fn inconsistency(&self, index: usize) -> DbError {
        let column = match self.0 {
            Inner::Sqlite(row) => row.as_ref().column_name(index).ok().map(str::to_owned),
            Inner::Postgres(row) => row.columns().get(index).map(|column| column.name().to_owned()),
        };
        DbError::Inconsistency {
            column: column.unwrap_or_else(|| format!("column {index}")),
            detail: "unreadable value".into(),
        }
    }
}

impl<T: FromColumn> FromColumn for Option<T> {
    fn from_sqlite(value: ValueRef<'_>) -> Option<Self> {
        match value {
            ValueRef::Null => Some(None),
            other => T::from_sqlite(other).map(Some),
        }
    }

    fn from_postgres(row: &tokio_postgres::Row, index: usize) -> Result<Self, tokio_postgres::Error> {
        match row.try_get::<_, Presence>(index)? {
            Presence(false) => Ok(None),
            Presence(true) => T::from_postgres(row, index).map(Some),
        }
    }
}

/// Whether a column holds a value at all, whatever its type.
struct Presence(bool);

impl<'a> FromSql<'a> for Presence {
    fn from_sql(_: &Type, _: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(true))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(false))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

impl FromColumn for bool {
    fn from_sqlite(value: ValueRef<'_>) -> Option<Self> {
        match value {
            ValueRef::Integer(0) => Some(false),
            ValueRef::Integer(1) => Some(true),
            _ => None,
        }
    }

    fn from_postgres(row: &tokio_postgres::Row, index: usize) -> Result<Self, tokio_postgres::Error> {
        row.try_get(index)
    }
}

/// Any integer column, widened: PostgreSQL's `SMALLINT` and `INTEGER` read like its `BIGINT`.
struct Wide(i64);

impl<'a> FromSql<'a> for Wide {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(match *ty {
            Type::INT2 => i64::from(i16::from_sql(ty, raw)?),
            Type::INT4 => i64::from(i32::from_sql(ty, raw)?),
            // int8 and xid8 are both eight bytes, most significant first.
            _ => i64::from_be_bytes(raw.try_into()?),
        }))
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::INT2 | Type::INT4 | Type::INT8 | Type::XID8)
    }
}

impl FromColumn for i64 {
    fn from_sqlite(value: ValueRef<'_>) -> Option<Self> {
        value.as_i64().ok()
    }

    fn from_postgres(row: &tokio_postgres::Row, index: usize) -> Result<Self, tokio_postgres::Error> {
        row.try_get::<_, Wide>(index).map(|wide| wide.0)
    }
}

/// Text of any textual column; JSON is handed out as the text it is.
struct Text<'a>(&'a str);

impl<'a> FromSql<'a> for Text<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(std::str::from_utf8(raw)?))
    }

    fn accepts(ty: &Type) -> bool {
        matches!(
            *ty,
            Type::TEXT | Type::VARCHAR | Type::NAME | Type::JSON | Type::UNKNOWN
        )
    }
}

impl FromColumn for String {
    fn from_sqlite(value: ValueRef<'_>) -> Option<Self> {
        value.as_str().ok().map(str::to_owned)
    }

    fn from_postgres(row: &tokio_postgres::Row, index: usize) -> Result<Self, tokio_postgres::Error> {
        row.try_get::<_, Text<'_>>(index).map(|text| text.0.to_owned())
    }
}

impl FromColumn for Vec<u8> {
    fn from_sqlite(value: ValueRef<'_>) -> Option<Self> {
        value.as_blob().ok().map(<[u8]>::to_vec)
    }

    fn from_postgres(row: &tokio_postgres::Row, index: usize) -> Result<Self, tokio_postgres::Error> {
        row.try_get(index)
    }
}

impl FromColumn for Uuid {
    fn from_sqlite(value: ValueRef<'_>) -> Option<Self> {
        value.as_blob().ok().and_then(|bytes| Uuid::from_slice(bytes).ok())
    }

    fn from_postgres(row: &tokio_postgres::Row, index: usize) -> Result<Self, tokio_postgres::Error> {
        row.try_get(index)
    }
}

/// `TIMESTAMPTZ` on the wire: microseconds since 2000-01-01T00:00:00Z.
struct Instant(i64);

impl<'a> FromSql<'a> for Instant {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(
            i64::from_be_bytes(raw.try_into()?).saturating_add(POSTGRES_EPOCH_MICROS),
        ))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::TIMESTAMPTZ
    }
}

impl FromColumn for Timestamp {
    fn from_sqlite(value: ValueRef<'_>) -> Option<Self> {
        value.as_i64().ok().map(Timestamp::from_micros)
    }

    fn from_postgres(row: &tokio_postgres::Row, index: usize) -> Result<Self, tokio_postgres::Error> {
        row.try_get::<_, Instant>(index)
            .map(|instant| Timestamp::from_micros(instant.0))
    }
}
