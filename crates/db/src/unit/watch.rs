//! Holds a unit's closure to awaiting the database only, and to ending what it began.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use futures_util::FutureExt;
use futures_util::future::poll_fn;

use crate::error::DbError;

/// Set once the closure has ended: from then on its handle does nothing.
const CLOSED: usize = 1 << (usize::BITS - 1);

/// How many statements of the closure are under way.
///
/// A count, not a mark made at each poll: whoever polls many futures together polls again only those that were woken.
#[derive(Default)]
pub(crate) struct Activity(AtomicUsize);

/// One statement under way, until dropped.
pub(crate) struct UnderWay<'a>(&'a Activity);

impl Activity {
    /// Begins a statement; none after [`Activity::close`].
    pub(crate) fn enter(&self) -> Option<UnderWay<'_>> {
        let before = self.0.fetch_add(1, Ordering::AcqRel);
        let entered = UnderWay(self);
        (before & CLOSED == 0).then_some(entered)
    }

    /// Lets no further statement begin; how many are still under way.
    pub(crate) fn close(&self) -> usize {
        self.0.fetch_or(CLOSED, Ordering::AcqRel) & !CLOSED
    }

    /// Statements under way.
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Acquire) & !CLOSED
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Runs the closure's future.
///
/// # Errors
/// [`DbError::Internal`] when it panicked, or waited for something that is not the database.
pub(crate) async fn watched<T>(activity: &Activity, work: impl Future<Output = T>) -> Result<T, DbError> {
    let mut work = pin!(AssertUnwindSafe(work).catch_unwind());
    let ended = poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(ended) => Poll::Ready(Some(ended)),
        Poll::Pending if activity.count() > 0 => Poll::Pending,
        Poll::Pending => Poll::Ready(None),
    })
    .await;
    match ended {
        Some(Ok(result)) => Ok(result),
        Some(Err(panic)) => Err(panicked(panic.as_ref())),
        None => Err(DbError::Internal(
            "a unit of work waited for something that is not the database".into(),
        )),
    }
}

/// What a panic becomes: an internal error that tells its message.
pub(crate) fn panicked(panic: &(dyn std::any::Any + Send)) -> DbError {
    let what = panic.downcast_ref::<&str>().copied();
    let what = what.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    DbError::Internal(format!("a unit of work panicked: {}", what.unwrap_or_default()))
}
