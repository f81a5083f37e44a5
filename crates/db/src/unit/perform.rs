//! One run of a unit on an open transaction: the same steps on both engines.

use std::sync::Arc;

use super::{Core, IdempotencyRequest, Recorded, StoredAnswer, UnitOfWork, Work, idempotency, ledger, watch};
use crate::error::DbError;
use crate::feed::AccessChange;

/// What to do with the transaction after a run, before the work's answer is given.
pub(crate) enum Outcome {
    /// COMMIT. A refusal is kept too when its idempotency record was written.
    Commit(Published),
    /// ROLLBACK.
    Rollback,
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
pub(crate) async fn perform(core: &Arc<Core>, work: &dyn Work) -> Outcome {
    let failed = |error| {
        work.refuse(error);
        Outcome::Rollback
    };
    if let Some(request) = work.request() {
        match gate(core, request).await {
            Ok(None) => {}
            Ok(Some(stored)) => {
                work.replay(stored);
                return Outcome::Rollback;
            }
            Err(DbError::Serialization) => return Outcome::Again,
            Err(error) => return failed(core.cause(error).await),
        }
    }
    let watched = watch::watched(&core.activity, work.run(UnitOfWork::new(Arc::clone(core)))).await;
    // Not an answer of the unit: nothing of it may stay, nor be kept under the key.
    if let (Err(error), _) | (_, Err(error)) = (watched, core.close()) {
        return failed(error);
    }
    // What was sent must be known before deciding which answer to keep under a key, and before believing a refusal: it may
    // only follow from a statement whose answer nobody waited for. Otherwise the COMMIT tells.
    if work.request().is_some() || work.is_refused() || core.gathered.lock().failure.is_some() {
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
        && (!work.is_refused() || !failure.told)
    {
        work.refuse(failure.error);
    }
    let refused = work.is_refused();
    if !refused && let Err(error) = acceptable(core, mutated, &events, &changes) {
        return failed(error);
    }
    let kept = work.request().and_then(|request| Some((request, work.stored()?)));
    let (written, published) = match (refused, kept) {
        (false, kept) => {
            let written = conclude(core, kept, &events, &changes).await;
            let events = !events.is_empty();
            (written, Published { changes, events })
        }
        (true, Some((request, kept))) => (keep_refusal(core, request, &kept).await, Published::default()),
        (true, None) => return Outcome::Rollback,
    };
    match written {
        Ok(()) => Outcome::Commit(published),
        Err(DbError::Serialization) => Outcome::Again,
        Err(error) => failed(error),
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
async fn gate(core: &Core, request: &IdempotencyRequest) -> Result<Option<StoredAnswer>, DbError> {
    let stored = idempotency::gate(core, request).await?;
    if stored.is_none() {
        core.command("SAVEPOINT work").await?;
    }
    Ok(stored)
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
