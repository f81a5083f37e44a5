//! Running a unit on each engine, from its submission to its answer.

use std::future::Future;
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
use super::{Core, Keyed, Session, UnitContext, UnitOfWork};
use crate::error::DbError;
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

/// Makes a unit's own kind of refusal of a failure of the storage.
pub(crate) type Refuse<E> = Arc<dyn Fn(DbError) -> E + Send + Sync>;

/// A unit ready to run.
pub(crate) struct Unit<T, E, F> {
    pub(crate) context: Arc<UnitContext>,
    pub(crate) generators: Generators,
    pub(crate) keyed: Option<Keyed<T, E>>,
    pub(crate) refuse: Refuse<E>,
    pub(crate) work: F,
    pub(crate) feed: Arc<Feed>,
    /// Told of each commit with events.
    pub(crate) events: Arc<watch::Sender<()>>,
}

impl<T, E, F, Fut> Unit<T, E, F>
where
    T: Send + 'static,
    E: Send + 'static,
    F: Fn(UnitOfWork) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<T, E>> + Send + 'static,
{
    /// Runs on PostgreSQL in a task of its own, so that a caller that goes away does not leave it half done.
    pub(crate) async fn run_on_postgres(self, postgres: Arc<Postgres>) -> Result<T, E> {
        let (answer, waiting) = oneshot::channel();
        let refuse = Arc::clone(&self.refuse);
        tokio::spawn(async move {
            let mut answer = answer;
            // A caller that left while the unit was queued for a connection wants nothing any more.
            let taken = tokio::select! {
                taken = postgres.take() => taken,
                () = answer.closed() => return,
            };
            let result = match taken {
                Ok(connection) => self.attempts(&postgres, connection).await,
                Err(error) => Err((self.refuse)(error)),
            };
            // The caller may be gone; what happened, happened.
            let _gone = answer.send(result);
        });
        waiting.await.unwrap_or_else(|_| {
            Err(refuse(DbError::Internal(
                "a unit of work ended without an answer".into(),
            )))
        })
    }

    async fn attempts(&self, postgres: &Postgres, first: crate::postgres::Pooled) -> Result<T, E> {
        let mut connection = Some(first);
        for run in 1..=RUNS {
            let taken = match connection.take() {
                Some(taken) => Ok(taken),
                None => postgres.take().await,
            };
            let transaction = match taken {
                Ok(connection) => postgres.begin(connection, self.context.territory).await,
                Err(error) => return Err((self.refuse)(error)),
            };
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
            let work = perform(&core, self.keyed.as_ref(), &*self.refuse, &self.work);
            let outcome = match timeout(limit, AssertUnwindSafe(work).catch_unwind()).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(panic)) => Outcome::Rollback(Err((self.refuse)(panicked(panic.as_ref())))),
                Err(_) => {
                    transaction.abort();
                    let error = DbError::Unavailable("the database stopped answering".into());
                    return Err((self.refuse)(error));
                }
            };
            match outcome {
                Outcome::Commit(result, published) => {
                    let committed = timeout(limit, transaction.commit()).await;
                    match committed.unwrap_or_else(|_| Err(DbError::CommitUnknown("no answer".into()))) {
                        Ok(()) => {
                            self.publish(&published);
                            return result;
                        }
                        Err(DbError::Serialization) => {}
                        Err(error) => return Err((self.refuse)(error)),
                    }
                }
                Outcome::Rollback(result) => {
                    transaction.rollback().await;
                    return result;
                }
                // On the same connection: what was prepared on it and found stale has been forgotten there.
                Outcome::Again => connection = transaction.rollback().await,
            }
            postgres.count_rerun();
            tracing::info!(run, "a unit of work could not be serialized and runs again");
            // At once it would take the rows again from whom it has just given way to.
            tokio::time::sleep(self.pause(run)).await;
        }
        Err((self.refuse)(DbError::Busy {
            what: "contended rows",
            retry_after: Duration::from_secs(1),
        }))
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
    pub(crate) async fn run_on_sqlite(self, writer: &Writer, turn: Option<Turn>) -> Result<T, E> {
        let (answer, waiting) = oneshot::channel();
        let refuse = Arc::clone(&self.refuse);
        let job = Submitted {
            unit: self,
            result: None,
            published: Published::default(),
            answer,
            turn,
        };
        if let Err(error) = writer.submit(Box::new(job)).await {
            return Err(refuse(error));
        }
        waiting.await.unwrap_or_else(|_| {
            Err(refuse(DbError::Internal(
                "a unit of work ended without an answer".into(),
            )))
        })
    }
}

/// A unit in the writer's hands.
struct Submitted<T, E, F> {
    unit: Unit<T, E, F>,
    result: Option<Result<T, E>>,
    published: Published,
    answer: oneshot::Sender<Result<T, E>>,
    turn: Option<Turn>,
}

impl<T, E, F, Fut> sqlite::Job for Submitted<T, E, F>
where
    T: Send + 'static,
    E: Send + 'static,
    F: Fn(UnitOfWork) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<T, E>> + Send + 'static,
{
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
            let unit = &self.unit;
            let run = pin!(perform(&core, unit.keyed.as_ref(), &*unit.refuse, &unit.work));
            run.poll(&mut Context::from_waker(Waker::noop()))
        }));
        let refused = |error| (Attempt::Discard, Err((self.unit.refuse)(error)), Published::default());
        let (attempt, result, published) = match outcome {
            Ok(Poll::Ready(Outcome::Commit(result, published))) => (Attempt::Keep, result, published),
            Ok(Poll::Ready(Outcome::Rollback(result))) => (Attempt::Discard, result, Published::default()),
            Ok(Poll::Ready(Outcome::Again) | Poll::Pending) => refused(DbError::Internal(
                "a unit of work did not end on the writer thread".into(),
            )),
            Err(panic) => refused(panicked(panic.as_ref())),
        };
        self.result = Some(result);
        self.published = published;
        attempt
    }

    fn answer(self: Box<Self>) {
        let job = *self;
        job.unit.publish(&job.published);
        // Before the answer: whoever has it may send the same key again.
        drop(job.turn);
        if let Some(result) = job.result {
            let _gone = job.answer.send(result);
        }
    }

    fn fail(self: Box<Self>, error: DbError) {
        let job = *self;
        drop(job.turn);
        let _gone = job.answer.send(Err((job.unit.refuse)(error)));
    }
}
