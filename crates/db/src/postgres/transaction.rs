//! One transaction on a pooled connection, with statements pipelined where they do not depend on each other.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use futures_util::poll;
use parking_lot::Mutex;

use super::pool::Pooled;
use crate::error::DbError;
use crate::row::Row;
use crate::value::Value;

type Sent = Pin<Box<dyn Future<Output = Result<u64, DbError>> + Send>>;

/// A transaction. Dropped before [`Transaction::finish`], its connection is closed, which rolls it back on the server.
pub(crate) struct Transaction {
    connection: std::sync::Arc<Pooled>,
    sent: Mutex<Vec<Sent>>,
    finished: AtomicBool,
}

impl Transaction {
    /// Sends `begin` (a BEGIN with its settings) without waiting for the answer.
    pub(crate) async fn begin(connection: Pooled, begin: String) -> Self {
        let transaction = Self {
            connection: std::sync::Arc::new(connection),
            sent: Mutex::default(),
            finished: AtomicBool::new(false),
        };
        transaction.send_simple(begin).await;
        transaction
    }

    pub(crate) async fn rows<T>(
        &self,
        text: &str,
        values: &[Value<'_>],
        map: impl Fn(&Row<'_>) -> Result<T, DbError>,
    ) -> Result<Vec<T>, DbError> {
        self.connection.rows(text, values, map).await.map_err(DbError::from)
    }

    pub(crate) async fn execute(&self, text: &str, values: &[Value<'_>]) -> Result<u64, DbError> {
        self.connection.execute(text, values).await
    }

    /// Sends a statement and leaves its answer for [`Transaction::settle`]. Only a statement's first use on a connection
    /// waits, for its preparation: sending what comes later before it would change their order.
    pub(crate) async fn send(&self, text: &str, values: Vec<Value<'static>>) -> Result<(), DbError> {
        let statement = self.connection.prepare(text).await?;
        let connection = std::sync::Arc::clone(&self.connection);
        self.push(Box::pin(async move {
            Ok(connection.client().execute_raw(&statement, values.iter()).await?)
        }))
        .await;
        Ok(())
    }

    /// Sends one or more plain commands and leaves the answer for [`Transaction::settle`].
    pub(crate) async fn send_simple(&self, commands: String) {
        let connection = std::sync::Arc::clone(&self.connection);
        self.push(Box::pin(async move {
            connection.client().batch_execute(&commands).await?;
            Ok(0)
        }))
        .await;
    }

    /// The first poll of a request encodes and sends it; what remains is waiting for the answer.
    async fn push(&self, mut request: Sent) {
        match poll!(&mut request) {
            std::task::Poll::Pending => self.sent.lock().push(request),
            std::task::Poll::Ready(result) => self.sent.lock().push(Box::pin(std::future::ready(result))),
        }
    }

    /// Waits for every answer still out.
    ///
    /// # Errors
    /// The first cause: what fails only because something before it failed is not reported in its place.
    pub(crate) async fn settle(&self) -> Result<(), DbError> {
        let sent = std::mem::take(&mut *self.sent.lock());
        let mut first: Option<DbError> = None;
        for error in join_all(sent).await.into_iter().filter_map(Result::err) {
            match &first {
                None | Some(DbError::Aborted) => first = Some(error),
                Some(_) => {}
            }
        }
        first.map_or(Ok(()), Err)
    }

    /// Ends the transaction: with `COMMIT` behind everything sent so far, in the same flight.
    pub(crate) async fn commit(&self) -> Result<(), DbError> {
        let before = std::mem::take(&mut *self.sent.lock());
        self.send_simple("COMMIT".to_owned()).await;
        let commit = std::mem::take(&mut *self.sent.lock());
        self.sent.lock().extend(before);
        // Both are on the wire; the answers arrive in the order of the requests.
        let (statements, commit) = futures_util::join!(self.settle(), join_all(commit));
        let commit = commit.into_iter().find_map(Result::err);
        match (statements, commit) {
            (statements, None) => {
                // A failed statement turns the COMMIT into a ROLLBACK, which the server answers without an error.
                self.finished.store(true, Ordering::Release);
                statements
            }
            (Ok(()) | Err(DbError::Unavailable(_)), Some(DbError::Unavailable(cause))) => {
                self.connection.give_up();
                Err(DbError::CommitUnknown(cause))
            }
            (statements, Some(refused)) => {
                self.connection.give_up();
                Err(statements.err().unwrap_or(refused))
            }
        }
    }

    /// Undoes everything. A failure only closes the connection: the server rolls back by itself.
    pub(crate) async fn rollback(&self) {
        self.sent.lock().clear();
        match self.connection.client().batch_execute("ROLLBACK").await {
            Ok(()) => self.finished.store(true, Ordering::Release),
            Err(_) => self.connection.give_up(),
        }
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if !self.finished.load(Ordering::Acquire) {
            self.connection.give_up();
        }
    }
}
