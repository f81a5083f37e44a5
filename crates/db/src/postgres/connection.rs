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
use crate::row::{All, Row, Sink};
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
        let connection = Self {
            client,
            statements: Mutex::default(),
            broken: AtomicBool::new(false),
            driver,
        };
        if let Some(role) = connector.role() {
            let actual: String = connection
                .client
                .query_one_scalar("SELECT current_user::text", &[])
                .await?;
            if actual != role {
                connection.abort();
                return Err(DbError::Unavailable(format!(
                    "the connection works as {actual} and not as {role}: is there a pooler that ignores `options`?"
                )));
            }
        }
        Ok(connection)
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
    pub(crate) async fn prepare(&self, text: &str) -> Result<Prepared, Failure> {
        if let Some(statement) = self.statements.lock().get(text) {
            return Ok(Prepared {
                statement: statement.clone(),
                reused: true,
            });
        }
        let statement = self.client.prepare(text).await?;
        let mut statements = self.statements.lock();
        if statements.len() >= STATEMENTS {
            statements.clear();
        }
        statements.insert(text.into(), statement.clone());
        Ok(Prepared {
            statement,
            reused: false,
        })
    }

    /// Forgets every statement, after the server said of one that it no longer is what it was.
    pub(crate) fn forget_all(&self) {
        self.statements.lock().clear();
    }

    /// Runs a query, whose rows go into `sink` as they arrive; how many there were.
    pub(crate) async fn read(&self, text: &str, values: &[Value<'_>], sink: &mut dyn Sink) -> Result<u64, Failure> {
        let prepared = self.prepare(text).await?;
        self.read_of(&prepared, values, sink).await
    }

    /// As [`Connection::read`], of a statement prepared before.
    pub(crate) async fn read_of(
        &self,
        prepared: &Prepared,
        values: &[Value<'_>],
        sink: &mut dyn Sink,
    ) -> Result<u64, Failure> {
        let failed = |error| Failure::of(error, prepared.reused);
        sink.restart();
        let stream = self.client.query_raw(&prepared.statement, values.iter());
        let mut stream = std::pin::pin!(stream.await.map_err(failed)?);
        let mut count = 0;
        while let Some(row) = stream.try_next().await.map_err(failed)? {
            sink.take(&Row::postgres(&row))?;
            count += 1;
        }
        Ok(count)
    }

    /// As [`Connection::read`], with the rows mapped.
    pub(crate) async fn rows<T: Send>(
        &self,
        text: &str,
        values: &[Value<'_>],
        map: impl Fn(&Row<'_>) -> Result<T, DbError> + Send,
    ) -> Result<Vec<T>, Failure> {
        let mut all = All::new(map);
        self.read(text, values, &mut all).await?;
        Ok(all.rows)
    }

    /// Runs a statement that returns no rows; how many it touched.
    pub(crate) async fn execute(&self, text: &str, values: &[Value<'_>]) -> Result<u64, Failure> {
        let prepared = self.prepare(text).await?;
        self.execute_of(&prepared, values).await
    }

    /// As [`Connection::execute`], of a statement prepared before.
    pub(crate) async fn execute_of(&self, prepared: &Prepared, values: &[Value<'_>]) -> Result<u64, Failure> {
        let touched = self.client.execute_raw(&prepared.statement, values.iter());
        touched.await.map_err(|error| Failure::of(error, prepared.reused))
    }
}

/// A statement as one connection knows it.
pub(crate) struct Prepared {
    statement: Statement,
    /// Whether it was prepared for an earlier use: only then may a change of the schema have come in between.
    reused: bool,
}

impl Drop for Connection {
    fn drop(&mut self) {
        // A connection given up may have a stalled peer: its task must not wait for it.
        if self.broken.load(Ordering::Acquire) {
            self.driver.abort();
        }
    }
}

/// Why a statement failed: told by the server or found while mapping a row.
pub(crate) enum Failure {
    /// The server refused it, or was lost.
    Driver(tokio_postgres::Error),
    /// The prepared statement is not what it was: see [`Failure::is_stale_statement`].
    Stale(tokio_postgres::Error),
    /// A row could not be read.
    Mapping(DbError),
}

impl Failure {
    fn of(error: tokio_postgres::Error, reused: bool) -> Self {
        match error.code() {
            Some(code) if *code == SqlState::FEATURE_NOT_SUPPORTED && reused => Self::Stale(error),
            Some(code) if *code == SqlState::INVALID_SQL_STATEMENT_NAME => Self::Stale(error),
            Some(code) if *code == SqlState::DUPLICATE_PSTATEMENT => Self::Stale(error),
            _ => Self::Driver(error),
        }
    }

    /// Whether the server says that the prepared statement is not what it was: a migration changed a table
    /// (0A000 cached plan must not change result type), or a pooler moved us (26000 unknown statement, 42P05 it exists).
    pub(crate) const fn is_stale_statement(&self) -> bool {
        matches!(self, Self::Stale(_))
    }

    /// Whether the connection is gone.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(self, Self::Driver(error) if error.is_closed())
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::of(error, false)
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
            Failure::Driver(error) | Failure::Stale(error) => error.into(),
            Failure::Mapping(error) => error,
        }
    }
}
