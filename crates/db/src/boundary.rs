//! Where other crates' futures end and this crate's begin.

use std::future::{self, Ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Either};

use crate::error::DbError;

/// A future whose body is compiled in this crate.
///
/// The body of an `async fn` is compiled again in every crate that awaits it, together with all that it awaits: without this,
/// each context would carry pools, retries, the driver and TLS once more. What is ready at once allocates nothing.
pub(crate) struct Boundary<'a, T>(Either<Now<T>, Later<'a, T>>);

type Now<T> = Ready<Result<T, DbError>>;
type Later<'a, T> = BoxFuture<'a, Result<T, DbError>>;

impl<'a, T> Boundary<'a, T> {
    pub(crate) fn now(result: Result<T, DbError>) -> Self {
        Self(Either::Left(future::ready(result)))
    }

    pub(crate) fn later(work: impl Future<Output = Result<T, DbError>> + Send + 'a) -> Self {
        Self(Either::Right(work.boxed()))
    }
}

impl<T> Future for Boundary<'_, T>
where
    T: Unpin,
{
    type Output = Result<T, DbError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_unpin(context)
    }
}
