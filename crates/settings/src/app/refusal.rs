//! Why a use case did not happen.

use db::DbError;

/// Why not.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It is not as the client last saw it.
    Stale,
    /// The storage refused.
    Storage(DbError),
}

impl From<DbError> for Refusal {
    fn from(error: DbError) -> Self {
        Self::Storage(error)
    }
}
