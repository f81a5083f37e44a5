//! Quotas as others hold themselves to them.

use db::{DbError, UnitOfWork};
use futures_util::future::BoxFuture;
use kernel::{OrganizationId, Timestamp};

use crate::catalog::QuotaPeriod;

/// How many users of an organization are active; the platform counts it itself.
pub const USERS_ACTIVE: &str = "users.active";
/// How many requests an organization made; the platform counts it itself.
pub const API_REQUESTS: &str = "api.requests";
/// How many bytes an organization stores; the platform counts it itself.
pub const STORAGE_BYTES: &str = "storage.bytes";

/// A hard quota that does not reach: 429 `RATE_LIMIT_QUOTA_EXCEEDED`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the quota of {metric} is used up: {used} of {limit}")]
pub struct QuotaExceeded {
    /// What is counted.
    pub metric: String,
    /// How much is allowed.
    pub limit: i64,
    /// How much is used.
    pub used: i64,
    /// In which period.
    pub period: QuotaPeriod,
    /// When it begins anew; never for a total.
    pub resets_at: Option<Timestamp>,
}

/// Why a reservation was not made.
#[derive(Debug, thiserror::Error)]
pub enum ReserveError {
    /// A hard quota does not reach.
    #[error(transparent)]
    Exceeded(#[from] QuotaExceeded),
    /// The database could not take it.
    #[error(transparent)]
    Storage(#[from] DbError),
}

/// Reserves quota inside the unit of work of the change that uses it. Provided by usage.
pub trait Quotas: Send + Sync {
    /// Reserves, or gives back when `quantity` is negative. It is the last statement of its unit: the row of an organization
    /// and metric is held until COMMIT.
    ///
    /// # Errors
    /// [`ReserveError`].
    fn reserve<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        organization: OrganizationId,
        metric: &'a str,
        quantity: i64,
    ) -> BoxFuture<'a, Result<(), ReserveError>>;
}
