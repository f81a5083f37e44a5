//! What comes with a module, for the organizations on a package that got it.

use std::sync::Arc;
use std::time::Duration;

use db::{Db, DbError, SystemScope, UnitContext};
use futures_util::future::try_join_all;
use kernel::{Actor, Id as _, OrganizationId, Timestamp};
use uuid::Uuid;

use super::Neighbours;
use crate::store::rollouts::Rollout;
use crate::store::{packages, rollouts};

/// Why it leaves the organization.
const ACROSS: SystemScope =
    SystemScope::new("a package got a module, and what comes with it is made for every organization on it");

/// After how long nobody is put on the package any more by a unit of work that began before the edit and so did not see it.
const SETTLED: Duration = Duration::from_secs(2 * 60);

/// Why the end of it needs no entry in the trail.
const BOOKKEEPING: &str = "what was made is in the trails of those it was made for";

/// How many organizations are served at the same time.
const AT_ONCE: usize = 8;

/// Makes what comes with modules that packages got, each organization in a unit of its own; how many organizations were looked at.
/// The modules themselves are on since the edit. For one that is excepted from the package it is made all the same: the exception may
/// end without anybody doing anything. Broken off, it begins anew: what is there stays as it is.
///
/// # Errors
/// [`DbError`].
pub(crate) async fn roll_out(db: &Db, neighbours: &Neighbours, now: Timestamp) -> Result<u64, DbError> {
    let mut served = 0;
    for rollout in rollouts::all(db.global()).await? {
        let mut last = OrganizationId::from_uuid(Uuid::nil());
        let code: Arc<str> = rollout.code.as_str().into();
        loop {
            let page = packages::organizations_after(db.system(ACROSS), rollout.package, last).await?;
            let Some(end) = page.last() else { break };
            for some in page.chunks(AT_ONCE) {
                try_join_all(some.iter().map(|id| serve(db, neighbours, *id, &code))).await?;
            }
            served += page.len() as u64;
            last = *end;
        }
        if rollout.asked_at <= now.minus(SETTLED) {
            forget(db, neighbours.platform().await?, rollout).await?;
        }
    }
    Ok(served)
}

async fn serve(
    db: &Db,
    neighbours: &Neighbours,
    organization: OrganizationId,
    module: &Arc<str>,
) -> Result<(), DbError> {
    let (neighbours, module) = (neighbours.clone(), Arc::clone(module));
    let context = UnitContext::tenant(Actor::system("catalogue"), organization);
    db.write(context, move |uow| {
        let (neighbours, module) = (neighbours.clone(), Arc::clone(&module));
        async move { neighbours.module_activated(&uow, organization, &module).await }
    })
    .await
}

async fn forget(db: &Db, platform: OrganizationId, done: Rollout) -> Result<(), DbError> {
    let context = UnitContext::tenant(Actor::system("catalogue"), platform).unaudited(BOOKKEEPING);
    let done = Arc::new(done);
    db.write(context, move |uow| {
        let done = Arc::clone(&done);
        async move { rollouts::forget(&uow, &done).await }
    })
    .await
}
