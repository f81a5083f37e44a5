//! The end of a customer: its rows are deleted for good.

use std::sync::Arc;
use std::time::Duration;

use authz::Granted;
use contracts::organization::OrganizationView;
use db::schema::{Schema, is_tenant, referred_first};
use db::{Db, DbError, Sql, SystemScope, UnitContext};
use kernel::{Actor, OrganizationId};
use organization::{NotChanged, OrganizationDelete};

/// For how long the rows of a deactivated organization are kept.
pub const KEPT_FOR: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Why an organization leaves.
const LEAVING: SystemScope = SystemScope::new("a purge deletes the rows of an organization that has left");

/// Why an organization was not purged.
#[derive(Debug, thiserror::Error)]
pub enum NotPurged {
    /// It is active.
    #[error("the organization is active; deactivate it first, and purge it 30 days later")]
    Active,
    /// It was active not long ago.
    #[error("the organization was deactivated less than 30 days ago")]
    TooEarly,
    /// It is the platform's, or not there.
    #[error(transparent)]
    NotChanged(#[from] NotChanged),
    /// The database.
    #[error(transparent)]
    Storage(#[from] DbError),
}

/// Deletes every row of an organization that was deactivated 30 days ago, in one transaction, and tells how many. Its audit trail
/// stays, append-only as it is, and so do the seals over it; so does its row, without name, slug and document, so that both can be
/// verified. Others can have its slug and document from then on.
///
/// # Errors
/// [`NotPurged`]; nothing is deleted then.
pub async fn purge(
    db: &Db,
    tables: &Schema,
    platform: OrganizationId,
    organization: &OrganizationView,
) -> Result<u64, NotPurged> {
    if organization.id == platform {
        return Err(NotChanged::Platform.into());
    }
    let actor = Actor::system("tenant purge");
    let granted = Granted::<OrganizationDelete>::for_operator("tenant purge", Arc::new(actor.clone()), platform);
    let is_deleted = |name: &str| {
        let is_tenant = tables.get(name).is_some_and(|table| is_tenant(name, table));
        is_tenant && !name.starts_with("audit_")
    };
    // Each before those that it refers to.
    let order = referred_first(tables)?.into_iter().rev();
    let deletions: Arc<[String]> = order
        .filter(|name| is_deleted(name))
        .map(|table| format!("DELETE FROM {table} WHERE organization_id = $1"))
        .collect();
    let id = organization.id;
    let context = UnitContext::system(actor, platform, LEAVING).long();
    db.write(context, move |uow| {
        let (granted, deletions) = (granted.clone(), Arc::clone(&deletions));
        async move {
            let since = organization::deactivated_at(&uow, id).await?.ok_or(NotPurged::Active)?;
            if uow.now().since(since) < KEPT_FOR {
                return Err(NotPurged::TooEarly);
            }
            // Before the rows, so that nobody adds any.
            organization::bury(&granted, &uow, platform, id).await?;
            let mut deleted = 0;
            for text in deletions.iter() {
                deleted += uow.scope(id).execute(&Sql::tenant(text), &[]).await?;
            }
            Ok(deleted)
        }
    })
    .await
}
