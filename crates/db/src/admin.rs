//! Statements from outside the program's own tables, for tests and tools: each on a connection of its own.

use crate::config::{engine_of, sqlite_path};
use crate::error::DbError;
use crate::postgres::{Connection, Connector};
use crate::sql::Engine;

/// Runs one or more statements that return nothing of interest.
///
/// # Errors
/// [`DbError`] from the engine.
pub async fn execute(url: &str, sql: &str) -> Result<(), DbError> {
    match engine_of(url)? {
        Engine::Sqlite => Ok(crate::sqlite::open_writer(&sqlite_path(url)?)?.execute_batch(sql)?),
        Engine::Postgres => {
            let connection = Connection::open(&Connector::parse(url)?).await?;
            Ok(connection.client().batch_execute(sql).await?)
        }
    }
}

/// Runs a query and returns its rows, every column as text: whatever the column holds is cast in `sql`.
///
/// # Errors
/// [`DbError`] from the engine, or when a column is not text.
pub async fn query(url: &str, sql: &str) -> Result<Vec<Vec<Option<String>>>, DbError> {
    let columns = |row: &crate::row::Row<'_>| {
        (0..row.len())
            .map(|index| row.get::<Option<String>>(index))
            .collect::<Result<Vec<_>, _>>()
    };
    match engine_of(url)? {
        Engine::Sqlite => {
            let connection = crate::sqlite::open_reader(&sqlite_path(url)?)?;
            crate::sqlite::rows(&connection, sql, &[], columns)
        }
        Engine::Postgres => {
            let connection = Connection::open(&Connector::parse(url)?).await?;
            Ok(connection.rows(sql, &[], columns).await?)
        }
    }
}

/// The address of another database on the same server.
///
/// # Errors
/// [`DbError::Internal`] when the address is not PostgreSQL's.
pub fn sibling(url: &str, database: &str) -> Result<String, DbError> {
    if engine_of(url)? != Engine::Postgres {
        return Err(DbError::Internal("only a server holds several databases".into()));
    }
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    let (scheme, rest) = address.split_once("://").unwrap_or(("postgresql", address));
    let authority = rest.split_once('/').map_or(rest, |(authority, _)| authority);
    let query = if query.is_empty() {
        String::new()
    } else {
        format!("?{query}")
    };
    Ok(format!("{scheme}://{authority}/{database}{query}"))
}

/// Prepares every statement without running it, and returns those that the engine refuses, each with its reason.
///
/// # Errors
/// [`DbError`] when the database cannot be reached.
pub async fn unpreparable(url: &str, statements: &[crate::Sql<'_>]) -> Result<Vec<String>, DbError> {
    let engine = engine_of(url)?;
    let mut refused = Vec::new();
    match engine {
        Engine::Sqlite => {
            let connection = crate::sqlite::open_reader(&sqlite_path(url)?)?;
            for sql in statements {
                if let Err(error) = connection.prepare(sql.text(engine)) {
                    refused.push(format!("{error}: {}", sql.text(engine)));
                }
            }
        }
        Engine::Postgres => {
            let connection = Connection::open(&Connector::parse(url)?).await?;
            for sql in statements {
                if let Err(error) = connection.client().prepare(sql.text(engine)).await {
                    refused.push(format!("{}: {}", DbError::from(error), sql.text(engine)));
                }
            }
        }
    }
    Ok(refused)
}
