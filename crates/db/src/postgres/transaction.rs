//! One transaction on a pooled connection, with statements pipelined where they do not depend on each other.

use std::collections::VecDeque;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::poll_fn;
use futures_util::poll;
use parking_lot::Mutex;

use super::connection::{Failure, Prepared};
use super::pool::Pooled;
use crate::error::DbError;
use crate::row::{All, Row, Sink};
use crate::value::Value;

type Request = Pin<Box<dyn Future<Output = Result<u64, DbError>> + Send>>;

/// A transaction. Where it is dropped before its end, its connection is closed at once, which rolls it back on the server.
pub(crate) struct Transaction {
    /// None after the end: whoever still holds the transaction holds no connection.
    connection: Mutex<Option<Arc<Pooled>>>,
    sent: Mutex<Sent>,
}

/// Requests on the wire whose answers nobody has waited for, in the order in which they were sent.
#[derive(Default)]
struct Sent {
    waiting: VecDeque<Request>,
    /// The first cause among the answers: what fails only because something before it failed is not told in its place.
    failure: Option<DbError>,
}

impl Sent {
    /// Takes the answers that have arrived; ready when none is out.
    fn advance(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while let Some(request) = self.waiting.front_mut() {
            let Poll::Ready(answer) = request.as_mut().poll(context) else {
                return Poll::Pending;
            };
            self.waiting.pop_front();
            if let Err(error) = answer
                && matches!(self.failure, None | Some(DbError::Aborted))
            {
                self.failure = Some(error);
            }
        }
        Poll::Ready(())
    }
}

impl Transaction {
    /// Sends `begin` (a BEGIN with its settings) without waiting for the answer.
    pub(crate) async fn begin(connection: Pooled, begin: String) -> Self {
        let transaction = Self {
            connection: Mutex::new(Some(Arc::new(connection))),
            sent: Mutex::default(),
        };
        // The connection is there, so this cannot be refused; what the server answers shows at the first statement.
        let _sent = transaction.send_simple(begin).await;
        transaction
    }

    fn connection(&self) -> Result<Arc<Pooled>, DbError> {
        self.connection.lock().clone().ok_or(DbError::Aborted)
    }

    pub(crate) async fn prepare(&self, text: &str) -> Result<Prepared, DbError> {
        let connection = self.connection()?;
        told(&connection, self.drive(connection.prepare(text)).await)
    }

    pub(crate) async fn read(&self, text: &str, values: &[Value<'_>], sink: &mut dyn Sink) -> Result<u64, DbError> {
        let connection = self.connection()?;
        told(&connection, self.drive(connection.read(text, values, sink)).await)
    }

    /// As [`Transaction::read`], of a statement prepared before and with the rows mapped: it is on the wire when the future is
    /// first polled.
    pub(crate) async fn rows_of<T: Send>(
        &self,
        prepared: &Prepared,
        values: &[Value<'_>],
        map: impl Fn(&Row<'_>) -> Result<T, DbError> + Send,
    ) -> Result<Vec<T>, DbError> {
        let connection = self.connection()?;
        let mut all = All::new(map);
        told(
            &connection,
            self.drive(connection.read_of(prepared, values, &mut all)).await,
        )?;
        Ok(all.rows)
    }

    pub(crate) async fn execute(&self, text: &str, values: &[Value<'_>]) -> Result<u64, DbError> {
        let connection = self.connection()?;
        told(&connection, self.drive(connection.execute(text, values)).await)
    }

    /// Sends a statement and leaves its answer for [`Transaction::settle`]. Only a statement's first use on a connection
    /// waits, for its preparation: sending what comes later before it would change their order.
    pub(crate) async fn send(&self, text: &str, values: Vec<Value<'static>>) -> Result<(), DbError> {
        let connection = self.connection()?;
        let prepared = told(&connection, self.drive(connection.prepare(text)).await)?;
        self.push(Box::pin(async move {
            let answer = connection.execute_of(&prepared, &values).await;
            told(&connection, answer)
        }))
        .await;
        Ok(())
    }

    /// Sends one or more plain commands and leaves the answer for [`Transaction::settle`].
    pub(crate) async fn send_simple(&self, commands: String) -> Result<(), DbError> {
        let connection = self.connection()?;
        self.push(Box::pin(async move {
            connection.client().batch_execute(&commands).await?;
            Ok(0)
        }))
        .await;
        Ok(())
    }

    /// The first poll of a request encodes and sends it; what remains is waiting for the answer.
    async fn push(&self, mut request: Request) {
        let request = match poll!(&mut request) {
            Poll::Pending => request,
            Poll::Ready(answer) => Box::pin(std::future::ready(answer)),
        };
        self.sent.lock().waiting.push_back(request);
    }

    /// Waits for `work` and takes the answers that arrive before its own: the driver hands out answers in order, so one that
    /// nobody takes would hold up those behind it.
    async fn drive<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|context| {
            let _others = self.sent.lock().advance(context);
            work.as_mut().poll(context)
        })
        .await
    }

    /// Waits for every answer still out.
    ///
    /// # Errors
    /// The first cause; told once.
    pub(crate) async fn settle(&self) -> Result<(), DbError> {
        poll_fn(|context| self.sent.lock().advance(context)).await;
        self.sent.lock().failure.take().map_or(Ok(()), Err)
    }

    /// Ends the transaction: with `COMMIT` behind everything sent so far, in the same flight.
    pub(crate) async fn commit(&self) -> Result<(), DbError> {
        let (statements, committed) = {
            let connection = self.connection()?;
            let mut commit = pin!(connection.client().batch_execute("COMMIT"));
            // The first poll sends it; the answers to what was sent before arrive first.
            let sent = poll!(&mut commit);
            let statements = self.settle().await;
            let committed = match sent {
                Poll::Ready(answer) => answer,
                Poll::Pending => commit.await,
            };
            (statements, committed)
        };
        match (statements, committed.map_err(DbError::from)) {
            (statements, Ok(())) => {
                // A failed statement turns the COMMIT into a ROLLBACK, which the server answers without an error.
                self.release();
                statements
            }
            (Ok(()) | Err(DbError::Unavailable(_)), Err(DbError::Unavailable(cause))) => {
                self.abort();
                Err(DbError::CommitUnknown(cause))
            }
            (statements, Err(refused)) => {
                self.abort();
                Err(statements.err().unwrap_or(refused))
            }
        }
    }

    /// Undoes everything, and gives the connection back where it can be used again. A failure only closes the connection:
    /// the server rolls back by itself.
    pub(crate) async fn rollback(&self) -> Option<Pooled> {
        let undone = {
            let connection = self.connection().ok()?;
            self.drive(connection.client().batch_execute("ROLLBACK")).await
        };
        if undone.is_err() {
            self.abort();
            return None;
        }
        self.release()
    }

    /// Lets go of the connection, which is outside a transaction again.
    fn release(&self) -> Option<Pooled> {
        let sent = std::mem::take(&mut *self.sent.lock());
        drop(sent);
        let connection = self.connection.lock().take()?;
        Arc::try_unwrap(connection)
            // Somebody is still about to use it, and must not do so outside the transaction.
            .inspect_err(|connection| connection.abort())
            .ok()
    }

    /// Closes the connection now, whatever is under way on it.
    pub(crate) fn abort(&self) {
        if let Some(connection) = self.connection.lock().take() {
            connection.abort();
        }
    }
}

/// A statement that the server no longer knows as it was fails its transaction once: everything prepared on the connection is
/// forgotten, and the unit runs again.
fn told<T>(connection: &Pooled, answer: Result<T, Failure>) -> Result<T, DbError> {
    answer.map_err(|failure| {
        if failure.is_stale_statement() {
            connection.forget_all();
            DbError::Serialization
        } else {
            failure.into()
        }
    })
}

impl Drop for Transaction {
    fn drop(&mut self) {
        self.abort();
    }
}
