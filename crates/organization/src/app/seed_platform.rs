//! Seeding the platform organization.

use contracts::organization::PLATFORM_SLUG;
use db::{Db, DbError, UnitContext};
use kernel::{Actor, OrganizationId};

use crate::domain::{Name, NewOrganization, Organization, Slug};
use crate::store::organizations;

/// The platform organization's id, if it has been seeded.
///
/// # Errors
/// [`DbError`].
pub async fn platform(db: &Db) -> Result<Option<OrganizationId>, DbError> {
    let found = organizations::find_by_slug(db.global(), PLATFORM_SLUG).await?;
    Ok(found.map(|organization| organization.state().id))
}

/// Makes the platform organization where there is none, and tells its id. Two nodes that start together make one.
///
/// # Errors
/// [`DbError`].
pub async fn seed_platform(db: &Db, id: OrganizationId) -> Result<OrganizationId, DbError> {
    if let Some(id) = platform(db).await? {
        return Ok(id);
    }
    let context = UnitContext::tenant(Actor::system("seed"), id);
    let made = db.write(context, move |uow| async move {
        let invalid = |violation: kernel::RuleViolation| DbError::Internal(violation.to_string());
        let new = NewOrganization {
            name: Name::new("Platform").map_err(invalid)?,
            slug: Slug::new(PLATFORM_SLUG).map_err(invalid)?,
            document: None,
        };
        let mut organization = Organization::create(id, new, uow.now());
        organizations::add(&uow, &mut organization).await
    });
    match made.await {
        // Another node was faster.
        Ok(()) | Err(DbError::Unique { .. }) => {}
        Err(error) => return Err(error),
    }
    platform(db)
        .await?
        .ok_or_else(|| DbError::Internal("the platform organization was not made".into()))
}
