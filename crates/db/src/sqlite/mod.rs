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
use crate::row::Row;
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

/// Runs a query and maps its rows while the engine stands on them.
pub(crate) fn rows<T>(
    connection: &Connection,
    text: &str,
    values: &[Value<'_>],
    map: impl Fn(&Row<'_>) -> Result<T, DbError>,
) -> Result<Vec<T>, DbError> {
    let mut statement = connection.prepare_cached(text)?;
    bind(&mut statement, values)?;
    let mut cursor = statement.raw_query();
    let mut found = Vec::new();
    while let Some(row) = cursor.next()? {
        found.push(map(&Row::sqlite(row))?);
    }
    Ok(found)
}

/// Runs a statement that returns no rows; how many it touched.
pub(crate) fn execute(connection: &Connection, text: &str, values: &[Value<'_>]) -> Result<u64, DbError> {
    let mut statement = connection.prepare_cached(text)?;
    bind(&mut statement, values)?;
    Ok(statement.raw_execute()? as u64)
}

/// Binds `$n` to the n-th value. SQLite takes `$1` for a name and numbers names by their first appearance, so each is
/// looked up instead of rewriting the text.
fn bind(statement: &mut CachedStatement<'_>, values: &[Value<'_>]) -> Result<(), DbError> {
    for index in 1..=statement.parameter_count() {
        let value = statement
            .parameter_name(index)
            .and_then(|name| name.strip_prefix('$'))
            .and_then(|number| number.parse::<usize>().ok())
            .and_then(|number| values.get(number.checked_sub(1)?))
            .ok_or_else(|| DbError::Internal("a statement has more parameters than values".into()))?;
        statement.raw_bind_parameter(index, value)?;
    }
    Ok(())
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
