//! SQLite: one writer thread that commits in groups, and readers in place.

mod readers;
mod writer;

use std::path::Path;
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::{CachedStatement, Connection, OpenFlags};

pub(crate) use readers::Readers;
pub(crate) use writer::{Attempt, Job, Writer};

use crate::error::DbError;
use crate::row::{All, Row, Sink};
use crate::sql::{Engine, Sql};
use crate::value::Value;

/// Prepared statements kept per connection.
const STATEMENTS: usize = 256;

/// Opens the file as a writer: it is created when missing.
pub(crate) fn open_writer(path: &Path) -> Result<Connection, DbError> {
    create_private(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    prepare(&connection)?;
    // WAL lets readers go on while one writes; FULL makes a COMMIT survive a power cut, not only a crash of the process.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // Without it a REPLACE deletes rows past the triggers that refuse that.
    connection.pragma_update(None, "recursive_triggers", true)?;
    Ok(connection)
}

/// Makes the file where there is none, for this user alone; the engine gives the files it puts beside it the same rights.
fn create_private(path: &Path) -> Result<(), DbError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    if path.as_os_str() == ":memory:" {
        return Ok(());
    }
    let made = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(DbError::Unavailable(format!(
            "the database file cannot be made: {error}"
        ))),
        _ => Ok(()),
    }
}

/// Opens the file as a reader, which cannot write.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, DbError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    prepare(&connection)?;
    Ok(connection)
}

fn prepare(connection: &Connection) -> Result<(), DbError> {
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // Kibibytes when negative: 16 MiB of pages per connection.
    connection.pragma_update(None, "cache_size", -16_384)?;
    Ok(())
}

/// Runs a query; how many rows there were.
pub(crate) fn read(
    connection: &Connection,
    text: Text<'_>,
    values: &[Value<'_>],
    sink: &mut dyn Sink,
) -> Result<u64, DbError> {
    let mut statement = text.prepare(connection, values)?;
    let mut cursor = statement.raw_query();
    let mut count = 0;
    while let Some(row) = cursor.next()? {
        sink.take(&Row::sqlite(row))?;
        count += 1;
    }
    Ok(count)
}

/// As [`read`], with the rows mapped.
pub(crate) fn rows<T: Send>(
    connection: &Connection,
    text: Text<'_>,
    values: &[Value<'_>],
    map: impl Fn(&Row<'_>) -> Result<T, DbError> + Send,
) -> Result<Vec<T>, DbError> {
    let mut all = All::new(map);
    read(connection, text, values, &mut all)?;
    Ok(all.rows)
}

/// Runs a statement that returns no rows; how many it touched.
pub(crate) fn execute(connection: &Connection, text: Text<'_>, values: &[Value<'_>]) -> Result<u64, DbError> {
    let mut statement = text.prepare(connection, values)?;
    Ok(statement.raw_execute()? as u64)
}

/// A statement's text, with what is known of its parameters.
#[derive(Clone, Copy)]
pub(crate) struct Text<'t> {
    text: &'t str,
    in_order: bool,
}

impl<'t> Text<'t> {
    pub(crate) const fn of(sql: &Sql<'t>) -> Self {
        Self {
            text: sql.text(Engine::Sqlite),
            in_order: sql.is_in_order(),
        }
    }

    /// A text of which nothing is known.
    pub(crate) const fn plain(text: &'t str) -> Self {
        Self { text, in_order: false }
    }

    /// Prepares it and binds `$n` to the n-th value. SQLite takes `$1` for a name and numbers names by their first appearance:
    /// where that is another order, each is looked up instead of rewriting the text.
    fn prepare<'c>(self, connection: &'c Connection, values: &[Value<'_>]) -> Result<CachedStatement<'c>, DbError> {
        let mut statement = connection.prepare_cached(self.text)?;
        for index in 1..=statement.parameter_count() {
            let place = if self.in_order {
                Some(index)
            } else {
                let name = statement.parameter_name(index).and_then(|name| name.strip_prefix('$'));
                name.and_then(|number| number.parse().ok())
            };
            let value = place
                .and_then(|number| values.get(number.checked_sub(1)?))
                .ok_or_else(|| DbError::Internal("a statement has more parameters than values".into()))?;
            statement.raw_bind_parameter(index, value)?;
        }
        Ok(statement)
    }
}

/// The writing connection while a unit of work runs on the writer thread. The lock is never contended: only that thread
/// polls units. It stands so that a unit's handle may be sent to the thread at all.
pub(crate) struct Session(Mutex<Connection>);

impl Session {
    pub(crate) fn new(connection: Connection) -> Self {
        Self(Mutex::new(connection))
    }

    pub(crate) fn with<T>(&self, work: impl FnOnce(&Connection) -> T) -> T {
        work(&self.0.lock())
    }

    /// Works inside the open transaction. Where the engine has given it up (a full disk does that), nothing may run: each
    /// statement would commit by itself.
    pub(crate) fn work<T>(&self, work: impl FnOnce(&Connection) -> Result<T, DbError>) -> Result<T, DbError> {
        let connection = self.0.lock();
        if connection.is_autocommit() {
            return Err(DbError::Aborted);
        }
        work(&connection)
    }
}
