//! Why a use case did not happen.

use contracts::usage::ReserveError;
use db::DbError;
use kernel::RuleViolation;

/// Why not.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// There is no such thing.
    NotFound,
    /// What was asked for breaks rules.
    Violations(Vec<RuleViolation>),
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
