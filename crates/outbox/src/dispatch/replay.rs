//! Taking dead letters up again, a few at a time.

use db::{DbError, SystemScope, UnitContext};
use futures_util::future;
use futures_util::stream::{self, StreamExt as _};
use kernel::{Actor, Id as _};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::round::Round;
use crate::domain::ReplayId;
use crate::service::Service;
use crate::store::replays::{Replay, Waiting};
use crate::store::{deliveries, replays};

/// How many dead letters are taken up in one transaction.
const PART: usize = 500;
/// How many replays are looked up, and taken up, at a time.
const LOOKED_UP: usize = 256;
const AT_ONCE: usize = 4;

/// What came of a turn.
#[derive(Default)]
pub(super) struct TakenUp {
    /// There are deliveries that are due again.
    pub(super) any: bool,
    /// Something is left of a replay.
    pub(super) more: bool,
}

/// Does a part of every replay that waits, until it is told to stop: those that fail, or want much, keep none of the others waiting for
/// longer than a turn.
pub(super) async fn all(
    service: &Service,
    round: &mut Round<'_>,
    stop: &CancellationToken,
) -> Result<TakenUp, DbError> {
    let mut taken_up = TakenUp::default();
    let mut after = ReplayId::from_uuid(Uuid::nil());
    loop {
        let scope = SystemScope::new("a worker looks in which organizations dead letters are wanted again");
        let waiting = replays::waiting(service.db.system(scope), after, LOOKED_UP).await?;
        let Some(last) = waiting
            .last()
            .map(|waiting| waiting.id)
            .filter(|_| !stop.is_cancelled())
        else {
            return Ok(taken_up);
        };
        let mut parts = stream::iter(waiting)
            .take_while(|_| future::ready(!stop.is_cancelled()))
            .map(async |waiting: Waiting| {
                let done = match waiting.replay {
                    Ok(replay) => part(service, replay).await,
                    Err(error) => Err(error),
                };
                (waiting.organization_id, done)
            })
            .buffer_unordered(AT_ONCE);
        while let Some((organization, done)) = parts.next().await {
            let outcome = round.outcome(
                organization,
                "an organization's dead letters cannot be taken up again",
                done,
            )?;
            let revived = outcome.unwrap_or(0);
            taken_up.any |= revived > 0;
            taken_up.more |= revived >= PART;
        }
        after = last;
    }
}

/// Does a part of a replay, and removes it when nothing is left of it; tells how many deliveries are due again.
async fn part(service: &Service, replay: Replay) -> Result<usize, DbError> {
    let context = UnitContext::tenant(Actor::system("webhooks"), replay.organization_id)
        .unaudited("deliveries are not audited; who asked for the replay is in the log");
    service
        .db
        .write(context, move |uow| {
            let replay = replay.clone();
            async move {
                if !replays::hold(&uow, &replay).await? {
                    return Ok::<_, DbError>(0);
                }
                let revived = deliveries::replay(&uow, &replay, PART).await?;
                let count = revived.len();
                super::wake(&uow, replay.organization_id, revived).await?;
                if count < PART {
                    replays::remove(&uow, &replay).await?;
                }
                Ok(count)
            }
        })
        .await
}
