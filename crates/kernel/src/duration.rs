//! Durations as configuration and the API spell them: `500ms`, `10s`, `15m`, `1h`, `7d`.

use std::time::Duration;

/// The units, from the greatest, each in milliseconds.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// How a duration is written, for the message of [`Rule::InvalidFormat`](crate::Rule::InvalidFormat).
pub const DURATION_FORMAT: &str = "500ms, 10s, 15m, 1h, 7d";

/// A text that is not a duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a duration; write one like this: {DURATION_FORMAT}")]
pub struct InvalidDuration;

/// Reads a whole number followed, without a space, by its unit: `ms`, `s`, `m` (minutes), `h` or `d` (24 hours).
///
/// ```
/// use std::time::Duration;
/// use kernel::parse_duration;
///
/// assert_eq!(parse_duration("15m"), Ok(Duration::from_secs(900)));
/// assert!(parse_duration("15").is_err(), "15 what?");
/// ```
///
/// # Errors
/// [`InvalidDuration`] for everything else, also for more milliseconds than a `u64` counts.
pub fn parse_duration(text: &str) -> Result<Duration, InvalidDuration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits).ok_or(InvalidDuration)?;
    let (_, millis) = UNITS
        .into_iter()
        .find(|(name, _)| *name == unit)
        .ok_or(InvalidDuration)?;
    let number: u64 = number.parse().map_err(|_| InvalidDuration)?;
    number
        .checked_mul(millis)
        .map(Duration::from_millis)
        .ok_or(InvalidDuration)
}

/// Writes a duration in the greatest unit that expresses it as a whole number; what is finer than a millisecond is cut
/// off.
///
/// ```
/// use std::time::Duration;
/// use kernel::format_duration;
///
/// assert_eq!(format_duration(Duration::from_secs(900)), "15m");
/// assert_eq!(format_duration(Duration::from_secs(90)), "90s");
/// ```
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    if millis == 0 {
        return "0s".to_owned();
    }
    let whole = UNITS
        .into_iter()
        .find(|(_, unit)| millis.is_multiple_of(u128::from(*unit)));
    // Every number of milliseconds is a multiple of the last unit.
    let (name, unit) = whole.unwrap_or(("ms", 1));
    format!("{}{name}", millis / u128::from(unit))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_unit_is_read_and_written() {
        for (text, millis) in [
            ("0s", 0),
            ("500ms", 500),
            ("10s", 10_000),
            ("15m", 900_000),
            ("1h", 3_600_000),
            ("7d", 604_800_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
            assert_eq!(format_duration(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in [
            "", "10", "s", "-1s", "+1s", "1.5h", "1h30m", "10 s", " 10s", "10S", "10é", "1y", "١s",
        ] {
            assert_eq!(parse_duration(text), Err(InvalidDuration), "{text}");
        }
    }

    #[test]
    fn what_overflows_is_refused() {
        assert!(parse_duration("18446744073709551615ms").is_ok());
        assert_eq!(parse_duration("18446744073709551616ms"), Err(InvalidDuration));
        assert_eq!(parse_duration("18446744073709551615d"), Err(InvalidDuration));
    }

    #[test]
    fn less_than_a_millisecond_is_cut_off() {
        assert_eq!(format_duration(Duration::from_micros(999)), "0s");
        assert_eq!(format_duration(Duration::from_micros(1_999)), "1ms");
    }

    #[test]
    fn the_error_says_how_to_write_one() {
        assert_eq!(
            InvalidDuration.to_string(),
            "not a duration; write one like this: 500ms, 10s, 15m, 1h, 7d"
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(millis in 0..=u64::MAX) {
            let duration = Duration::from_millis(millis);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,12}") {
            let _ = parse_duration(&text);
        }
    }
}
