//! Why a use case did not happen.

use db::DbError;

use crate::domain::PlatformOrganization;

/// Why not.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// There is no such organization.
    NotFound,
    /// The platform organization cannot be renamed or deactivated.
    Platform,
    /// It acts in another database now.
    Moved,
    /// It is not as the client last saw it.
    Stale,
    /// The storage refused: a slug or document that is taken, or a failure.
    Storage(DbError),
}

impl From<PlatformOrganization> for Refusal {
    fn from(_: PlatformOrganization) -> Self {
        Self::Platform
    }
}

impl From<DbError> for Refusal {
    fn from(error: DbError) -> Self {
        Self::Storage(error)
    }
}
