//! What the command line does with organizations, beside what the API does.

use authz::Granted;
use contracts::organization::OrganizationView;
use db::list::Start;
use db::{AccessChange, ChangeKind, Db, DbError, UnitOfWork};
use kernel::{Direction, OrganizationId, PageRequest};

use crate::app::{Refusal, deactivate_organization};
use crate::domain::PlatformOrganization;
use crate::manifest::OrganizationDelete;
use crate::store::organizations::{self, Filter, Order};

/// Why an organization was not changed.
#[derive(Debug, thiserror::Error)]
pub enum NotChanged {
    /// There is none.
    #[error("there is no such organization")]
    NotFound,
    /// It is the platform's.
    #[error("the platform organization cannot be deactivated or purged: it operates the installation")]
    Platform,
    /// The database.
    #[error(transparent)]
    Storage(#[from] DbError),
}

impl From<Refusal> for NotChanged {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound | Refusal::Stale => Self::NotFound,
            Refusal::Platform => Self::Platform,
            Refusal::Storage(error) => Self::Storage(error),
        }
    }
}

/// Every organization by its slug, read in pages.
///
/// # Errors
/// [`DbError`].
pub async fn list(db: &Db) -> Result<Vec<OrganizationView>, DbError> {
    let first = PageRequest::new(1, i64::from(PageRequest::MAX_LIMIT)).unwrap_or_default();
    let mut all: Vec<OrganizationView> = Vec::new();
    loop {
        let last = all.last().map(|last| (last.slug.clone(), last.id));
        let start = match &last {
            None => Start::Offset,
            Some((slug, id)) => Start::After(slug.as_str().into(), (*id).into()),
        };
        let filter = Filter::default();
        let page = organizations::list(db.global(), &filter, Order::Slug, Direction::Ascending, &first, start).await?;
        all.extend(page.items);
        if !page.has_more {
            return Ok(all);
        }
    }
}

/// The organization with this slug or id.
///
/// # Errors
/// [`DbError`].
pub async fn find(db: &Db, slug_or_id: &str) -> Result<Option<OrganizationView>, DbError> {
    let by_slug = organizations::find_by_slug(db.global(), slug_or_id).await?;
    match (by_slug, slug_or_id.parse::<OrganizationId>()) {
        (Some(found), _) => Ok(Some(OrganizationView::from(&found))),
        (None, Ok(id)) => organizations::lookup(db.global(), id).await,
        (None, Err(_)) => Ok(None),
    }
}

/// Ends an organization's access. Deactivating one again changes nothing.
///
/// # Errors
/// [`NotChanged`].
pub async fn deactivate(
    granted: &Granted<OrganizationDelete>,
    uow: &UnitOfWork,
    id: OrganizationId,
) -> Result<(), NotChanged> {
    Ok(deactivate_organization(granted, uow, id, |_| true).await?)
}

/// Leaves of a deactivated organization its row, without its name, slug and document: what its trail belongs to. `platform` is
/// told.
///
/// # Errors
/// [`NotChanged`].
pub async fn bury(
    _: &Granted<OrganizationDelete>,
    uow: &UnitOfWork,
    platform: OrganizationId,
    id: OrganizationId,
) -> Result<(), NotChanged> {
    let mut organization = organizations::lock(uow, id).await?.ok_or(NotChanged::NotFound)?;
    organization
        .bury(uow.now())
        .map_err(|PlatformOrganization| NotChanged::Platform)?;
    organizations::bury(uow, platform, &mut organization).await?;
    uow.access_changed(AccessChange {
        organization_id: Some(id),
        kind: ChangeKind::Organization,
        subject: None,
        until: None,
    });
    Ok(())
}
