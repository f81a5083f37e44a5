//! Migrating the embedded database.

use rusqlite::{Connection, OptionalExtension};

use super::{Applied, Destructive, MigrateError, Migrations, PendingStep, admit, compare};
use crate::config::{DbConfig, sqlite_path};
use crate::error::DbError;
use crate::sql::Engine;
use crate::sqlite::{open_reader, open_writer};

const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    context TEXT NOT NULL,
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    applied_at INTEGER NOT NULL,
    CONSTRAINT pk_schema_migrations PRIMARY KEY (context, number)
) STRICT, WITHOUT ROWID";

pub(super) fn applied(config: &DbConfig) -> Result<Applied, DbError> {
    let path = sqlite_path(&config.url)?;
    if !path.exists() {
        return Ok(Applied::new());
    }
    read(&open_reader(&path)?)
}

fn read(connection: &Connection) -> Result<Applied, DbError> {
    let known = connection
        .query_row(
            "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations'",
            [],
            |_| Ok(()),
        )
        .optional()?;
    if known.is_none() {
        return Ok(Applied::new());
    }
    let mut statement = connection.prepare("SELECT context, number, name, sha256 FROM schema_migrations")?;
    let rows = statement.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), (row.get(2)?, row.get(3)?))))?;
    Ok(rows.collect::<Result<Applied, _>>()?)
}

pub(super) fn run(
    config: &DbConfig,
    migrations: &[Migrations],
    destructive: Destructive,
    progress: &mut (dyn FnMut(&PendingStep) + Send),
) -> Result<usize, MigrateError> {
    let connection = open_writer(&sqlite_path(&config.url)?)?;
    // A table is changed by building it anew, which would take along what refers to it. Each step's references are checked
    // before it is committed instead.
    connection
        .pragma_update(None, "foreign_keys", false)
        .map_err(DbError::from)?;
    let known = compare(Engine::Sqlite, migrations, &read(&connection)?)?;
    let steps = admit(known, destructive)?;
    if steps.is_empty() {
        return Ok(0);
    }
    connection.execute_batch(TABLE).map_err(DbError::from)?;
    let mut ran = 0;
    for step in &steps {
        progress(step);
        let applied = apply(&connection, migrations, step);
        if applied.is_err() && !connection.is_autocommit() {
            connection.execute_batch("ROLLBACK").map_err(DbError::from)?;
        }
        ran += usize::from(applied.map_err(|source| MigrateError::Step {
            context: step.context,
            file: step.file,
            source,
        })?);
    }
    Ok(ran)
}

/// Applies one step; false when another process did so in the meantime. The transaction is the lock.
fn apply(connection: &Connection, migrations: &[Migrations], pending: &PendingStep) -> Result<bool, DbError> {
    let step = migrations
        .iter()
        .filter(|set| set.context == pending.context)
        .find_map(|set| set.steps.iter().find(|step| step.file == pending.file))
        .ok_or_else(|| DbError::Internal("a pending step is not among the migrations".into()))?;
    connection.execute_batch("BEGIN IMMEDIATE")?;
    if read(connection)?.contains_key(&(pending.context.to_owned(), step.number()?)) {
        connection.execute_batch("ROLLBACK")?;
        return Ok(false);
    }
    connection.execute_batch(step.sqlite)?;
    connection.execute(
        "INSERT INTO schema_migrations (context, number, name, sha256, applied_at) \
         VALUES (?1, ?2, ?3, ?4, CAST(unixepoch('subsec') * 1000000 AS INTEGER))",
        (
            pending.context,
            step.number()?,
            step.file,
            step.checksum(Engine::Sqlite),
        ),
    )?;
    if let Some(table) = dangling(connection)? {
        return Err(DbError::ForeignKey(table));
    }
    connection.execute_batch("COMMIT")?;
    Ok(true)
}

/// A table with a row that refers to one that is not there.
fn dangling(connection: &Connection) -> Result<Option<String>, DbError> {
    let found = connection.query_row("PRAGMA foreign_key_check", [], |row| row.get(0));
    Ok(found.optional()?)
}
