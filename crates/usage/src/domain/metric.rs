//! Names of what is counted.

use contracts::usage::{API_REQUESTS, STORAGE_BYTES, USERS_ACTIVE};
use kernel::{Rule, RuleViolation};

/// The name of a metric. None is declared anywhere: what is reported under a name is counted under it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Metric(String);

impl Metric {
    /// How a metric is written.
    pub(crate) const PATTERN: &'static str = "^[a-z][a-z0-9_.]{0,63}$";
    /// An example of one.
    pub(crate) const EXAMPLE: &'static str = "documents.signed";

    /// Any metric, the platform's among them.
    pub(crate) fn new(raw: &str) -> Result<Self, RuleViolation> {
        let mut bytes = raw.bytes();
        let begins = bytes.next().is_some_and(|first| first.is_ascii_lowercase());
        let goes_on = bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.".contains(&byte));
        if begins && goes_on && raw.len() <= 64 {
            Ok(Self(raw.to_owned()))
        } else {
            Err(RuleViolation::new(
                "metric",
                Rule::InvalidFormat {
                    expected: Self::PATTERN,
                },
            ))
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A metric that may be reported: the platform counts its own by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ReportedMetric(Metric);

impl ReportedMetric {
    pub(crate) fn new(raw: &str) -> Result<Self, RuleViolation> {
        let metric = Metric::new(raw)?;
        if is_platform(metric.as_str()) {
            return Err(RuleViolation::new("metric", Rule::Reserved));
        }
        Ok(Self(metric))
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// Whether the platform counts it by itself.
pub(crate) fn is_platform(metric: &str) -> bool {
    [USERS_ACTIVE, API_REQUESTS, STORAGE_BYTES].contains(&metric)
}

/// Whether it is a level, such as how many users there are: no period resets it, and what its changes sum up to is what it is.
pub(crate) fn is_level(metric: &str) -> bool {
    [USERS_ACTIVE, STORAGE_BYTES].contains(&metric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_written_in_lower_case_with_dots() {
        for good in ["a", "documents.signed", "a1_b.c", &"x".repeat(64)] {
            assert_eq!(Metric::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "A", "1a", ".a", "_a", "a-b", "a b", "ação", &"x".repeat(65)] {
            let refused = Metric::new(bad).unwrap_err();
            assert_eq!(
                refused.rule,
                Rule::InvalidFormat {
                    expected: Metric::PATTERN
                },
                "{bad:?}"
            );
        }
    }

    #[test]
    fn what_the_platform_counts_is_not_reported() {
        for own in ["users.active", "api.requests", "storage.bytes"] {
            assert!(Metric::new(own).is_ok());
            assert_eq!(ReportedMetric::new(own).unwrap_err().rule, Rule::Reserved);
        }
        assert_eq!(
            ReportedMetric::new("users.activated").unwrap().as_str(),
            "users.activated"
        );
        assert!(is_level("users.active") && is_level("storage.bytes") && !is_level("api.requests"));
    }
}
