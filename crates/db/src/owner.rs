//! What only the owner of the tables may do: change what is append-only, after its time or because the law wants it.
//!
//! The role that serves requests has no right to; on SQLite triggers stand in the way. So this work opens a connection of its own, with
//! the owner's address (`DATABASE_MIGRATION_URL`), does its statements as one transaction, and closes it. It leaves no audit
//! entry by itself: whoever calls it records one.

use std::sync::Arc;

use kernel::{Id as _, OrganizationId};

use crate::config::{DbConfig, sqlite_path};
use crate::database::Db;
use crate::error::DbError;
use crate::postgres::{Connection, Connector};
use crate::sql::{Engine, Reach, Sql};
use crate::sqlite::{self, Text};
use crate::value::Value;

/// A statement of the owner, with its values behind the organization.
#[derive(Debug, Clone)]
pub struct Maintenance {
    /// It reaches one organization.
    pub sql: Sql<'static>,
    /// `$2` and on.
    pub values: Vec<Value<'static>>,
}

impl Db {
    /// Does the statements as one transaction of the owner, with append-only tables open to change; how many rows each touched.
    ///
    /// # Errors
    /// [`DbError`]; then nothing was done.
    pub async fn maintain(
        &self,
        organization: OrganizationId,
        statements: Vec<Maintenance>,
    ) -> Result<Vec<u64>, DbError> {
        if let Some(wrong) = statements
            .iter()
            .find(|statement| statement.sql.reach() != Reach::Tenant)
        {
            return Err(DbError::Internal(format!(
                "the owner maintains one organization at a time: {}",
                wrong.sql.text(Engine::Postgres)
            )));
        }
        let config = self.config().clone();
        let bound: Vec<(Sql<'static>, Vec<Value<'static>>)> = statements
            .into_iter()
            .map(|Maintenance { sql, values }| {
                let mut all = vec![Value::id(organization)];
                all.extend(values);
                (sql, all)
            })
            .collect();
        match self.engine() {
            Engine::Postgres => on_postgres(&config, &bound).await,
            Engine::Sqlite => {
                let work = Arc::new(bound);
                tokio::task::spawn_blocking(move || on_sqlite(&config, &work))
                    .await
                    .map_err(|error| DbError::Internal(format!("maintenance of {}: {error}", organization.as_uuid())))?
            }
        }
    }
}

/// The owner takes no part in the bounds of those who serve, whom its locks would keep waiting. A row that somebody else holds is told as
/// busy, and a transaction that is left open (its statements follow each other at once) is ended.
const SETTINGS: &str = "-c lock_timeout=5000 -c idle_in_transaction_session_timeout=10000";

type Bound = [(Sql<'static>, Vec<Value<'static>>)];

async fn on_postgres(config: &DbConfig, statements: &Bound) -> Result<Vec<u64>, DbError> {
    let connector = Connector::parse(config.owner_url())?.with_settings(SETTINGS);
    let connection = Connection::open(&connector).await?;
    connection.client().batch_execute("BEGIN").await?;
    let mut touched = Vec::with_capacity(statements.len());
    for (sql, values) in statements {
        match connection.execute(sql.text(Engine::Postgres), values).await {
            Ok(rows) => touched.push(rows),
            Err(failure) => {
                connection.client().batch_execute("ROLLBACK").await?;
                return Err(failure.into());
            }
        }
    }
    connection.client().batch_execute("COMMIT").await?;
    Ok(touched)
}

fn on_sqlite(config: &DbConfig, statements: &Bound) -> Result<Vec<u64>, DbError> {
    let connection = sqlite::open_writer(&sqlite_path(&config.url)?)?;
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let done = sqlite_transaction(&connection, statements);
    let end = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
    connection.execute_batch(end)?;
    done
}

/// Takes the triggers out of the way and puts them back as they were: nobody else sees the tables without them.
fn sqlite_transaction(connection: &rusqlite::Connection, statements: &Bound) -> Result<Vec<u64>, DbError> {
    let triggers: Vec<(String, String)> = connection
        .prepare(
            "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND name LIKE '%\\_\\_no\\_%' ESCAPE '\\'",
        )?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (name, _) in &triggers {
        connection.execute_batch(&format!("DROP TRIGGER \"{name}\""))?;
    }
    let touched = statements
        .iter()
        .map(|(sql, values)| sqlite::execute(connection, Text::of(sql), values))
        .collect::<Result<_, _>>()?;
    for (_, text) in &triggers {
        connection.execute_batch(text)?;
    }
    Ok(touched)
}
