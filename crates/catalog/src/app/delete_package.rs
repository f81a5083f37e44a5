//! Deleting a package.

use authz::Granted;
use contracts::catalog::PackageId;
use db::{DbError, UnitOfWork};

use super::Refusal;
use crate::domain::Package;
use crate::manifest::PackageDelete;
use crate::store::packages;

/// Deletes a package that no organization is on. That none is, is for the reference to say: one that is put on it at the same moment
/// would not be seen by a query.
///
/// # Errors
/// [`Refusal`]: not found, stale, in use.
pub(crate) async fn delete_package(
    granted: &Granted<PackageDelete>,
    uow: &UnitOfWork,
    id: PackageId,
    is_current: impl FnOnce(&Package) -> bool,
) -> Result<(), Refusal> {
    let mut package = packages::lock(uow, id).await?.ok_or(Refusal::NotFound)?;
    if !is_current(&package) {
        return Err(Refusal::Stale);
    }
    package.delete();
    match packages::remove(uow, granted.organization(), &mut package).await {
        Err(DbError::ForeignKey(_)) => Err(Refusal::PackageInUse),
        removed => Ok(removed?),
    }
}
