//! Stretches of time: the quarters of an hour that usage is summed up in, and the periods that quotas count in.

use contracts::catalog::QuotaPeriod;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use kernel::Timestamp;

use super::metric::is_level;

const MICROS_PER_HOUR: i64 = 60 * 60 * 1_000_000;
const MICROS_PER_DAY: i64 = 24 * MICROS_PER_HOUR;
/// A quarter of an hour: every offset from UTC in use is a multiple of it, so each hour and each day of every time zone is made
/// of whole ones.
pub(crate) const MICROS_PER_BUCKET: i64 = MICROS_PER_HOUR / 4;

/// The beginning of the quarter of an hour that the instant lies in.
pub(crate) fn bucket_of(at: Timestamp) -> Timestamp {
    floor(at, MICROS_PER_BUCKET)
}

fn floor(at: Timestamp, micros: i64) -> Timestamp {
    Timestamp::from_micros(at.as_micros().div_euclid(micros) * micros)
}

/// One period of the UTC calendar, such as the hour from 12:00 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Window {
    pub(crate) period: QuotaPeriod,
    /// The Unix epoch for a total.
    pub(crate) starts_at: Timestamp,
}

impl Window {
    /// The period that the instant lies in.
    pub(crate) fn at(period: QuotaPeriod, at: Timestamp) -> Self {
        let starts_at = match period {
            QuotaPeriod::Hour => floor(at, MICROS_PER_HOUR),
            QuotaPeriod::Day => floor(at, MICROS_PER_DAY),
            QuotaPeriod::Month => month(at, false).unwrap_or(Timestamp::MIN),
            QuotaPeriod::Total => Timestamp::UNIX_EPOCH,
        };
        Self { period, starts_at }
    }

    /// Where the next one begins; a total has no end.
    pub(crate) fn ends_at(self) -> Option<Timestamp> {
        let after = |micros: i64| Timestamp::from_micros(self.starts_at.as_micros().saturating_add(micros));
        match self.period {
            QuotaPeriod::Hour => Some(after(MICROS_PER_HOUR)),
            QuotaPeriod::Day => Some(after(MICROS_PER_DAY)),
            QuotaPeriod::Month => Some(month(self.starts_at, true).unwrap_or(Timestamp::MAX)),
            QuotaPeriod::Total => None,
        }
    }
}

/// The first instant of the month that the instant lies in, or of the next one.
fn month(at: Timestamp, next: bool) -> Option<Timestamp> {
    let utc = jiff::Timestamp::from_microsecond(at.as_micros()).ok()?;
    let first = TimeZone::UTC.to_datetime(utc).date().first_of_month();
    let first = if next {
        first.last_of_month().tomorrow().ok()?
    } else {
        first
    };
    let instant = TimeZone::UTC.to_timestamp(DateTime::from(first)).ok()?;
    Some(Timestamp::from_micros(instant.as_microsecond()))
}

/// Every period that something at the instant counts in. A level counts in none but the total.
pub(crate) fn windows(metric: &str, at: Timestamp) -> impl Iterator<Item = Window> {
    let periods = if is_level(metric) {
        &[QuotaPeriod::Total][..]
    } else {
        &QuotaPeriod::ALL[..]
    };
    periods.iter().map(move |period| Window::at(*period, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn periods_are_those_of_the_utc_calendar() {
        let instant = at("2028-02-29T23:59:59.999999Z");
        for (period, from, to) in [
            (QuotaPeriod::Hour, "2028-02-29T23:00:00Z", Some("2028-03-01T00:00:00Z")),
            (QuotaPeriod::Day, "2028-02-29T00:00:00Z", Some("2028-03-01T00:00:00Z")),
            (QuotaPeriod::Month, "2028-02-01T00:00:00Z", Some("2028-03-01T00:00:00Z")),
            (QuotaPeriod::Total, "1970-01-01T00:00:00Z", None),
        ] {
            let window = Window::at(period, instant);
            assert_eq!(
                (window.starts_at, window.ends_at()),
                (at(from), to.map(at)),
                "{period:?}"
            );
            assert_eq!(
                Window::at(period, window.starts_at),
                window,
                "its beginning belongs to it"
            );
            if let Some(end) = window.ends_at() {
                assert_ne!(Window::at(period, end), window, "its end does not");
            }
        }
        let december = Window::at(QuotaPeriod::Month, at("2026-12-31T12:00:00Z"));
        assert_eq!(december.ends_at(), Some(at("2027-01-01T00:00:00Z")));
    }

    #[test]
    fn a_level_has_no_period() {
        let now = at("2026-11-21T12:34:56Z");
        assert_eq!(windows("documents.signed", now).count(), 4);
        let level: Vec<Window> = windows("users.active", now).collect();
        assert_eq!(level, [Window::at(QuotaPeriod::Total, now)]);
        assert_eq!(bucket_of(now), at("2026-11-21T12:30:00Z"));
        assert_eq!(bucket_of(at("1969-12-31T23:59:59Z")), at("1969-12-31T23:45:00Z"));
    }
}
