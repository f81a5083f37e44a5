//! Counts what is consumed, and holds it against the quotas: the last thing a unit does.

use std::collections::BTreeMap;
use std::sync::Arc;

use contracts::catalog::Quota;
use contracts::mail::{Mailbox, NoticeKind};
use contracts::usage::{QuotaExceeded, ReserveError};
use db::{DbError, Engine, UnitOfWork};
use kernel::{DomainEvent, Id as _, OrganizationId, Timestamp};
use sha2::{Digest as _, Sha256};

use crate::domain::{Limits, TOLD, Window, bucket_of, ceiling, level_reached, windows};
use crate::manifest::THRESHOLD_REACHED;
use crate::store::counters::{Share, Taken};
use crate::store::events::Sum;
use crate::store::{aggregates, counters};
use crate::view::{QuotaId, ThresholdView};

/// Something that was consumed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Portion<'m> {
    pub(crate) metric: &'m str,
    pub(crate) at: Timestamp,
    /// At least 0.
    pub(crate) quantity: i64,
}

/// What consuming needs beside the unit of work.
#[derive(Clone)]
pub(crate) struct Means {
    pub(crate) engine: Engine,
    /// Where those are told who administer the organization, in a program with mail.
    pub(crate) mailbox: Option<Arc<dyn Mailbox>>,
}

/// Adds the portions to the sums and to the counters, all of them or, when a hard quota does not reach, none: the unit has to end
/// with the error then.
pub(crate) async fn consume(
    uow: &UnitOfWork,
    means: &Means,
    organization: OrganizationId,
    limits: &Limits,
    portions: &[Portion<'_>],
) -> Result<(), ReserveError> {
    if portions.is_empty() {
        return Ok(());
    }
    aggregates::add(uow, means.engine, organization, &sums(portions)).await?;
    count(uow, means, organization, limits, portions).await
}

/// Adds the portions to the counters alone: requests are counted in blocks before they are made, and summed up after.
pub(crate) async fn count(
    uow: &UnitOfWork,
    means: &Means,
    organization: OrganizationId,
    limits: &Limits,
    portions: &[Portion<'_>],
) -> Result<(), ReserveError> {
    let shares = shares(limits, portions);
    if shares.is_empty() {
        return Ok(());
    }
    let taken = counters::take(uow, means.engine, organization, &shares).await?;
    if taken.len() < shares.len() {
        return Err(refusal(uow, organization, limits, &shares, &taken).await?);
    }
    for counter in &taken {
        if let Some(quota) = limits.of(&counter.metric, counter.window) {
            tell(uow, means, organization, quota, counter).await?;
        }
    }
    Ok(())
}

/// Takes back what was consumed, from the sums and from the counters of the periods that go on.
pub(crate) async fn give_back(
    uow: &UnitOfWork,
    engine: Engine,
    organization: OrganizationId,
    metric: &str,
    quantity: i64,
) -> Result<(), DbError> {
    let change = Sum {
        metric: metric.to_owned(),
        bucket: bucket_of(uow.now()),
        quantity: quantity.saturating_neg(),
        events: 1,
    };
    aggregates::add(uow, engine, organization, &[change]).await?;
    counters::give_back(uow, organization, metric, quantity, uow.now()).await
}

/// What the portions add up to in each quarter of an hour, in the order of the table's key.
pub(crate) fn sums(portions: &[Portion<'_>]) -> Vec<Sum> {
    let mut sums: BTreeMap<(&str, Timestamp), (i64, i64)> = BTreeMap::new();
    for portion in portions {
        let (quantity, events) = sums.entry((portion.metric, bucket_of(portion.at))).or_default();
        *quantity = quantity.saturating_add(portion.quantity);
        *events += 1;
    }
    let sum = |((metric, bucket), (quantity, events)): ((&str, Timestamp), (i64, i64))| Sum {
        metric: metric.to_owned(),
        bucket,
        quantity,
        events,
    };
    sums.into_iter().map(sum).collect()
}

/// What the portions take of each period. What takes nothing is not held against anything.
fn shares<'m>(limits: &Limits, portions: &[Portion<'m>]) -> Vec<Share<'m>> {
    let mut shares: BTreeMap<(&'m str, &'static str, Timestamp), Share<'m>> = BTreeMap::new();
    for portion in portions.iter().filter(|portion| portion.quantity > 0) {
        for window in windows(portion.metric, portion.at) {
            let key = (portion.metric, window.period.as_str(), window.starts_at);
            let share = shares.entry(key).or_insert_with(|| Share {
                metric: portion.metric,
                window,
                quantity: 0,
                ceiling: ceiling(limits.of(portion.metric, window)),
            });
            share.quantity = share.quantity.saturating_add(portion.quantity);
        }
    }
    shares.into_values().collect()
}

/// Which quota does not reach.
async fn refusal(
    uow: &UnitOfWork,
    organization: OrganizationId,
    limits: &Limits,
    shares: &[Share<'_>],
    taken: &[Taken],
) -> Result<ReserveError, DbError> {
    let is_taken = |share: &&Share<'_>| {
        let is_it = |counter: &Taken| counter.metric == share.metric && counter.window == share.window;
        !taken.iter().any(is_it)
    };
    let refused = shares.iter().find(is_taken);
    let quota = refused.and_then(|share| Some((share, limits.of(share.metric, share.window)?)));
    let Some((share, quota)) = quota else {
        return Err(DbError::Internal("a counter without a quota was not changed".into()));
    };
    let used = counters::used(uow.scope(organization).reads(), share.metric, share.window).await?;
    Ok(exceeded(quota, share.window, used, uow.now()).into())
}

/// The refusal by a quota.
pub(crate) fn exceeded(quota: &Quota, window: Window, used: i64, now: Timestamp) -> QuotaExceeded {
    let resets_at = window.ends_at();
    QuotaExceeded {
        metric: quota.metric.clone(),
        limit: quota.limit,
        used,
        period: quota.period,
        resets_at,
        // A period that is over never begins anew, however late something is counted in it.
        resets_in: resets_at.filter(|end| *end > now).map(|end| end.since(now)),
    }
}

/// Tells shares of the limit that are reached now: each once a period, and anew for a limit that was raised meanwhile.
async fn tell(
    uow: &UnitOfWork,
    means: &Means,
    organization: OrganizationId,
    quota: &Quota,
    counter: &Taken,
) -> Result<(), DbError> {
    let told = if quota.limit > counter.told_limit {
        0
    } else {
        counter.told
    };
    let reached = level_reached(counter.used, quota.limit);
    if reached <= told {
        return Ok(());
    }
    counters::tell(uow, organization, counter, reached, quota.limit).await?;
    let id = quota_id(organization, quota);
    for percent in TOLD.into_iter().filter(|share| (told + 1..=reached).contains(share)) {
        let event = DomainEvent::new(THRESHOLD_REACHED, id).changed("percent", told, percent);
        let view = ThresholdView {
            id,
            metric: quota.metric.clone(),
            limit: quota.limit,
            used: counter.used,
            period: quota.period.as_str(),
            mode: quota.mode.as_str(),
            resets_at: counter.window.ends_at(),
            percent,
        };
        uow.record_all(organization, [event], &view)?;
    }
    if let Some(mailbox) = &means.mailbox {
        // Of two shares that are reached at once the greater says all.
        let kind = NoticeKind::QuotaThreshold {
            metric: quota.metric.clone(),
            percent: u8::try_from(reached).unwrap_or(u8::MAX),
        };
        mailbox.queue_for_administrators(uow, organization, &kind).await?;
    }
    Ok(())
}

/// The same id for the same metric and period of an organization, whoever defines the quota: a quota has no row of its own.
fn quota_id(organization: OrganizationId, quota: &Quota) -> QuotaId {
    let mut digest = Sha256::new();
    digest.update(organization.as_uuid().as_bytes());
    digest.update(quota.period.as_str());
    digest.update([0]);
    digest.update(&quota.metric);
    let mut bytes = [0; 16];
    for (byte, digested) in bytes.iter_mut().zip(digest.finalize()) {
        *byte = digested;
    }
    QuotaId::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

#[cfg(test)]
mod tests {
    use authz::snapshot::Period;
    use contracts::catalog::{QuotaMode, QuotaPeriod};
    use uuid::Uuid;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn portion<'m>(metric: &'m str, instant: &str, quantity: i64) -> Portion<'m> {
        Portion {
            metric,
            at: at(instant),
            quantity,
        }
    }

    #[test]
    fn a_batch_is_summed_up_in_the_order_of_the_keys() {
        let portions = [
            portion("b", "2026-11-21T12:14:59Z", 2),
            portion("a", "2026-11-21T12:15:00Z", 3),
            portion("b", "2026-11-21T12:00:00Z", 5),
            portion("a", "2026-11-21T12:00:00Z", 0),
        ];
        let told: Vec<_> = sums(&portions)
            .into_iter()
            .map(|sum| (sum.metric, sum.bucket, sum.quantity, sum.events))
            .collect();
        let (first, second) = (at("2026-11-21T12:00:00Z"), at("2026-11-21T12:15:00Z"));
        assert_eq!(
            told,
            [
                ("a".to_owned(), first, 0, 1),
                ("a".to_owned(), second, 3, 1),
                ("b".to_owned(), first, 7, 2)
            ]
        );
    }

    #[test]
    fn each_portion_counts_in_its_own_periods() {
        let quota = Quota {
            metric: "a".to_owned(),
            limit: 7,
            period: QuotaPeriod::Day,
            mode: QuotaMode::Hard,
            is_override: false,
            in_force: Period::ALWAYS,
        };
        let limits = Limits::in_force(vec![quota], Timestamp::UNIX_EPOCH);
        let portions = [
            portion("a", "2026-11-21T12:00:00Z", 1),
            portion("a", "2026-10-31T23:59:00Z", 2),
            portion("a", "2026-11-21T11:00:00Z", 4),
            portion("a", "2026-11-21T11:00:00Z", 0),
        ];
        let told: Vec<_> = shares(&limits, &portions)
            .into_iter()
            .map(|share| {
                (
                    share.window.period.as_str(),
                    share.window.starts_at,
                    share.quantity,
                    share.ceiling,
                )
            })
            .collect();
        let free = i64::MAX;
        assert_eq!(
            told,
            [
                ("day", at("2026-10-31T00:00:00Z"), 2, 7),
                ("day", at("2026-11-21T00:00:00Z"), 5, 7),
                ("hour", at("2026-10-31T23:00:00Z"), 2, free),
                ("hour", at("2026-11-21T11:00:00Z"), 4, free),
                ("hour", at("2026-11-21T12:00:00Z"), 1, free),
                ("month", at("2026-10-01T00:00:00Z"), 2, free),
                ("month", at("2026-11-01T00:00:00Z"), 5, free),
                ("total", Timestamp::UNIX_EPOCH, 7, free),
            ]
        );
    }

    #[test]
    fn a_quota_has_one_id_for_good() {
        let organization = OrganizationId::from_uuid(Uuid::from_u128(7));
        let quota = |metric: &str, limit, period| Quota {
            metric: metric.to_owned(),
            limit,
            period,
            mode: QuotaMode::Soft,
            is_override: false,
            in_force: Period::ALWAYS,
        };
        let day = quota_id(organization, &quota("a", 1, QuotaPeriod::Day));
        assert_eq!(day, quota_id(organization, &quota("a", 2, QuotaPeriod::Day)));
        assert_ne!(day, quota_id(organization, &quota("a", 1, QuotaPeriod::Hour)));
        assert_ne!(
            day,
            quota_id(OrganizationId::from_uuid(Uuid::nil()), &quota("a", 1, QuotaPeriod::Day))
        );
    }
}
