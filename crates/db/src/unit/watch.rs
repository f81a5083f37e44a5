//! Holds a unit's closure to awaiting the database only.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use futures_util::FutureExt;
use futures_util::future::poll_fn;

use crate::error::DbError;

/// Whether the database was what the closure waited for at its last poll.
#[derive(Default)]
pub(crate) struct Activity(AtomicBool);

impl Activity {
    /// Tells when `future`, one of the database's own, is pending.
    pub(crate) async fn tell<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        poll_fn(|context| {
            let poll = future.as_mut().poll(context);
            if poll.is_pending() {
                self.0.store(true, Ordering::Relaxed);
            }
            poll
        })
        .await
    }
}

/// Runs the closure's future.
///
/// # Errors
/// [`DbError::Internal`] when it panicked, or waited for something that is not the database.
pub(crate) async fn watched<T>(activity: &Arc<Activity>, work: impl Future<Output = T>) -> Result<T, DbError> {
    let mut work = pin!(AssertUnwindSafe(work).catch_unwind());
    let ended = poll_fn(|context| {
        activity.0.store(false, Ordering::Relaxed);
        match work.as_mut().poll(context) {
            Poll::Ready(ended) => Poll::Ready(Some(ended)),
            Poll::Pending if activity.0.load(Ordering::Relaxed) => Poll::Pending,
            Poll::Pending => Poll::Ready(None),
        }
    })
    .await;
    match ended {
        Some(Ok(result)) => Ok(result),
        Some(Err(panic)) => {
            let what = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let what = what.or_else(|| panic.downcast_ref::<String>().cloned());
            Err(DbError::Internal(format!(
                "a unit of work panicked: {}",
                what.unwrap_or_default()
            )))
        }
        None => Err(DbError::Internal(
            "a unit of work waited for something that is not the database".into(),
        )),
    }
}
