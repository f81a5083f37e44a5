//! The seeds: what every installation has before anybody does anything. Laid at each start; what is there already stays.

use catalog::{CatalogueSeeded, SeedCatalogueError};
use db::{Db, DbError};
use kernel::{Generators, OrganizationId};

use crate::app::modules;

/// Lays the platform organization and the catalogue, and tells the platform's id. The system roles are laid by the context that
/// has them, when it starts.
///
/// # Errors
///
/// [`DbError`].
pub async fn lay(db: &Db, generators: &Generators) -> Result<OrganizationId, DbError> {
    let platform = organization::seed_platform(db, generators.id()).await?;
    let manifests: Vec<_> = modules().into_iter().map(|module| module.manifest).collect();
    catalog::seed(db, platform, manifests).await?;
    lay_catalogue(db, platform, None).await?;
    Ok(platform)
}

/// Lays business modules and packages as the catalogue file says: `replacement` from now on, or the one that is in use.
///
/// # Errors
///
/// [`DbError`], with a file that is invalid among it.
pub async fn lay_catalogue(
    db: &Db,
    platform: OrganizationId,
    replacement: Option<&str>,
) -> Result<CatalogueSeeded, DbError> {
    let seeded = match catalog::seed_catalogue(db, platform, replacement).await {
        // Another node laid them at the same moment: now they are there.
        Err(SeedCatalogueError::Storage(DbError::Unique { .. })) => {
            catalog::seed_catalogue(db, platform, replacement).await
        }
        seeded => seeded,
    };
    let seeded = seeded.map_err(|error| match error {
        SeedCatalogueError::Storage(error) => error,
        invalid => DbError::Internal(invalid.to_string()),
    })?;
    if !seeded.removed.is_empty() {
        let removed = seeded.removed.join(", ");
        tracing::warn!(
            removed,
            "the catalogue file does not have these any more; they stay as they are"
        );
    }
    Ok(seeded)
}
