//! Counting organizations anew where a node of an older version made some.

use db::{Db, DbError, UnitContext, UnitOfWork};
use kernel::{Actor, OrganizationId};

use crate::store::organizations;

/// Puts the counter of organizations right where it is wrong; how many organizations it was wrong by.
///
/// # Errors
/// [`DbError`].
pub(crate) async fn recount(db: &Db, platform: OrganizationId) -> Result<u64, DbError> {
    let uncounted = organizations::uncounted(db.global()).await?;
    if uncounted == 0 {
        return Ok(0);
    }
    tracing::warn!(uncounted, "organizations were miscounted, and are counted anew");
    let context = UnitContext::tenant(Actor::system("recount"), platform)
        .unaudited("a counter is put right: the organizations that it counts were told when they were made");
    let recount = move |uow: UnitOfWork| async move { organizations::recount(&uow, platform).await };
    db.write::<_, DbError, _, _>(context, recount).await?;
    Ok(uncounted.unsigned_abs())
}
