//! Why a use case did not happen.

use db::DbError;

/// Why not.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// There is no such role.
    NotFound,
    /// It is a system role, which nobody changes.
    SystemRole,
    /// The code is a system role's.
    ReservedCode,
    /// It is not as the client last saw it.
    Stale,
    /// The storage refused: a code that is taken, or a failure.
    Storage(DbError),
}

impl From<DbError> for Refusal {
    fn from(error: DbError) -> Self {
        Self::Storage(error)
    }
}
