//! The writer: one thread that polls units of work to completion and commits what waits in one group.
//!
//! An fsync costs far more than a unit, so a COMMIT is shared by everything that waited for it; nobody waits for company.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use kernel::Clock;
use rusqlite::Connection;
use tokio::sync::mpsc;

use super::{Session, open_writer};
use crate::error::DbError;

/// Units in one group, at most.
const GROUP: usize = 64;
/// How long a group goes on taking units.
const GROUP_TIME: Duration = Duration::from_millis(10);

/// What a unit did with its savepoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// Its rows stay, if the group commits.
    Keep,
    /// Its rows go; its refusal is told after the group's commit like every answer.
    Discard,
}

/// A unit of work as the writer sees it. `attempt` may be called a second time, after a group that failed.
pub(crate) trait Job: Send {
    /// Whether anybody still waits for the answer.
    fn is_wanted(&self) -> bool;
    /// Whether it is declared long: then it is committed alone.
    fn is_long(&self) -> bool;
    /// Runs the unit on the open transaction.
    fn attempt(&mut self, session: &Arc<Session>) -> Attempt;
    /// Tells the answer that the last attempt left.
    fn answer(self: Box<Self>);
    /// Tells that nothing of it was kept.
    fn fail(self: Box<Self>, error: DbError);
}

/// The handle of the writer thread. The thread ends when every handle is gone and the queue is empty.
pub(crate) struct Writer {
    queue: mpsc::Sender<Box<dyn Job>>,
    waiting: Arc<AtomicUsize>,
    wait: Duration,
}

impl Writer {
    /// Opens the file and starts the thread.
    pub(crate) fn start(path: &Path, queue: usize, wait: Duration, clock: Arc<dyn Clock>) -> Result<Self, DbError> {
        let session = Arc::new(Session::new(open_writer(path)?));
        let (sender, receiver) = mpsc::channel(queue.max(1));
        let waiting = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&waiting);
        thread::Builder::new()
            .name("lastro-writer".into())
            .spawn(move || {
                Loop {
                    session,
                    receiver,
                    waiting: seen,
                    clock,
                }
                .run();
            })
            .map_err(|error| DbError::Unavailable(error.to_string()))?;
        Ok(Self {
            queue: sender,
            waiting,
            wait,
        })
    }

    /// Hands a unit over, waiting for a place in the queue.
    pub(crate) async fn submit(&self, job: Box<dyn Job>) -> Result<(), DbError> {
        let busy = DbError::Busy {
            what: "the writer's queue",
            retry_after: Duration::from_secs(1),
        };
        let place = match tokio::time::timeout(self.wait, self.queue.reserve()).await {
            Ok(Ok(place)) => place,
            Ok(Err(_)) => return Err(DbError::Unavailable("the writer has stopped".into())),
            Err(_) => return Err(busy),
        };
        self.waiting.fetch_add(1, Ordering::Relaxed);
        place.send(job);
        Ok(())
    }

    /// Units waiting for their turn.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

struct Loop {
    session: Arc<Session>,
    receiver: mpsc::Receiver<Box<dyn Job>>,
    waiting: Arc<AtomicUsize>,
    clock: Arc<dyn Clock>,
}

impl Loop {
    fn run(mut self) {
        let mut carried = None;
        loop {
            let next = match carried.take() {
                Some(job) => Some(job),
                None => self.receiver.blocking_recv().inspect(|_| self.took_one()),
            };
            let Some(first) = next else { return };
            if !first.is_wanted() {
                continue;
            }
            carried = self.group(first);
        }
    }

    fn took_one(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    /// Runs and commits one group that begins with `first`; returns a long unit met on the way, which comes next, alone.
    fn group(&mut self, first: Box<dyn Job>) -> Option<Box<dyn Job>> {
        if let Err(error) = self.command("BEGIN IMMEDIATE") {
            first.fail(error);
            return None;
        }
        let alone = first.is_long();
        let started = self.clock.monotonic();
        let mut done = Vec::new();
        let mut carried = None;
        let mut next = Some(first);
        while let Some(mut job) = next.take() {
            if self.attempt(job.as_mut()).is_err() {
                // The engine gave up the whole transaction (a full disk does that): this unit is the cause, the others are not.
                self.abandon(done, Some(job));
                return carried;
            }
            done.push(job);
            if alone || done.len() >= GROUP || self.clock.monotonic().saturating_sub(started) >= GROUP_TIME {
                break;
            }
            while let Ok(candidate) = self.receiver.try_recv() {
                self.took_one();
                if candidate.is_long() {
                    carried = Some(candidate);
                    break;
                }
                if candidate.is_wanted() {
                    next = Some(candidate);
                    break;
                }
            }
        }
        match self.command("COMMIT") {
            Ok(()) => done.into_iter().for_each(Job::answer),
            Err(error) => {
                tracing::warn!(error = %error, units = done.len(), "a group could not be committed");
                self.abandon(done, None);
            }
        }
        carried
    }

    /// One unit between a savepoint and its release.
    ///
    /// # Errors
    /// When the transaction itself is gone or cannot go on.
    fn attempt(&self, job: &mut dyn Job) -> Result<(), DbError> {
        self.command("SAVEPOINT unit")?;
        let attempt = job.attempt(&self.session);
        if self.session.with(Connection::is_autocommit) {
            return Err(DbError::Unavailable(
                "the transaction was rolled back by the engine".into(),
            ));
        }
        if attempt == Attempt::Discard {
            self.command("ROLLBACK TO unit")?;
        }
        self.command("RELEASE unit")
    }

    /// After a group that could not be kept: the unit that caused it fails, every other runs once more, alone.
    fn abandon(&self, others: Vec<Box<dyn Job>>, cause: Option<Box<dyn Job>>) {
        self.roll_back();
        if let Some(job) = cause {
            job.fail(DbError::Unavailable("the database could not keep the change".into()));
        }
        for mut job in others {
            match self.alone(job.as_mut()) {
                Ok(()) => job.answer(),
                Err(error) => {
                    self.roll_back();
                    job.fail(error);
                }
            }
        }
    }

    fn alone(&self, job: &mut dyn Job) -> Result<(), DbError> {
        self.command("BEGIN IMMEDIATE")?;
        self.attempt(job)?;
        self.command("COMMIT")
    }

    fn roll_back(&self) {
        if !self.session.with(Connection::is_autocommit)
            && let Err(error) = self.command("ROLLBACK")
        {
            tracing::error!(error = %error, "a transaction could not be rolled back");
        }
    }

    fn command(&self, text: &str) -> Result<(), DbError> {
        self.session
            .with(|connection| super::execute(connection, super::Text::plain(text), &[]))
            .map(|_| ())
    }
}
