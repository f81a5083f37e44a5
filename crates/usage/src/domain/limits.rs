//! The quotas of an organization, as one metric in one period is held against them.

use contracts::catalog::{Quota, QuotaMode};
use kernel::Timestamp;

use super::metric::is_level;
use super::window::Window;

/// The shares of a limit, in percent, that are told once a period.
pub(crate) const TOLD: [i64; 2] = [80, 100];

/// The quotas in force at an instant.
#[derive(Debug, Clone, Default)]
pub(crate) struct Limits(Vec<Quota>);

impl Limits {
    /// Of all quotas, those in force now.
    pub(crate) fn in_force(mut quotas: Vec<Quota>, now: Timestamp) -> Self {
        quotas.retain(|quota| quota.in_force.contains(now));
        Self(quotas)
    }

    /// The same as if every one of them were soft: for what has happened already.
    pub(crate) fn softened(mut self) -> Self {
        for quota in &mut self.0 {
            quota.mode = QuotaMode::Soft;
        }
        self
    }

    /// What a metric is held against in a period. A level has quotas of whatever period and one value: it is held against the
    /// least of the hard ones.
    pub(crate) fn of(&self, metric: &str, window: Window) -> Option<&Quota> {
        let is_level = is_level(metric);
        self.0
            .iter()
            .filter(|quota| quota.metric == metric && (is_level || quota.period == window.period))
            .min_by_key(|quota| (quota.mode == QuotaMode::Soft, quota.limit))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Quota> {
        self.0.iter()
    }
}

/// What use must not exceed; a soft quota holds nobody back.
pub(crate) fn ceiling(quota: Option<&Quota>) -> i64 {
    match quota {
        Some(quota) if quota.mode == QuotaMode::Hard => quota.limit,
        _ => i64::MAX,
    }
}

/// The greatest of the shares that are [told](TOLD) which is reached; 0 when none is. A limit of nothing is reached by anything.
pub(crate) fn level_reached(used: i64, limit: i64) -> i64 {
    let is_reached = |percent: i64| {
        if limit <= 0 {
            used > 0
        } else {
            i128::from(used) * 100 >= i128::from(limit) * i128::from(percent)
        }
    };
    TOLD.into_iter().rev().find(|percent| is_reached(*percent)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use authz::snapshot::Period;
    use contracts::catalog::QuotaPeriod;

    use super::*;

    fn quota(metric: &str, limit: i64, period: QuotaPeriod, mode: QuotaMode) -> Quota {
        Quota {
            metric: metric.to_owned(),
            limit,
            period,
            mode,
            is_override: false,
            in_force: Period::ALWAYS,
        }
    }

    #[test]
    fn shares_are_reached_exactly() {
        for (used, limit, share) in [
            (0, 100, 0),
            (79, 100, 0),
            (80, 100, 80),
            (99, 100, 80),
            (100, 100, 100),
            (250, 100, 100),
            (0, 0, 0),
            (1, 0, 100),
            (4, 5, 80),
            (i64::MAX, i64::MAX, 100),
            (i64::MAX / 100 * 79, i64::MAX, 0),
        ] {
            assert_eq!(level_reached(used, limit), share, "{used} of {limit}");
        }
    }

    #[test]
    fn a_level_is_held_against_the_least_of_its_hard_quotas() {
        let limits = Limits(vec![
            quota("users.active", 50, QuotaPeriod::Month, QuotaMode::Hard),
            quota("users.active", 3, QuotaPeriod::Day, QuotaMode::Soft),
            quota("users.active", 40, QuotaPeriod::Total, QuotaMode::Hard),
            quota("documents.signed", 7, QuotaPeriod::Month, QuotaMode::Soft),
        ]);
        let now = Timestamp::UNIX_EPOCH;
        let total = Window::at(QuotaPeriod::Total, now);
        assert_eq!(ceiling(limits.of("users.active", total)), 40);
        let month = Window::at(QuotaPeriod::Month, now);
        assert_eq!(limits.of("documents.signed", month).unwrap().limit, 7);
        assert_eq!(ceiling(limits.of("documents.signed", month)), i64::MAX);
        assert!(limits.of("documents.signed", total).is_none());
    }

    #[test]
    fn a_quota_counts_while_it_is_in_force() {
        let noon: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let mut ending = quota("documents.signed", 7, QuotaPeriod::Month, QuotaMode::Hard);
        ending.in_force.until = Some(noon);
        let before = Limits::in_force(vec![ending.clone()], noon.minus(std::time::Duration::from_micros(1)));
        assert_eq!(
            (
                before.iter().count(),
                Limits::in_force(vec![ending], noon).iter().count()
            ),
            (1, 0)
        );
    }
}
