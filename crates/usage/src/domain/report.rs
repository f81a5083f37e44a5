//! How usage is reported: by the hours, days and months of any time zone.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use kernel::{Rule, RuleViolation, Timestamp};

use super::window::{MICROS_PER_BUCKET, bucket_of};

/// The most intervals that one report has: more than a year of hours.
pub(crate) const MAX_INTERVALS: usize = 10_000;

/// How fine a report is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Granularity {
    Hour,
    Day,
    Month,
}

/// A time zone of the IANA database, which is part of the program.
#[derive(Debug, Clone)]
pub(crate) struct Zone(TimeZone);

impl Zone {
    pub(crate) const UTC: Self = Self(TimeZone::UTC);

    pub(crate) fn new(name: &str) -> Result<Self, RuleViolation> {
        // The database knows a zone for what is unknown, which nobody means.
        let known = TimeZone::get(name).ok().filter(|zone| !zone.is_unknown());
        known.map(Self).ok_or_else(|| {
            let expected = "America/Sao_Paulo";
            RuleViolation::new("timeZone", Rule::InvalidFormat { expected })
        })
    }
}

/// A stretch of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interval {
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
}

/// The stretches that a report is made of: the hours, days or months of the zone, the first one and the last one only as far as they
/// lie between `from` and `to`, in whole quarters of an hour. None when there are more than [`MAX_INTERVALS`].
///
/// A day is as long as the clocks of its zone say, 23 or 25 hours when they are changed. An hour ends when they are changed: the
/// hour that is repeated in autumn is two.
pub(crate) fn intervals(
    zone: &Zone,
    granularity: Granularity,
    from: Timestamp,
    to: Timestamp,
) -> Option<Vec<Interval>> {
    let end = bucket_of(Timestamp::from_micros(
        to.as_micros().saturating_add(MICROS_PER_BUCKET - 1),
    ));
    let mut from = bucket_of(from);
    let mut intervals = Vec::new();
    while from < end {
        if intervals.len() == MAX_INTERVALS {
            return None;
        }
        let to = boundary_after(&zone.0, granularity, from).map_or(end, |boundary| boundary.min(end));
        intervals.push(Interval { from, to });
        from = to;
    }
    Some(intervals)
}

/// Where the next hour, day or month begins; none at the end of time.
fn boundary_after(zone: &TimeZone, granularity: Granularity, after: Timestamp) -> Option<Timestamp> {
    let instant = jiff::Timestamp::from_microsecond(after.as_micros()).ok()?;
    match granularity {
        Granularity::Hour => hour_after(zone, instant),
        Granularity::Day => first_after(zone, instant, |date| date.tomorrow().ok()),
        Granularity::Month => first_after(zone, instant, |date| date.last_of_month().tomorrow().ok()),
    }
}

fn hour_after(zone: &TimeZone, after: jiff::Timestamp) -> Option<Timestamp> {
    const HOUR: i64 = 60 * 60 * 1_000_000;
    let offset = zone.to_offset(after);
    let local = after.as_microsecond() + i64::from(offset.seconds()) * 1_000_000;
    let next = after.as_microsecond() + (HOUR - local.rem_euclid(HOUR));
    let change = zone
        .following(after)
        .map(|transition| transition.timestamp())
        .take_while(|change| change.as_microsecond() < next)
        .find(|change| *change > after && zone.to_offset(*change) != offset);
    Some(Timestamp::from_micros(
        change.map_or(next, jiff::Timestamp::as_microsecond),
    ))
}

/// The first instant of the next date that begins after this one. Where clocks go back over midnight a date comes twice: it begins
/// with its first midnight, and what is left of the date before then belongs to it.
fn first_after(zone: &TimeZone, after: jiff::Timestamp, next: impl Fn(Date) -> Option<Date>) -> Option<Timestamp> {
    let mut date = next(zone.to_datetime(after).date())?;
    loop {
        // Where midnight is skipped the day begins behind the gap.
        let begins = zone.to_timestamp(DateTime::from(date)).ok()?;
        if begins > after {
            return Some(Timestamp::from_micros(begins.as_microsecond()));
        }
        date = next(date)?;
    }
}

/// Sums up, as the rows come in the order of their time.
#[derive(Debug)]
pub(crate) struct Report {
    intervals: Vec<Interval>,
    sums: Vec<i64>,
    place: usize,
    is_level: bool,
    before: i64,
}

impl Report {
    /// A report over these stretches, which follow one another. Of a level it tells what it is at the end of each, so it wants the
    /// changes from the beginning of time on.
    pub(crate) fn new(intervals: Vec<Interval>, is_level: bool) -> Self {
        Self {
            sums: vec![0; intervals.len()],
            intervals,
            place: 0,
            is_level,
            before: 0,
        }
    }

    /// Adds a quarter of an hour. A sum beyond what an integer holds stands still at its greatest.
    pub(crate) fn add(&mut self, bucket: Timestamp, quantity: i64) {
        if self.intervals.first().is_some_and(|first| bucket < first.from) {
            self.before = self.before.saturating_add(quantity);
            return;
        }
        while self.intervals.get(self.place).is_some_and(|here| bucket >= here.to) {
            self.place += 1;
        }
        if let Some(sum) = self.sums.get_mut(self.place) {
            *sum = sum.saturating_add(quantity);
        }
    }

    /// What came out.
    pub(crate) fn finish(self) -> impl Iterator<Item = (Interval, i64)> {
        let mut level = self.before;
        let is_level = self.is_level;
        self.intervals.into_iter().zip(self.sums).map(move |(interval, sum)| {
            level = level.saturating_add(sum);
            (interval, if is_level { level } else { sum })
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn cut(zone: &str, granularity: Granularity, from: &str, to: &str) -> Vec<String> {
        let zone = Zone::new(zone).unwrap();
        let intervals = intervals(&zone, granularity, at(from), at(to)).unwrap();
        let mut cuts: Vec<String> = intervals.iter().map(|interval| short(interval.from)).collect();
        cuts.extend(intervals.last().map(|last| short(last.to)));
        cuts
    }

    fn short(at: Timestamp) -> String {
        at.to_string().chars().skip(5).take(11).collect()
    }

    #[test]
    fn days_are_those_of_the_zone_however_long() {
        // Brazil has no summer time any more; Kathmandu is 5:45 ahead.
        assert_eq!(
            cut(
                "America/Sao_Paulo",
                Granularity::Day,
                "2026-11-20T03:00:00Z",
                "2026-11-22T03:00:00Z"
            ),
            ["11-20T03:00", "11-21T03:00", "11-22T03:00"]
        );
        assert_eq!(
            cut(
                "Asia/Kathmandu",
                Granularity::Day,
                "2026-11-20T00:00:00Z",
                "2026-11-21T00:00:00Z"
            ),
            ["11-20T00:00", "11-20T18:15", "11-21T00:00"],
            "the first and the last day are told as far as they were asked for"
        );
        // 25 hours in New York, 23 in spring.
        assert_eq!(
            cut(
                "America/New_York",
                Granularity::Day,
                "2026-11-01T04:00:00Z",
                "2026-11-02T05:00:00Z"
            ),
            ["11-01T04:00", "11-02T05:00"]
        );
        assert_eq!(
            cut(
                "America/New_York",
                Granularity::Day,
                "2026-03-08T05:00:00Z",
                "2026-03-09T04:00:00Z"
            ),
            ["03-08T05:00", "03-09T04:00"]
        );
        // A midnight that did not exist: Sao Paulo's clocks went from 24:00 to 1:00.
        assert_eq!(
            cut(
                "America/Sao_Paulo",
                Granularity::Day,
                "2018-11-03T03:00:00Z",
                "2018-11-05T02:00:00Z"
            ),
            ["11-03T03:00", "11-04T03:00", "11-05T02:00"]
        );
        // A date that did not exist: Samoa crossed the date line.
        assert_eq!(
            cut(
                "Pacific/Apia",
                Granularity::Day,
                "2011-12-29T10:00:00Z",
                "2011-12-31T10:00:00Z"
            ),
            ["12-29T10:00", "12-30T10:00", "12-31T10:00"]
        );
    }

    #[test]
    fn hours_end_where_clocks_are_changed() {
        assert_eq!(
            cut(
                "Australia/Lord_Howe",
                Granularity::Hour,
                "2026-04-04T13:00:00Z",
                "2026-04-04T17:00:00Z"
            ),
            [
                "04-04T13:00",
                "04-04T14:00",
                "04-04T15:00",
                "04-04T15:30",
                "04-04T16:30",
                "04-04T17:00"
            ],
            "clocks go back by half an hour at 15:00"
        );
        assert_eq!(
            cut(
                "Asia/Kolkata",
                Granularity::Hour,
                "2026-11-21T00:07:00Z",
                "2026-11-21T01:53:00Z"
            ),
            ["11-21T00:00", "11-21T00:30", "11-21T01:30", "11-21T02:00"]
        );
    }

    #[test]
    fn months_are_those_of_the_zone() {
        assert_eq!(
            cut(
                "America/Sao_Paulo",
                Granularity::Month,
                "2026-01-01T03:00:00Z",
                "2026-04-01T03:00:00Z"
            ),
            ["01-01T03:00", "02-01T03:00", "03-01T03:00", "04-01T03:00"]
        );
    }

    #[test]
    fn what_is_too_long_or_at_the_end_of_time_ends() {
        let zone = Zone::UTC;
        let first = at("2020-01-01T00:00:00Z");
        let after = |hours: i64| Timestamp::from_micros(first.as_micros() + hours * 3_600_000_000);
        let hours = |count| intervals(&zone, Granularity::Hour, first, after(count)).map(|list| list.len());
        assert_eq!((hours(10_000), hours(10_001)), (Some(10_000), None));
        let end = intervals(&zone, Granularity::Day, at("9999-12-30T00:00:00Z"), Timestamp::MAX).unwrap();
        assert!(!end.is_empty());
        for name in ["", "Mars/Olympus", "Etc/Unknown", "+03:00", "../etc/passwd"] {
            assert!(Zone::new(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_level_is_told_as_it_is_at_the_end_of_each_stretch() {
        let zone = Zone::UTC;
        let hours = intervals(
            &zone,
            Granularity::Hour,
            at("2026-11-21T10:00:00Z"),
            at("2026-11-21T13:00:00Z"),
        )
        .unwrap();
        let changes = [
            ("2026-10-01T00:00:00Z", 5),
            ("2026-11-21T10:15:00Z", 2),
            ("2026-11-21T12:45:00Z", -4),
        ];
        let told = |is_level| {
            let mut report = Report::new(hours.clone(), is_level);
            for (bucket, change) in changes {
                report.add(at(bucket), change);
            }
            report.finish().map(|(_, quantity)| quantity).collect::<Vec<_>>()
        };
        assert_eq!((told(true), told(false)), (vec![7, 7, 3], vec![2, 0, -4]));
    }

    /// What somebody would do by hand: look at each quarter of an hour, and at what the clock on the wall shows then.
    fn naive(
        zone: &Zone,
        granularity: Granularity,
        from: Timestamp,
        to: Timestamp,
        rows: &[(Timestamp, i64)],
    ) -> Vec<i64> {
        let mut sums: Vec<(String, i64)> = Vec::new();
        let mut bucket = bucket_of(from);
        while bucket < to {
            let instant = jiff::Timestamp::from_microsecond(bucket.as_micros()).unwrap();
            let local = instant.to_zoned(zone.0.clone());
            let label = match granularity {
                Granularity::Hour => local.strftime("%F %H %z").to_string(),
                Granularity::Day => local.strftime("%F").to_string(),
                Granularity::Month => local.strftime("%Y-%m").to_string(),
            };
            if sums.last().is_none_or(|(last, _)| *last != label) {
                sums.push((label, 0));
            }
            let here: i64 = rows
                .iter()
                .filter(|(at, _)| *at == bucket)
                .map(|(_, quantity)| quantity)
                .sum();
            if let Some((_, sum)) = sums.last_mut() {
                *sum += here;
            }
            bucket = Timestamp::from_micros(bucket.as_micros() + MICROS_PER_BUCKET);
        }
        sums.into_iter().map(|(_, sum)| sum).collect()
    }

    const ZONES: [&str; 12] = [
        "UTC",
        "America/Sao_Paulo",
        "America/New_York",
        "America/St_Johns",
        "America/Havana",
        "Europe/Lisbon",
        "Africa/Cairo",
        "Asia/Kolkata",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "Pacific/Chatham",
        "Pacific/Apia",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn a_report_sums_what_the_clock_on_the_wall_says(
            zone in prop::sample::select(ZONES.to_vec()),
            granularity in prop::sample::select(vec![Granularity::Hour, Granularity::Day, Granularity::Month]),
            begin in 0_i64..(3 * 365 * 96),
            length in 1_i64..(70 * 96),
            offsets in prop::collection::vec((0_i64..(70 * 96), 0_i64..1_000), 0..60),
        ) {
            let zone = Zone::new(zone).unwrap();
            // From 2024 on, by quarters of an hour.
            let place = |quarter: i64| Timestamp::from_micros(1_704_067_200_000_000 + quarter * MICROS_PER_BUCKET);
            let (from, to) = (place(begin), place(begin + length));
            let mut rows: Vec<(Timestamp, i64)> = offsets
                .into_iter()
                .filter(|(offset, _)| *offset < length)
                .map(|(offset, quantity)| (place(begin + offset), quantity))
                .collect();
            rows.sort_unstable();
            let list = intervals(&zone, granularity, from, to).unwrap();
            prop_assert_eq!(list.first().unwrap().from, from);
            prop_assert_eq!(list.last().unwrap().to, to);
            for pair in list.windows(2) {
                prop_assert_eq!(pair[0].to, pair[1].from);
            }
            let mut report = Report::new(list, false);
            for (bucket, quantity) in &rows {
                report.add(*bucket, *quantity);
            }
            let told: Vec<i64> = report.finish().map(|(_, quantity)| quantity).collect();
            prop_assert_eq!(told, naive(&zone, granularity, from, to, &rows));
        }
    }
}
