//! What a client hears when a quota is used up.

use std::time::Duration;

use axum::http::HeaderValue;
use contracts::usage::{QuotaExceeded, ReserveError};
use serde_json::json;

use crate::edge::{RATE_LIMIT, RATE_REMAINING, RATE_RESET};
use crate::error::{ApiError, Details, ErrorCode};

/// When to ask again where no period ends: somebody has to give something back, or the quota has to grow.
const NEVER_RESETS: Duration = Duration::from_secs(60 * 60);

impl From<QuotaExceeded> for ApiError {
    fn from(exceeded: QuotaExceeded) -> Self {
        let wait = exceeded.resets_in.unwrap_or(NEVER_RESETS);
        let remaining = exceeded.limit.saturating_sub(exceeded.used).max(0);
        let details = json!({
            "metric": exceeded.metric,
            "limit": exceeded.limit,
            "used": exceeded.used,
            "period": exceeded.period.as_str(),
            "resetsAt": exceeded.resets_at,
        });
        Self::new(ErrorCode::RateLimitQuotaExceeded)
            .with_details(Details::Other(details))
            .retry_after(wait)
            .with_header(RATE_LIMIT, HeaderValue::from(exceeded.limit))
            .with_header(RATE_REMAINING, HeaderValue::from(remaining))
            .with_header(RATE_RESET, HeaderValue::from(wait.as_secs()))
    }
}

impl From<ReserveError> for ApiError {
    fn from(error: ReserveError) -> Self {
        match error {
            ReserveError::Exceeded(exceeded) => exceeded.into(),
            ReserveError::Storage(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use contracts::catalog::QuotaPeriod;
    use db::DbError;

    use super::*;

    #[test]
    fn who_used_up_a_quota_hears_which_and_until_when() {
        let exceeded = QuotaExceeded {
            metric: "documents.signed".to_owned(),
            limit: 100,
            used: 98,
            period: QuotaPeriod::Hour,
            resets_at: "2026-11-21T13:00:00Z".parse().ok(),
            resets_in: Some(Duration::from_millis(90_500)),
        };
        let refusal = ApiError::from(ReserveError::Exceeded(exceeded));
        assert_eq!(refusal.code(), ErrorCode::RateLimitQuotaExceeded);
        let details = json!({
            "metric": "documents.signed", "limit": 100, "used": 98, "period": "hour",
            "resetsAt": "2026-11-21T13:00:00.000000Z",
        });
        assert_eq!(*refusal.details(), Details::Other(details));
        let headers: Vec<(String, String)> = refusal
            .headers()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
            .collect();
        for (name, value) in [
            ("retry-after", "91"),
            ("ratelimit-limit", "100"),
            ("ratelimit-remaining", "2"),
            ("ratelimit-reset", "90"),
        ] {
            assert!(
                headers.contains(&(name.to_owned(), value.to_owned())),
                "{name} {headers:?}"
            );
        }
    }

    #[test]
    fn a_database_that_cannot_take_it_is_no_quota() {
        let refusal = ApiError::from(ReserveError::Storage(DbError::Timeout));
        assert_eq!(refusal.code(), ErrorCode::InternalUnavailable);
    }
}
