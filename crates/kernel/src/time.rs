//! Instants and the clocks that tell them.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jiff::SignedDuration;
use jiff::civil::DateTime;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::deserialize_from_str;

/// An instant in UTC with a precision of one microsecond: what PostgreSQL keeps, so a value read back equals the value
/// written.
///
/// Its range is that of RFC 3339, the years 0000 to 9999. It is written with exactly six fractional digits and a `Z`,
/// which makes the texts sort like the instants.
///
/// ```
/// use kernel::Timestamp;
///
/// let instant: Timestamp = "2026-11-21T09:30:00-03:00".parse()?;
/// assert_eq!(instant.to_string(), "2026-11-21T12:30:00.000000Z");
/// # Ok::<(), kernel::time::InvalidTimestamp>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A text that is not an instant as RFC 3339 writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 timestamp with an offset")]
pub struct InvalidTimestamp;

const MICROS_PER_SECOND: i64 = 1_000_000;
const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
/// `YYYY-MM-DDTHH:MM:SS.ffffffZ`.
const TEXT_LENGTH: usize = 27;

impl Timestamp {
    /// 0000-01-01T00:00:00.000000Z.
    pub const MIN: Self = Self(-62_167_219_200 * MICROS_PER_SECOND);
    /// 9999-12-31T23:59:59.999999Z.
    pub const MAX: Self = Self(253_402_300_800 * MICROS_PER_SECOND - 1);
    /// 1970-01-01T00:00:00.000000Z.
    pub const UNIX_EPOCH: Self = Self(0);

    /// The instant so many microseconds after the Unix epoch (before it, when negative); beyond the range, its nearest
    /// end.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        if micros < Self::MIN.0 {
            Self::MIN
        } else if micros > Self::MAX.0 {
            Self::MAX
        } else {
            Self(micros)
        }
    }

    /// Microseconds since the Unix epoch, as stored.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// The instant `duration` later, in whole microseconds; [`Timestamp::MAX`] when that is out of range.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self::from_micros(self.0.saturating_add(saturating_micros(duration)))
    }

    /// The instant `duration` earlier, in whole microseconds; [`Timestamp::MIN`] when that is out of range.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self::from_micros(self.0.saturating_sub(saturating_micros(duration)))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        // Within the range of the type the difference always fits.
        Duration::from_micros(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }

    fn render(self) -> [u8; TEXT_LENGTH] {
        let civil = EPOCH.saturating_add(SignedDuration::from_micros(self.0));
        let mut text = *b"0000-00-00T00:00:00.000000Z";
        let fields = [
            (0..4, i32::from(civil.year())),
            (5..7, i32::from(civil.month())),
            (8..10, i32::from(civil.day())),
            (11..13, i32::from(civil.hour())),
            (14..16, i32::from(civil.minute())),
            (17..19, i32::from(civil.second())),
            (20..26, civil.subsec_nanosecond() / 1_000),
        ];
        for (place, mut value) in fields {
            for digit in text.get_mut(place).unwrap_or_default().iter_mut().rev() {
                *digit = b'0' + u8::try_from(value % 10).unwrap_or_default();
                value /= 10;
            }
        }
        text
    }

    fn parse(text: &str) -> Option<Self> {
        let (year, rest) = digits(text.as_bytes(), 4)?;
        let (month, rest) = digits(rest.strip_prefix(b"-")?, 2)?;
        let (day, rest) = digits(rest.strip_prefix(b"-")?, 2)?;
        let (b'T' | b't' | b' ', rest) = rest.split_first()? else {
            return None;
        };
        let (hour, rest) = digits(rest, 2)?;
        let (minute, rest) = digits(rest.strip_prefix(b":")?, 2)?;
        let (second, rest) = digits(rest.strip_prefix(b":")?, 2)?;
        let (micros, rest) = fraction(rest)?;
        let offset = offset_seconds(rest)?;
        // A leap second (RFC 3339, section 5.7) becomes the last ordinary second of its minute: the time scale here has
        // none.
        let second = if second == 60 { 59 } else { second };
        let civil = DateTime::new(
            i16::try_from(year).ok()?,
            i8::try_from(month).ok()?,
            i8::try_from(day).ok()?,
            i8::try_from(hour).ok()?,
            i8::try_from(minute).ok()?,
            i8::try_from(second).ok()?,
            0,
        )
        .ok()?;
        let seconds = civil.duration_since(EPOCH).as_secs() - i64::from(offset);
        let instant = Self::from_micros(seconds * MICROS_PER_SECOND + i64::from(micros));
        // An offset can push the first and the last hours of the range out of it.
        (instant.0.div_euclid(MICROS_PER_SECOND) == seconds).then_some(instant)
    }
}

/// Reads exactly `count` ASCII digits.
fn digits(text: &[u8], count: usize) -> Option<(i32, &[u8])> {
    let (number, rest) = text.split_at_checked(count)?;
    let mut value = 0;
    for &digit in number {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i32::from(digit - b'0');
    }
    Some((value, rest))
}

/// Reads an optional fraction of a second, in microseconds; what is finer is cut off.
fn fraction(text: &[u8]) -> Option<(i32, &[u8])> {
    let Some(rest) = text.strip_prefix(b".") else {
        return Some((0, text));
    };
    let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = rest.split_at_checked(length).filter(|(number, _)| !number.is_empty())?;
    let micros = number
        .iter()
        .chain(std::iter::repeat(&b'0'))
        .take(6)
        .fold(0, |micros, digit| micros * 10 + i32::from(digit - b'0'));
    Some((micros, rest))
}

/// Reads `Z` or `+HH:MM`, which ends the text, in seconds east of UTC.
fn offset_seconds(text: &[u8]) -> Option<i32> {
    let (sign, rest) = match text.split_first()? {
        (b'Z' | b'z', []) => return Some(0),
        (b'+', rest) => (1, rest),
        (b'-', rest) => (-1, rest),
        _ => return None,
    };
    let (hours, rest) = digits(rest, 2)?;
    let (minutes, rest) = digits(rest.strip_prefix(b":")?, 2)?;
    (rest.is_empty() && hours < 24 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}

fn saturating_micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(std::str::from_utf8(&self.render()).unwrap_or_default())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text).ok_or(InvalidTimestamp)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(std::str::from_utf8(&self.render()).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_from_str(deserializer)
    }
}

/// Tells the time. A parameter everywhere, so that a test decides what time it is.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The wall clock, for what is stored and shown. It may jump, also backwards, when it is corrected.
    fn now(&self) -> Timestamp;

    /// The time since an arbitrary start, for measuring how long something took. It never goes backwards.
    fn monotonic(&self) -> Duration;
}

/// The machine's clock, corrected by a measured offset.
///
/// Several nodes write into one database, whose clock is the one they share: whoever measures the offset to it passes
/// it to [`SystemClock::set_offset`]. From then on the time is that of the last measurement, carried on by the monotonic clock:
/// somebody who sets the machine's clock changes nothing, not even until the next measurement.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
    /// The corrected time at `start`, in microseconds since the Unix epoch; [`UNMEASURED`] before the first measurement.
    corrected_start: AtomicI64,
}

const UNMEASURED: i64 = i64::MIN;

impl SystemClock {
    /// The machine's clock as it is, without a correction.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that everything else takes as a parameter"
    )]
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
            corrected_start: AtomicI64::new(UNMEASURED),
        }
    }

    /// Corrects the time: it is so many microseconds after what the machine says at this moment.
    pub fn set_offset(&self, micros: i64) {
        let corrected = Self::machine_micros().saturating_add(micros);
        let start = corrected.saturating_sub(saturating_micros(self.monotonic()));
        self.corrected_start.store(start, Ordering::Relaxed);
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that everything else takes as a parameter"
    )]
    fn machine_micros() -> i64 {
        // A machine whose clock stands before 1970 gets the epoch: nothing it could write would make sense anyway.
        saturating_micros(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(match self.corrected_start.load(Ordering::Relaxed) {
            UNMEASURED => Self::machine_micros(),
            start => start.saturating_add(saturating_micros(self.monotonic())),
        })
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}

/// A clock that stands still until a test moves it.
///
/// ```
/// use std::time::Duration;
/// use kernel::{Clock as _, ManualClock};
///
/// let clock = ManualClock::new("2026-11-21T12:00:00Z".parse()?);
/// clock.advance(Duration::from_secs(90));
/// assert_eq!(clock.now().to_string(), "2026-11-21T12:01:30.000000Z");
/// assert_eq!(clock.monotonic(), Duration::from_secs(90));
/// # Ok::<(), kernel::time::InvalidTimestamp>(())
/// ```
#[derive(Debug)]
pub struct ManualClock {
    now_micros: AtomicI64,
    monotonic_nanos: AtomicU64,
}

impl ManualClock {
    /// A clock that shows `now`, its monotonic reading at zero.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self {
            now_micros: AtomicI64::new(now.as_micros()),
            monotonic_nanos: AtomicU64::new(0),
        }
    }

    /// Lets time pass: both readings move on.
    pub fn advance(&self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.monotonic_nanos
            .update(Ordering::SeqCst, Ordering::SeqCst, |before| {
                before.saturating_add(nanos)
            });
        self.now_micros.update(Ordering::SeqCst, Ordering::SeqCst, |before| {
            Timestamp::from_micros(before).plus(duration).as_micros()
        });
    }

    /// Corrects the wall clock, as an administrator or NTP would: the monotonic reading does not notice.
    pub fn set(&self, now: Timestamp) {
        self.now_micros.store(now.as_micros(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.now_micros.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_nanos(self.monotonic_nanos.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn an_instant_is_written_with_six_decimals_in_utc() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (1, "1970-01-01T00:00:00.000001Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
            (1_795_264_200_123_456, "2026-11-21T12:30:00.123456Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"),
        ] {
            assert_eq!(Timestamp::from_micros(micros).to_string(), text);
            assert_eq!(at(text).as_micros(), micros);
        }
        assert_eq!(Timestamp::MIN.to_string(), "0000-01-01T00:00:00.000000Z");
        assert_eq!(Timestamp::MAX.to_string(), "9999-12-31T23:59:59.999999Z");
        assert_eq!(format!("{:?}", Timestamp::UNIX_EPOCH), "1970-01-01T00:00:00.000000Z");
    }

    #[test]
    fn every_spelling_of_rfc_3339_is_read() {
        for (text, same) in [
            ("2026-11-21T12:30:00Z", "2026-11-21T12:30:00.000000Z"),
            ("2026-11-21t12:30:00z", "2026-11-21T12:30:00.000000Z"),
            ("2026-11-21 12:30:00Z", "2026-11-21T12:30:00.000000Z"),
            ("2026-11-21T09:30:00.5-03:00", "2026-11-21T12:30:00.500000Z"),
            ("2026-11-21T18:00:00+05:30", "2026-11-21T12:30:00.000000Z"),
            ("2026-11-21T12:30:00-00:00", "2026-11-21T12:30:00.000000Z"),
            ("2026-11-21T12:30:00.1234569Z", "2026-11-21T12:30:00.123456Z"),
            ("1969-12-31T23:59:59.9999999999Z", "1969-12-31T23:59:59.999999Z"),
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.000000Z"),
        ] {
            assert_eq!(at(text).to_string(), same, "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            "2026-11-21",
            "2026-11-21T12:30:00",
            "2026-11-21T12:30Z",
            "20261121T123000Z",
            "2026-11-21T12:30:00.Z",
            "2026-11-21T12:30:00,5Z",
            "2026-11-21T12:30:00+0300",
            "2026-11-21T12:30:00+24:00",
            "2026-11-21T12:30:00+03:60",
            "2026-11-21T12:30:00Z ",
            "2026-11-21T12:30:00Z[UTC]",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-11-21T24:00:00Z",
            "2026-11-21T12:60:00Z",
            "2026-11-21T12:30:61Z",
            "+2026-11-21T12:30:00Z",
            "02026-11-21T12:30:00Z",
            "2026/11/21T12:30:00Z",
            "2026-11-21_12:30:00Z",
            "２026-11-21T12:30:00Z",
            "9999-12-31T23:59:59-00:01",
            "0000-01-01T00:00:00+00:01",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(InvalidTimestamp), "{text}");
        }
        assert_eq!(InvalidTimestamp.to_string(), "not an RFC 3339 timestamp with an offset");
    }

    #[test]
    fn arithmetic_stops_at_the_ends_of_the_range() {
        let noon = at("2026-11-21T12:00:00Z");
        assert_eq!(noon.plus(Duration::from_secs(90)), at("2026-11-21T12:01:30Z"));
        assert_eq!(noon.minus(Duration::from_millis(1)), at("2026-11-21T11:59:59.999Z"));
        assert_eq!(
            noon.plus(Duration::from_nanos(1_999)),
            at("2026-11-21T12:00:00.000001Z")
        );
        assert_eq!(noon.plus(Duration::MAX), Timestamp::MAX);
        assert_eq!(noon.minus(Duration::MAX), Timestamp::MIN);
        assert_eq!(Timestamp::from_micros(i64::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::from_micros(i64::MIN), Timestamp::MIN);
        assert_eq!(noon.plus(Duration::from_secs(5)).since(noon), Duration::from_secs(5));
        assert_eq!(noon.since(noon.plus(Duration::from_secs(5))), Duration::ZERO);
        assert_eq!(
            Timestamp::MAX.since(Timestamp::MIN),
            Duration::from_micros(315_569_519_999_999_999)
        );
    }

    #[test]
    fn json_holds_the_text() {
        let noon = at("2026-11-21T12:00:00Z");
        assert_eq!(
            serde_json::to_string(&noon).unwrap(),
            r#""2026-11-21T12:00:00.000000Z""#
        );
        assert_eq!(
            serde_json::from_str::<Timestamp>(r#""2026-11-21T09:00:00-03:00""#).unwrap(),
            noon
        );
        assert!(serde_json::from_str::<Timestamp>("1795262400").is_err());
    }

    #[test]
    fn the_system_clock_tells_the_corrected_time() {
        let clock = SystemClock::default();
        let (before, started) = (clock.now(), clock.monotonic());
        assert!(before > at("2026-01-01T00:00:00Z"));

        clock.set_offset(3_600_000_000);
        // Whoever sets the machine's clock from now on changes nothing; a later measurement replaces the earlier.
        let corrected = clock.now().since(before);
        assert!(
            corrected >= Duration::from_secs(3_599) && corrected < Duration::from_secs(3_900),
            "{corrected:?}"
        );
        assert!(clock.monotonic() >= started);
        assert!(
            clock.monotonic() < Duration::from_secs(300),
            "the correction is not for the monotonic reading"
        );
    }

    #[test]
    fn the_manual_clock_moves_only_by_hand() {
        let clock = ManualClock::new(at("2026-11-21T12:00:00Z"));
        assert_eq!(
            (clock.now(), clock.monotonic()),
            (at("2026-11-21T12:00:00Z"), Duration::ZERO)
        );
        clock.advance(Duration::from_millis(1_500));
        assert_eq!(clock.now(), at("2026-11-21T12:00:01.5Z"));
        clock.set(at("2026-11-21T11:00:00Z"));
        assert_eq!(
            (clock.now(), clock.monotonic()),
            (at("2026-11-21T11:00:00Z"), Duration::from_millis(1_500))
        );
        clock.advance(Duration::MAX);
        clock.advance(Duration::MAX);
        assert_eq!(
            (clock.now(), clock.monotonic()),
            (Timestamp::MAX, Duration::from_nanos(u64::MAX))
        );
    }

    fn any_timestamp() -> impl Strategy<Value = Timestamp> {
        (Timestamp::MIN.as_micros()..=Timestamp::MAX.as_micros()).prop_map(Timestamp::from_micros)
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(instant in any_timestamp()) {
            prop_assert_eq!(instant.to_string().parse(), Ok(instant));
            let json = serde_json::to_string(&instant).unwrap();
            prop_assert_eq!(serde_json::from_str::<Timestamp>(&json).unwrap(), instant);
        }

        #[test]
        fn texts_sort_like_instants(one in any_timestamp(), other in any_timestamp()) {
            prop_assert_eq!(one.to_string().cmp(&other.to_string()), one.cmp(&other));
        }

        #[test]
        fn an_offset_changes_the_spelling_and_not_the_instant(
            micros in 0..4_000_000_000_000_000_i64, hours in 0..24_i64, minutes in 0..60_i64, east in any::<bool>(),
        ) {
            let shift = Duration::from_secs(u64::try_from(hours * 3_600 + minutes * 60).unwrap());
            let instant = Timestamp::from_micros(micros);
            let (local, sign) = if east { (instant.plus(shift), '+') } else { (instant.minus(shift), '-') };
            let text = format!("{}{sign}{hours:02}:{minutes:02}", local.to_string().trim_end_matches('Z'));
            prop_assert_eq!(text.parse(), Ok(instant), "{}", text);
        }

        #[test]
        fn plus_and_since_are_each_others_inverse(
            micros in 0..4_000_000_000_000_000_i64, later in 0..4_000_000_000_000_000_u64,
        ) {
            let (instant, later) = (Timestamp::from_micros(micros), Duration::from_micros(later));
            prop_assert_eq!(instant.plus(later).since(instant), later);
            prop_assert_eq!(instant.plus(later).minus(later), instant);
        }

        #[test]
        fn no_text_panics(text in "[0-9TZ:.+ -]{0,40}|\\PC{0,40}") {
            let _ = text.parse::<Timestamp>();
        }
    }
}
