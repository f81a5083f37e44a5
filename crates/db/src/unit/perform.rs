//! One run of a unit on an open transaction: the same steps on both engines.

use std::sync::Arc;

use super::{Core, IdempotencyRequest, Keyed, Recorded, StoredAnswer, UnitOfWork, idempotency, ledger, watch};
use crate::error::DbError;
use crate::feed::AccessChange;

/// What to do with the transaction after a run, and what to answer once that is done.
pub(crate) enum Outcome<T, E> {
    /// COMMIT, then answer. A refusal is kept too when its idempotency record was written.
    Commit(Result<T, E>, Published),
    /// ROLLBACK, then answer.
    Rollback(Result<T, E>),
    /// ROLLBACK, and run again: it could not be ordered among others.
    Again,
}

/// What is told on this node once the unit is committed.
#[derive(Default)]
pub(crate) struct Published {
    pub(crate) changes: Vec<AccessChange>,
    /// Whether there are new events.
    pub(crate) events: bool,
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
            Err(error) => return Outcome::Rollback(Err(refuse(core.cause(error).await))),
        }
    }
    // Called inside, so that a panic before its first await is caught like any other.
    let work = async { work(UnitOfWork::new(Arc::clone(core))).await };
    let watched = watch::watched(&core.activity, work).await;
    // Not an answer of the unit: nothing of it may stay, nor be kept under the key.
    let mut result = match (watched, core.close()) {
        (Ok(result), Ok(())) => result,
        (Err(error), _) | (_, Err(error)) => return Outcome::Rollback(Err(refuse(error))),
    };
    // What was sent must be known before deciding which answer to keep under a key, and before believing a refusal: it may
    // only follow from a statement whose answer nobody waited for. Otherwise the COMMIT tells.
    if keyed.is_some() || result.is_err() || core.gathered.lock().failure.is_some() {
        core.settle().await;
    }
    let (events, changes, mutated, failure, serialization) = {
        let mut gathered = core.gathered.lock();
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
    // A closure that was told of the failure may refuse in its own words; it cannot succeed in spite of it.
    if let Some(failure) = failure
        && (result.is_ok() || !failure.told)
    {
        result = Err(refuse(failure.error));
    }
    match result {
        Ok(answer) => {
            if let Err(error) = acceptable(core, mutated, &events, &changes) {
                return Outcome::Rollback(Err(refuse(error)));
            }
            let kept = keyed.and_then(|keyed| Some((&keyed.request, (keyed.store_answer)(&answer)?)));
            match conclude(core, kept, &events, &changes).await {
                Ok(()) => {
                    let events = !events.is_empty();
                    Outcome::Commit(Ok(answer), Published { changes, events })
                }
                Err(DbError::Serialization) => Outcome::Again,
                Err(error) => Outcome::Rollback(Err(refuse(error))),
            }
        }
        Err(refusal) => match keyed.and_then(|keyed| Some((&keyed.request, (keyed.store_refusal)(&refusal)?))) {
            None => Outcome::Rollback(Err(refusal)),
            Some((request, kept)) => match keep_refusal(core, request, &kept).await {
                Ok(()) => Outcome::Commit(Err(refusal), Published::default()),
                Err(DbError::Serialization) => Outcome::Again,
                Err(error) => Outcome::Rollback(Err(refuse(error))),
            },
        },
    }
}

/// Refuses what a unit may not do, however well its statements went.
fn acceptable(core: &Core, mutated: bool, events: &[Recorded], changes: &[AccessChange]) -> Result<(), DbError> {
    if mutated && events.is_empty() && core.context.unaudited.is_none() {
        return Err(DbError::Internal(
            "a unit of work changed rows without recording an event".into(),
        ));
    }
    let told = events.iter().map(|recorded| recorded.organization_id);
    let mut concerned = told.chain(changes.iter().filter_map(|change| change.organization_id));
    if !concerned.all(|organization_id| core.context.territory.contains(organization_id)) {
        return Err(DbError::Internal(
            "a unit of one organization recorded a change of another".into(),
        ));
    }
    Ok(())
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
        if let Some((request, answer)) = kept {
            idempotency::store(core, request, &answer).await?;
        }
        Ok(())
    };
    ended(core, written.await).await
}

/// Undoes the work and keeps only the refusal.
async fn keep_refusal(core: &Core, request: &IdempotencyRequest, refusal: &StoredAnswer) -> Result<(), DbError> {
    let written = async {
        core.command("ROLLBACK TO SAVEPOINT work").await?;
        idempotency::store(core, request, refusal).await
    };
    ended(core, written.await).await
}

/// How the unit's own statements went. On SQLite one that failed was noted and not told; on PostgreSQL one may have been
/// refused only because something sent before it had failed.
async fn ended(core: &Core, written: Result<(), DbError>) -> Result<(), DbError> {
    match written {
        Ok(()) => core
            .gathered
            .lock()
            .failure
            .take()
            .map_or(Ok(()), |failure| Err(failure.error)),
        Err(error) => Err(core.cause(error).await),
    }
}
