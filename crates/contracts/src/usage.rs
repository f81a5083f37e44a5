//! Quotas as others hold themselves to them.

use std::time::Duration;

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
    /// How long that is from now.
    pub resets_in: Option<Duration>,
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
    /// Reserves, or gives back when `quantity` is negative. It is the last thing that a unit does: the rows of an organization
    /// and metric are held until COMMIT. The limits are those that hold as the unit sees them, and a unit that rolls back has
    /// reserved nothing.
    ///
    /// [`USERS_ACTIVE`] and [`STORAGE_BYTES`] are levels, which no period resets: what was reserved counts until it is given
    /// back. Every other metric counts within the quota's period.
    ///
    /// # Errors
    /// [`ReserveError::Exceeded`] when a hard quota does not reach; the unit then has to end with it.
    fn reserve<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        organization: OrganizationId,
        metric: &'a str,
        quantity: i64,
    ) -> BoxFuture<'a, Result<(), ReserveError>>;
}

/// Counts anew what organizations store, for [`STORAGE_BYTES`]. Provided by whoever stores it.
pub trait StoredBytes: Send + Sync {
    /// How many bytes each of the organizations stores, in their order.
    ///
    /// # Errors
    /// [`DbError`].
    fn stored_bytes<'a>(&'a self, organizations: &'a [OrganizationId]) -> BoxFuture<'a, Result<Vec<u64>, DbError>>;
}

/// Counts the requests of organizations and holds them to their quotas of [`API_REQUESTS`], from memory. Provided by usage.
pub trait RequestMeter: Send + Sync {
    /// Counts one request of the organization, if its quotas let it through.
    fn count(&self, organization: OrganizationId) -> Metered<'_>;
}

/// What a meter says of one request.
pub enum Metered<'a> {
    /// It is known at once.
    Known(Result<(), QuotaExceeded>),
    /// The database has to be asked first: for the next block of requests, or whether the quotas are still what they were.
    Asking(BoxFuture<'a, Result<(), ReserveError>>),
}
