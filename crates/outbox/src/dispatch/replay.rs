//! Taking dead letters up again, a few at a time.

use db::{DbError, SystemScope, UnitContext};
use kernel::Actor;

use super::round::Round;
use crate::service::Service;
use crate::store::replays::Replay;
use crate::store::{deliveries, replays};

/// How many dead letters are taken up in one transaction.
const PART: i64 = 500;
/// Of how many replays at a time.
const AT_ONCE: i64 = 16;

/// Does a part of each replay that waits; true when there is more to do.
pub(super) async fn some(service: &Service, round: &mut Round<'_>) -> Result<bool, DbError> {
    let scope = SystemScope::new("a worker looks in which organizations dead letters are wanted again");
    let mut more = false;
    for (organization, replay) in replays::waiting(service.db.system(scope), AT_ONCE).await? {
        let done = match replay {
            Ok(replay) => part(service, replay).await,
            Err(error) => Err(error),
        };
        let outcome = round.outcome(
            organization,
            "an organization's dead letters cannot be taken up again",
            done,
        )?;
        more |= outcome.unwrap_or(false);
    }
    Ok(more)
}

/// Does a part of a replay, and removes it when nothing is left of it.
async fn part(service: &Service, replay: Replay) -> Result<bool, DbError> {
    let context = UnitContext::tenant(Actor::system("webhooks"), replay.organization_id)
        .unaudited("deliveries are not audited; who asked for the replay is in the log");
    service
        .db
        .write(context, move |uow| {
            let replay = replay.clone();
            async move {
                if !replays::hold(&uow, &replay).await? {
                    return Ok::<_, DbError>(false);
                }
                let revived = deliveries::replay(&uow, &replay, PART).await?;
                let is_whole = revived.len() >= usize::try_from(PART).unwrap_or(usize::MAX);
                super::wake(&uow, replay.organization_id, revived).await?;
                if !is_whole {
                    replays::remove(&uow, &replay).await?;
                }
                Ok(is_whole)
            }
        })
        .await
}
