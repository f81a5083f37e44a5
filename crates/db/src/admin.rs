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
            crate::sqlite::rows(&connection, crate::sqlite::Text::plain(sql), &[], columns)
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

/// Of these point reads, those whose plan reads a table from one end to the other without an index, each with its plan.
///
/// A small table is read that way whatever indexes it has, so PostgreSQL is told to avoid it where it can.
///
/// # Errors
/// [`DbError`] when the database cannot be reached or refuses a statement.
pub async fn full_scans(url: &str, statements: &[crate::Sql<'_>]) -> Result<Vec<String>, DbError> {
    let engine = engine_of(url)?;
    let mut found = Vec::new();
    for sql in statements {
        let text = sql.text(engine);
        let plan = match engine {
            Engine::Sqlite => sqlite_plan(url, text)?,
            Engine::Postgres => postgres_plan(url, text).await?,
        };
        let scans = |line: &String| match engine {
            Engine::Postgres => line.contains("Seq Scan"),
            Engine::Sqlite => {
                line.starts_with("SCAN ")
                    && !line.contains(" USING ")
                    && !line.contains("CONSTANT ROW")
                    && !line.contains("reading")
            }
        };
        if plan.iter().any(scans) {
            found.push(format!("{text}\n  {}", plan.join("\n  ")));
        }
    }
    Ok(found)
}

fn sqlite_plan(url: &str, text: &str) -> Result<Vec<String>, DbError> {
    let connection = crate::sqlite::open_reader(&sqlite_path(url)?)?;
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {text}"))?;
    let mut rows = statement.raw_query();
    let mut plan = Vec::new();
    while let Some(row) = rows.next()? {
        plan.push(row.get::<_, String>(3)?);
    }
    Ok(plan)
}

async fn postgres_plan(url: &str, text: &str) -> Result<Vec<String>, DbError> {
    let connection = Connection::open(&Connector::parse(url)?).await?;
    let client = connection.client();
    let parameters = client.prepare(text).await?.params().len();
    let nulls = vec!["NULL"; parameters].join(", ");
    let arguments = if nulls.is_empty() {
        String::new()
    } else {
        format!("({nulls})")
    };
    client
        .batch_execute(&format!(
            "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan; PREPARE point AS {text}"
        ))
        .await?;
    let rows = connection
        .client()
        .simple_query(&format!("EXPLAIN EXECUTE point{arguments}"))
        .await?;
    Ok(rows
        .iter()
        .filter_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        })
        .collect())
}
