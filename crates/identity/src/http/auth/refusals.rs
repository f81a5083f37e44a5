//! What refusals of this part say.

use http::{ApiError, ErrorCode};
use kernel::Timestamp;

use crate::app::{ChangeRefusal, LoginRefusal, RefreshRefusal};

/// Too many failed attempts; when to come back.
fn locked(until: Timestamp, now: Timestamp) -> ApiError {
    ApiError::new(ErrorCode::AuthAccountLocked).retry_after(until.since(now))
}

impl LoginRefusal {
    /// The refusal as it is told at `now`.
    pub(crate) fn told(self, now: Timestamp) -> ApiError {
        match self {
            Self::Wrong => ApiError::new(ErrorCode::AuthInvalidCredentials),
            Self::Locked(until) => locked(until, now),
            Self::Crypto(refusal) => refusal.into(),
            Self::Storage(error) => error.into(),
        }
    }
}

impl ChangeRefusal {
    /// The refusal as it is told at `now`.
    pub(crate) fn told(self, now: Timestamp) -> ApiError {
        match self {
            Self::NotFound => ApiError::not_found(),
            Self::Stale => ApiError::new(ErrorCode::ConflictVersion),
            Self::Violations(violations) => ApiError::violations(violations),
            Self::Locked(until) => locked(until, now),
            Self::Crypto(refusal) => refusal.into(),
            Self::Storage(error) => error.into(),
        }
    }
}

impl From<RefreshRefusal> for ApiError {
    fn from(refusal: RefreshRefusal) -> Self {
        match refusal {
            RefreshRefusal::Invalid => Self::new(ErrorCode::AuthInvalidToken),
            RefreshRefusal::TenantInactive => Self::new(ErrorCode::TenantInactive),
            RefreshRefusal::Ended => Self::new(ErrorCode::AuthSessionRevoked),
            RefreshRefusal::Reused => Self::new(ErrorCode::AuthRefreshReused),
            RefreshRefusal::Crypto(refusal) => refusal.into(),
            RefreshRefusal::Storage(error) => error.into(),
        }
    }
}
