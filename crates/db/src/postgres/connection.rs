//! One connection and the statements prepared on it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use foldhash::fast::RandomState;
use futures_util::TryStreamExt;
use parking_lot::Mutex;
use tokio::task::AbortHandle;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Statement};

use super::connect::Connector;
use crate::error::DbError;
use crate::row::Row;
use crate::value::Value;

/// Prepared statements kept per connection. Lists compose their text, so the set is open; past the bound it starts anew.
const STATEMENTS: usize = 512;

/// A connection with its prepared statements.
pub(crate) struct Connection {
    client: Client,
    statements: Mutex<HashMap<Box<str>, Statement, RandomState>>,
    broken: AtomicBool,
    driver: AbortHandle,
}

impl Connection {
    pub(crate) async fn open(connector: &Connector) -> Result<Self, DbError> {
        let (client, driver) = connector.connect().await?;
        Ok(Self {
            client,
            statements: Mutex::default(),
            broken: AtomicBool::new(false),
            driver,
        })
    }

    /// Whether it may serve another caller.
    pub(crate) fn is_usable(&self) -> bool {
        !self.client.is_closed() && !self.broken.load(Ordering::Acquire)
    }

    /// Says that its state is unknown (a transaction may be open): it is closed instead of reused.
    pub(crate) fn give_up(&self) {
        self.broken.store(true, Ordering::Release);
    }

    /// Ends it now: everybody who waits on it is told that it is closed.
    pub(crate) fn abort(&self) {
        self.give_up();
        self.driver.abort();
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The statement, prepared at its first use on this connection.
    pub(crate) async fn prepare(&self, text: &str) -> Result<Statement, tokio_postgres::Error> {
        if let Some(statement) = self.statements.lock().get(text) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(text).await?;
        let mut statements = self.statements.lock();
        if statements.len() >= STATEMENTS {
            statements.clear();
        }
        statements.insert(text.into(), statement.clone());
        Ok(statement)
    }

    /// Forgets a statement that the server no longer knows as it was.
    pub(crate) fn forget(&self, text: &str) {
        self.statements.lock().remove(text);
    }

    /// Runs a query and maps its rows as they arrive.
    pub(crate) async fn rows<T>(
        &self,
        text: &str,
        values: &[Value<'_>],
        map: impl Fn(&Row<'_>) -> Result<T, DbError>,
    ) -> Result<Vec<T>, Failure> {
        let statement = self.prepare(text).await?;
        let stream = self.client.query_raw(&statement, values.iter()).await?;
        let mut stream = std::pin::pin!(stream);
        let mut rows = Vec::new();
        while let Some(row) = stream.try_next().await? {
            rows.push(map(&Row::postgres(&row))?);
        }
        Ok(rows)
    }

    /// Runs a statement that returns no rows; how many it touched.
    pub(crate) async fn execute(&self, text: &str, values: &[Value<'_>]) -> Result<u64, DbError> {
        let statement = self.prepare(text).await?;
        Ok(self.client.execute_raw(&statement, values.iter()).await?)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // A connection given up may have a stalled peer: its task must not wait for it.
        if self.broken.load(Ordering::Acquire) {
            self.driver.abort();
        }
    }
}

/// Why a read failed: told by the server or found while mapping a row.
pub(crate) enum Failure {
    Driver(tokio_postgres::Error),
    Mapping(DbError),
}

impl Failure {
    /// Whether the server says that the prepared statement is not what it was: a migration changed a table
    /// (0A000 cached plan must not change result type), or a pooler moved us (26000 unknown statement, 42P05 it exists).
    pub(crate) fn is_stale_statement(&self) -> bool {
        let Self::Driver(error) = self else { return false };
        matches!(error.code(), Some(code) if [
            SqlState::FEATURE_NOT_SUPPORTED,
            SqlState::INVALID_SQL_STATEMENT_NAME,
            SqlState::DUPLICATE_PSTATEMENT,
        ].contains(code))
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Driver(error)
    }
}

impl From<DbError> for Failure {
    fn from(error: DbError) -> Self {
        Self::Mapping(error)
    }
}

impl From<Failure> for DbError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Driver(error) => error.into(),
            Failure::Mapping(error) => error,
        }
    }
}
