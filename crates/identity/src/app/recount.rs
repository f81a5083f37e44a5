//! Counting users anew where a node of an older version made some.

use db::{DbError, SystemScope, UnitContext, UnitOfWork};
use kernel::Actor;

use crate::service::Service;
use crate::store::users;

/// Puts the counters right, one organization after the other; how many were wrong.
///
/// # Errors
/// [`DbError`]. What was put right before stays so.
pub(crate) async fn recount(service: &Service) -> Result<u64, DbError> {
    let all = service.db.system(SystemScope::new(
        "counters of users are compared with the users of every organization",
    ));
    let mut wrong = 0;
    for organization in users::miscounted(all).await? {
        tracing::warn!(%organization, "users were miscounted, and are counted anew");
        let context = UnitContext::tenant(Actor::system("recount"), organization)
            .unaudited("a counter is put right: the users that it counts were told when they were made")
            .long();
        let recount = move |uow: UnitOfWork| async move { users::recount(&uow, organization).await };
        service.db.write::<_, DbError, _, _>(context, recount).await?;
        wrong += 1;
    }
    Ok(wrong)
}
