//! One run of a unit on an open transaction: the same steps on both engines.

use std::sync::Arc;

use super::{Core, IdempotencyRequest, Keyed, Recorded, StoredAnswer, UnitOfWork, idempotency, ledger, watch};
use crate::error::DbError;
use crate::feed::AccessChange;

/// What to do with the transaction after a run, and what to answer once that is done.
pub(crate) enum Outcome<T, E> {
    /// COMMIT, then answer. A refusal is kept too when its idempotency record was written.
    Commit(Result<T, E>, Vec<AccessChange>),
    /// ROLLBACK, then answer.
    Rollback(Result<T, E>),
    /// ROLLBACK, and run again: it could not be ordered among others.
    Again,
}

/// Runs the closure between its idempotency gate and its ledger.
///
/// `refuse` makes the closure's kind of refusal of a failure that the storage found: also of one that nobody waited for.
pub(crate) async fn perform<T, E, F, Fut>(
    core: &Arc<Core>,
    keyed: Option<&Keyed<T, E>>,
    refuse: &(dyn Fn(DbError) -> E + Send + Sync),
    work: &F,
) -> Outcome<T, E>
where
    F: Fn(UnitOfWork) -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    if let Some(keyed) = keyed {
        match gate(core, keyed).await {
            Ok(None) => {}
            Ok(Some(answer)) => return Outcome::Rollback(Ok(answer)),
            Err(DbError::Serialization) => return Outcome::Again,
            Err(error) => return Outcome::Rollback(Err(refuse(error))),
        }
    }
    let mut result = match watch::watched(&core.activity, work(UnitOfWork::new(Arc::clone(core)))).await {
        Ok(result) => result,
        // Not an answer of the unit: nothing of it may stay, nor be kept under the key.
        Err(error) => return Outcome::Rollback(Err(refuse(error))),
    };
    // What was sent and not awaited: with a key it must be known before deciding which answer to keep, and a refusal may only be
    // its consequence. An answer without a key learns it from the COMMIT.
    if (keyed.is_some() || result.is_err())
        && let Err(error) = core.settle().await
    {
        result = Err(refuse(error));
    }
    let (events, changes, mutated, failure, serialization) = {
        let mut gathered = core.gathered.lock();
        gathered.closed = true;
        let events = std::mem::take(&mut gathered.events);
        let changes = std::mem::take(&mut gathered.changes);
        (
            events,
            changes,
            gathered.mutated,
            gathered.failure.take(),
            gathered.serialization,
        )
    };
    if serialization {
        return Outcome::Again;
    }
    if let Some(failure) = failure {
        result = Err(refuse(failure));
    }
    match result {
        Ok(_) if mutated && events.is_empty() && core.context.unaudited.is_none() => {
            let error = DbError::Internal("a unit of work changed rows without recording an event".into());
            Outcome::Rollback(Err(refuse(error)))
        }
        Ok(answer) => {
            let kept = keyed.and_then(|keyed| Some((&keyed.request, (keyed.store_answer)(&answer)?)));
            match conclude(core, kept, &events, &changes).await {
                Ok(()) => Outcome::Commit(Ok(answer), changes),
                Err(DbError::Serialization) => Outcome::Again,
                Err(error) => Outcome::Rollback(Err(refuse(error))),
            }
        }
        Err(refusal) => match keyed.and_then(|keyed| Some((&keyed.request, (keyed.store_refusal)(&refusal)?))) {
            None => Outcome::Rollback(Err(refusal)),
            Some((request, kept)) => match keep_refusal(core, request, &kept).await {
                Ok(()) => Outcome::Commit(Err(refusal), Vec::new()),
                Err(error) => Outcome::Rollback(Err(refuse(error))),
            },
        },
    }
}

/// The answer given before under the key, if there is one; else the savepoint to which a refusal rolls back.
async fn gate<T, E>(core: &Core, keyed: &Keyed<T, E>) -> Result<Option<T>, DbError> {
    if let Some(stored) = idempotency::gate(core, &keyed.request).await? {
        return Ok(Some((keyed.replay)(stored)));
    }
    core.command("SAVEPOINT work").await?;
    Ok(None)
}

async fn conclude(
    core: &Core,
    kept: Option<(&IdempotencyRequest, StoredAnswer)>,
    events: &[Recorded],
    changes: &[AccessChange],
) -> Result<(), DbError> {
    let written = async {
        ledger::write(core, events, changes).await?;
        match kept {
            Some((request, answer)) => idempotency::store(core, request, &answer).await,
            None => Ok(()),
        }
    };
    if let Err(error) = written.await {
        // Preparing a statement fails after one that was sent before it has failed: that one is the cause.
        return Err(core.settle().await.err().unwrap_or(error));
    }
    // On SQLite a ledger statement that failed was noted, not told.
    core.gathered.lock().failure.take().map_or(Ok(()), Err)
}

/// Undoes the work and keeps only the refusal.
async fn keep_refusal(core: &Core, request: &IdempotencyRequest, refusal: &StoredAnswer) -> Result<(), DbError> {
    // What was sent before may have failed; the savepoint forgets it.
    let _forgotten = core.settle().await;
    core.command("ROLLBACK TO SAVEPOINT work").await?;
    idempotency::store(core, request, refusal).await?;
    core.gathered.lock().failure.take().map_or(Ok(()), Err)
}
