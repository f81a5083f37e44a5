//! Running a unit on each engine, from its submission to its answer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::FutureExt;
use kernel::Generators;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use super::idempotency::Turn;
use super::perform::{Outcome, Published, perform};
use super::watch::panicked;
use super::{Core, Session, UnitContext, Work};
use crate::error::{CONTENDED_ROWS, DbError};
use crate::feed::Feed;
use crate::postgres::Postgres;
use crate::sqlite::{self, Attempt, Writer};

/// How often a closure runs again because its transaction could not be ordered among others.
const RUNS: u32 = 5;

/// How long it stands back before it runs again, the first time.
const PAUSE: Duration = Duration::from_millis(10);
/// How long a unit may take on PostgreSQL. The server ends each of its statements far sooner: past this, the peer is dead.
const UNIT_TIME: Duration = Duration::from_secs(60);
/// The same, for units declared long.
const LONG_UNIT_TIME: Duration = Duration::from_secs(60 * 60);

/// A unit ready to run. Its work has the answer once it ran.
pub(crate) struct Unit {
    pub(crate) context: Arc<UnitContext>,
    pub(crate) generators: Generators,
    pub(crate) work: Arc<dyn Work>,
    pub(crate) feed: Arc<Feed>,
    /// Told of each commit with events.
    pub(crate) events: Arc<watch::Sender<()>>,
}

fn unanswered<T>(_: T) -> DbError {
    DbError::Internal("a unit of work ended without an answer".into())
}

impl Unit {
    /// Runs on PostgreSQL in a task of its own, so that a caller that goes away does not leave it half done.
    ///
    /// # Errors
    /// When it came to no answer of its own.
    pub(crate) async fn run_on_postgres(self, postgres: Arc<Postgres>) -> Result<(), DbError> {
        let (answer, waiting) = oneshot::channel();
        tokio::spawn(async move {
            let mut answer = answer;
            // A caller that left while the unit was queued for a connection wants nothing any more.
            let taken = tokio::select! {
                taken = postgres.take() => taken,
                () = answer.closed() => return,
            };
            let result = match taken {
                Ok(connection) => self.attempts(&postgres, connection).await,
                Err(error) => Err(error),
            };
            // The caller may be gone; what happened, happened.
            let _gone = answer.send(result);
        });
        waiting.await.map_err(unanswered)?
    }

    async fn attempts(&self, postgres: &Postgres, first: crate::postgres::Pooled) -> Result<(), DbError> {
        let mut connection = Some(first);
        for run in 1..=RUNS {
            let taken = match connection.take() {
                Some(taken) => taken,
                None => postgres.take().await?,
            };
            let transaction = postgres.begin(taken, self.context.territory, self.context.long).await;
            let core = Core::new(
                Session::Postgres(transaction),
                Arc::clone(&self.context),
                self.generators.clone(),
            );
            let Session::Postgres(transaction) = &core.session else {
                break;
            };
            let limit = if self.context.long { LONG_UNIT_TIME } else { UNIT_TIME };
            // The closure's panics are caught within; whatever else of the unit panics must end its transaction too.
            let work = perform(&core, &*self.work);
            let outcome = match timeout(limit, AssertUnwindSafe(work).catch_unwind()).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(panic)) => {
                    self.work.refuse(panicked(panic.as_ref()));
                    Outcome::Rollback
                }
                Err(_) => {
                    transaction.abort();
                    return Err(DbError::Unavailable("the database stopped answering".into()));
                }
            };
            match outcome {
                Outcome::Commit(published) => {
                    let committed = timeout(limit, transaction.commit()).await;
                    match committed.unwrap_or_else(|_| Err(DbError::CommitUnknown("no answer".into()))) {
                        Ok(()) => {
                            self.publish(&published);
                            return Ok(());
                        }
                        Err(DbError::Serialization) => {}
                        Err(error) => return Err(error),
                    }
                }
                Outcome::Rollback => {
                    transaction.rollback().await;
                    return Ok(());
                }
                // On the same connection: what was prepared on it and found stale has been forgotten there.
                Outcome::Again => connection = transaction.rollback().await,
            }
            postgres.count_rerun();
            tracing::info!(run, "a unit of work could not be serialized and runs again");
            // At once it would take the rows again from whom it has just given way to.
            tokio::time::sleep(self.pause(run)).await;
        }
        Err(DbError::Busy {
            what: CONTENDED_ROWS,
            retry_after: Duration::from_secs(1),
        })
    }

    /// Tells this node what was committed.
    fn publish(&self, published: &Published) {
        self.feed.publish(&published.changes);
        if published.events {
            self.events.send_replace(());
        }
    }

    /// How long to stand back before running again: longer each time, and not as long as the others.
    fn pause(&self, run: u32) -> Duration {
        let [random] = self.generators.bytes::<1>();
        PAUSE * 2_u32.saturating_pow(run.saturating_sub(1)) + PAUSE.mul_f64(f64::from(random) / 256.0)
    }

    /// Runs on the writer thread of SQLite.
    ///
    /// # Errors
    /// As [`Unit::run_on_postgres`].
    pub(crate) async fn run_on_sqlite(self, writer: &Writer, turn: Option<Turn>) -> Result<(), DbError> {
        let (answer, waiting) = oneshot::channel();
        let job = Submitted {
            unit: self,
            published: Published::default(),
            answer,
            turn,
        };
        writer.submit(Box::new(job)).await?;
        waiting.await.map_err(unanswered)?
    }
}

/// A unit in the writer's hands.
struct Submitted {
    unit: Unit,
    published: Published,
    answer: oneshot::Sender<Result<(), DbError>>,
    turn: Option<Turn>,
}

impl Submitted {
    fn end(self, ended: Result<(), DbError>) {
        // Before the answer: whoever has it may send the same key again.
        drop(self.turn);
        let _gone = self.answer.send(ended);
    }
}

impl sqlite::Job for Submitted {
    fn is_wanted(&self) -> bool {
        !self.answer.is_closed()
    }

    fn is_long(&self) -> bool {
        self.unit.context.long
    }

    fn attempt(&mut self, session: &Arc<sqlite::Session>) -> Attempt {
        let session = Session::Sqlite(Arc::clone(session));
        let core = Core::new(session, Arc::clone(&self.unit.context), self.unit.generators.clone());
        // Every step runs in place, so one poll is enough; a closure that is pending waits for something foreign, which the
        // watch has already turned into an error.
        // The closure's panics are caught within; whatever else of the unit panics must not end the thread either.
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let run = pin!(perform(&core, &*self.unit.work));
            run.poll(&mut Context::from_waker(Waker::noop()))
        }));
        let refused = match outcome {
            Ok(Poll::Ready(Outcome::Commit(published))) => {
                self.published = published;
                return Attempt::Keep;
            }
            Ok(Poll::Ready(Outcome::Rollback)) => None,
            Ok(Poll::Ready(Outcome::Again) | Poll::Pending) => Some(DbError::Internal(
                "a unit of work did not end on the writer thread".into(),
            )),
            Err(panic) => Some(panicked(panic.as_ref())),
        };
        if let Some(error) = refused {
            self.unit.work.refuse(error);
        }
        self.published = Published::default();
        Attempt::Discard
    }

    fn answer(self: Box<Self>) {
        self.unit.publish(&self.published);
        self.end(Ok(()));
    }

    fn fail(self: Box<Self>, error: DbError) {
        self.end(Err(error));
    }
}
