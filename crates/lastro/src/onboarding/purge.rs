//! The end of a customer: its rows are deleted for good.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use authz::Granted;
use contracts::organization::OrganizationView;
use db::schema::{Schema, is_tenant};
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
    let deletions: Arc<[String]> = in_order(tables)
        .into_iter()
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

/// The tables of organizations, each before those that it refers to. Those of the trail are not among them.
fn in_order(tables: &Schema) -> Vec<&str> {
    let mut left: BTreeSet<&str> = tables
        .iter()
        .filter(|(name, table)| is_tenant(name, table) && !name.starts_with("audit_"))
        .map(|(name, _)| name.as_str())
        .collect();
    let mut ordered = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let referred: BTreeSet<&str> = left
            .iter()
            .filter_map(|name| Some((*name, tables.get(*name)?)))
            .flat_map(|(name, table)| table.foreign_keys.iter().map(move |(_, to, _)| (name, to.as_str())))
            .filter(|(name, to)| name != to)
            .map(|(_, to)| to)
            .collect();
        let free: Vec<&str> = left.iter().filter(|name| !referred.contains(*name)).copied().collect();
        if free.is_empty() {
            // Tables that refer to each other: their references are deferred or nullable, or the deletion says so.
            ordered.extend(left);
            break;
        }
        for name in free {
            left.remove(name);
            ordered.push(name);
        }
    }
    ordered
}
