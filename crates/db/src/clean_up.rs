//! Rows of the storage itself that have served their time: idempotency records, and changes that every node has heard of.

use std::time::Duration;

use kernel::{Actor, OrganizationId};

use crate::database::Db;
use crate::error::DbError;
use crate::scope::SystemScope;
use crate::sql::Sql;
use crate::unit::UnitContext;
use crate::values;

/// For how long changes of access are kept that need not be remembered: a node that has not read the feed for two seconds reads
/// everything anew, so minutes would do.
const CHANGES: Duration = Duration::from_secs(60 * 60);
/// Organizations that are cleaned at one run, each in a unit of its own.
const ORGANIZATIONS: i64 = 1_000;

const EXPIRED: Sql = Sql::system(
    "SELECT organization_id FROM idempotency_records WHERE expires_at < $1 GROUP BY organization_id LIMIT $2",
);
const REMOVE_EXPIRED: Sql =
    Sql::tenant("DELETE FROM idempotency_records WHERE organization_id = $1 AND expires_at < $2");
const REMOVE_CHANGES: Sql =
    Sql::global("DELETE FROM access_changes WHERE created_at < $1 AND (until IS NULL OR until < $2)");

/// The statements of this file.
pub(crate) const STATEMENTS: &[Sql] = &[EXPIRED, REMOVE_EXPIRED, REMOVE_CHANGES];

const DISCOVERY: SystemScope =
    SystemScope::new("what is over is looked for in every organization, and removed in each by itself");
const UNAUDITED: &str = "records of the storage itself, which nobody changed, end with their time";

impl Db {
    /// Removes idempotency records that are over, and changes of access that no node asks for any more; how many. `platform` is
    /// where the work is booked.
    ///
    /// # Errors
    /// [`DbError`]. What was removed before it stays so.
    pub async fn clean_up(&self, platform: OrganizationId) -> Result<u64, DbError> {
        let now = self.generators().now();
        let found = self
            .system(DISCOVERY)
            .all(&EXPIRED, &values![now, ORGANIZATIONS], |row| row.id(0))
            .await?;
        let mut removed = 0;
        for organization in found {
            let context = UnitContext::tenant(Actor::system("clean-up"), organization)
                .unaudited(UNAUDITED)
                .long();
            removed += self
                .write(context, move |uow| async move {
                    let scope = uow.scope(organization);
                    scope.execute(&REMOVE_EXPIRED, &values![uow.now()]).await
                })
                .await?;
        }
        let context = UnitContext::tenant(Actor::system("clean-up"), platform)
            .unaudited(UNAUDITED)
            .long();
        removed += self
            .write(context, |uow| async move {
                let now = uow.now();
                uow.global()
                    .execute(&REMOVE_CHANGES, &values![now.minus(CHANGES), now])
                    .await
            })
            .await?;
        Ok(removed)
    }
}
