//! The seeds: what every installation has before anybody does anything. Laid at each start; what is there already stays.

use db::{Db, DbError};
use kernel::{Generators, OrganizationId};

use crate::app::modules;

/// Lays the platform organization, the catalogue and the system roles, and tells the platform's id.
///
/// # Errors
///
/// [`DbError`].
pub async fn lay(db: &Db, generators: &Generators) -> Result<OrganizationId, DbError> {
    let platform = organization::seed_platform(db, generators.id()).await?;
    let manifests: Vec<_> = modules().into_iter().map(|module| module.manifest).collect();
    catalog::seed(db, platform, manifests).await?;
    access::seed_system_roles(db, platform).await?;
    Ok(platform)
}
