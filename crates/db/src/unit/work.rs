//! What a unit does and answers, behind one interface: everything around it is compiled once, and not once a use case.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use super::{IdempotencyRequest, Keyed, StoredAnswer, UnitOfWork};
use crate::error::DbError;

/// Makes a unit's own kind of refusal of a failure of the storage.
pub(crate) type Refuse<E> = Arc<dyn Fn(DbError) -> E + Send + Sync>;

/// A unit's closure together with the answer that it has so far. An answer replaces the one before it.
pub(crate) trait Work: Send + Sync {
    /// The key that the answer is kept under.
    fn request(&self) -> Option<&IdempotencyRequest>;

    /// Runs the closure, which answers.
    fn run(&self, uow: UnitOfWork) -> BoxFuture<'_, ()>;

    /// Answers what was answered before under the key.
    fn replay(&self, stored: StoredAnswer);

    /// Answers that the storage failed.
    fn refuse(&self, error: DbError);

    /// Whether the answer is not a success.
    fn is_refused(&self) -> bool;

    /// The answer in the form to be kept under the key; none when there is no key, or when it must not be kept.
    fn stored(&self) -> Option<StoredAnswer>;
}

/// A [`Work`] of certain types.
pub(crate) struct Closure<T, E, F> {
    keyed: Option<Keyed<T, E>>,
    refuse: Refuse<E>,
    work: F,
    answer: Mutex<Option<Result<T, E>>>,
}

impl<T, E, F> Closure<T, E, F> {
    pub(crate) const fn new(keyed: Option<Keyed<T, E>>, refuse: Refuse<E>, work: F) -> Self {
        Self {
            keyed,
            refuse,
            work,
            answer: Mutex::new(None),
        }
    }

    /// The answer, once the unit has ended as `ended` says.
    pub(crate) fn answered(&self, ended: Result<(), DbError>) -> Result<T, E> {
        let answer = match ended {
            Ok(()) => self.answer.lock().take(),
            Err(error) => Some(Err((self.refuse)(error))),
        };
        answer.unwrap_or_else(|| {
            let error = DbError::Internal("a unit of work ended without an answer".into());
            Err((self.refuse)(error))
        })
    }

    fn answer(&self, answer: Result<T, E>) {
        *self.answer.lock() = Some(answer);
    }
}

impl<T, E, F, Fut> Work for Closure<T, E, F>
where
    T: Send + 'static,
    E: Send + 'static,
    F: Fn(UnitOfWork) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<T, E>> + Send + 'static,
{
    fn request(&self) -> Option<&IdempotencyRequest> {
        self.keyed.as_ref().map(|keyed| &keyed.request)
    }

    fn run(&self, uow: UnitOfWork) -> BoxFuture<'_, ()> {
        // Called inside, so that a panic before its first await is caught like any other.
        async move { self.answer((self.work)(uow).await) }.boxed()
    }

    fn replay(&self, stored: StoredAnswer) {
        if let Some(keyed) = &self.keyed {
            self.answer(Ok((keyed.replay)(stored)));
        }
    }

    fn refuse(&self, error: DbError) {
        self.answer(Err((self.refuse)(error)));
    }

    fn is_refused(&self) -> bool {
        matches!(*self.answer.lock(), Some(Err(_)))
    }

    fn stored(&self) -> Option<StoredAnswer> {
        let keyed = self.keyed.as_ref()?;
        match self.answer.lock().as_ref()? {
            Ok(answer) => (keyed.store_answer)(answer),
            Err(refusal) => (keyed.store_refusal)(refusal),
        }
    }
}
