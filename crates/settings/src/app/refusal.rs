//! Why a use case did not happen.

use contracts::usage::ReserveError;
use db::DbError;

/// Why not.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It is not as the client last saw it.
    Stale,
    /// More than the organization may store, or a failure while that was counted.
    Quota(ReserveError),
    /// The storage refused.
    Storage(DbError),
}

impl From<DbError> for Refusal {
    fn from(error: DbError) -> Self {
        Self::Storage(error)
    }
}

impl From<ReserveError> for Refusal {
    fn from(error: ReserveError) -> Self {
        Self::Quota(error)
    }
}
