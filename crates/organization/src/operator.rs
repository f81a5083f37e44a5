//! What the command line does with organizations, beside what the API does.

use authz::Granted;
use contracts::organization::OrganizationView;
use db::list::Start;
use db::{Db, DbError, UnitOfWork};
use kernel::{Direction, OrganizationId, PageRequest, Timestamp};

use crate::app::{Refusal, deactivate_organization, tell_nodes};
use crate::domain::{Organization, PlatformOrganization};
use crate::manifest::{OrganizationDelete, OrganizationUpdate};
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
    /// It is in another database.
    #[error("the organization was moved to another database")]
    Moved,
    /// Its move was not begun, or was given up.
    #[error("the organization was activated meanwhile: its move was given up")]
    NotFrozen,
    /// The database.
    #[error(transparent)]
    Storage(#[from] DbError),
}

impl From<Refusal> for NotChanged {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound | Refusal::Stale => Self::NotFound,
            Refusal::Platform => Self::Platform,
            Refusal::Moved => Self::Moved,
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
    let mut organization = locked(uow, id).await?;
    organization
        .bury(uow.now())
        .map_err(|PlatformOrganization| NotChanged::Platform)?;
    organizations::bury(uow, platform, &mut organization).await?;
    tell_nodes(uow, id);
    Ok(())
}

/// Since when an organization is not active; `None` while it is. It is held until the unit ends.
///
/// # Errors
/// [`NotChanged::NotFound`], or the database's.
pub async fn deactivated_at(uow: &UnitOfWork, id: OrganizationId) -> Result<Option<Timestamp>, NotChanged> {
    Ok(locked(uow, id).await?.deactivated_at())
}

/// How far an organization's move to another database has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whereabouts {
    /// Since when it is on its way.
    pub frozen_at: Option<Timestamp>,
    /// The database that it went to.
    pub moved_to: Option<String>,
}

/// How far an organization's move has come; `None` when there is no such organization.
///
/// # Errors
/// [`DbError`].
pub async fn whereabouts(db: &Db, id: OrganizationId) -> Result<Option<Whereabouts>, DbError> {
    Ok(organizations::find(db.global(), id).await?.map(|organization| {
        let ending = &organization.state().ending;
        Whereabouts {
            frozen_at: ending.frozen_at,
            moved_to: ending.moved_to.clone(),
        }
    }))
}

/// Begins an organization's move to another database: its access ends, and nothing leaves for it in the background. Activating it
/// gives the move up.
///
/// # Errors
/// [`NotChanged`].
pub async fn freeze(_: &Granted<OrganizationDelete>, uow: &UnitOfWork, id: OrganizationId) -> Result<(), NotChanged> {
    let mut organization = locked(uow, id).await?;
    organization.freeze(uow.now()).map_err(Refusal::from)?;
    if organizations::save(uow, &mut organization).await? {
        tell_nodes(uow, id);
    }
    Ok(())
}

/// Ends an organization's move where it came from: it went to the database `to`. `platform` is told.
///
/// # Errors
/// [`NotChanged`].
pub async fn leave(
    _: &Granted<OrganizationDelete>,
    uow: &UnitOfWork,
    platform: OrganizationId,
    id: OrganizationId,
    to: &str,
) -> Result<(), NotChanged> {
    let mut organization = locked(uow, id).await?;
    organization.leave(to, uow.now()).map_err(|_| NotChanged::NotFrozen)?;
    organizations::save_told_in(uow, platform, &mut organization).await?;
    Ok(())
}

/// Ends an organization's move where it went to: it is as it was before. One that is not on its way is left as it is.
///
/// # Errors
/// [`NotChanged`].
pub async fn arrive(_: &Granted<OrganizationUpdate>, uow: &UnitOfWork, id: OrganizationId) -> Result<(), NotChanged> {
    let mut organization = locked(uow, id).await?;
    organization.arrive(uow.now());
    if organizations::save(uow, &mut organization).await? {
        // Its row was copied, and counted by nobody unless a job found it meanwhile.
        organizations::recount(uow, id).await?;
        tell_nodes(uow, id);
    }
    Ok(())
}

async fn locked(uow: &UnitOfWork, id: OrganizationId) -> Result<Organization, NotChanged> {
    organizations::lock(uow, id).await?.ok_or(NotChanged::NotFound)
}
