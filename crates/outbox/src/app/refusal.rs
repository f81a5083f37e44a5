//! Why a use case did not happen.

use db::DbError;

/// Why not.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// There is no such endpoint or delivery.
    NotFound,
    /// It is not as the client last saw it.
    Stale,
    /// It arrived already.
    Delivered,
    /// Its endpoint was removed.
    EndpointGone,
    /// The storage refused.
    Storage(DbError),
}

impl From<DbError> for Refusal {
    fn from(error: DbError) -> Self {
        Self::Storage(error)
    }
}
