//! How many in which time, as configuration and the API spell it: `50/s`, `6000/min`, `100/h`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// How a rate is written, for the message of [`Rule::InvalidFormat`](crate::Rule::InvalidFormat).
pub const RATE_FORMAT: &str = "50/s, 6000/min, 100/h";

/// The units of time.
const UNITS: [(&str, Duration); 3] = [
    ("s", Duration::from_secs(1)),
    ("min", Duration::from_secs(60)),
    ("h", Duration::from_secs(3_600)),
];

/// So many in such a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many, at least one.
    pub count: u32,
    /// In which time: a second, a minute or an hour.
    pub per: Duration,
}

/// A text that is not a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a rate; write one like this: {RATE_FORMAT}")]
pub struct InvalidRate;

impl FromStr for Rate {
    type Err = InvalidRate;

    /// Reads a whole number of at least one, a slash, and `s`, `min` or `h`.
    ///
    /// ```
    /// use kernel::Rate;
    ///
    /// assert_eq!("6000/min".parse::<Rate>().map(|rate| rate.count), Ok(6_000));
    /// assert!("0/s".parse::<Rate>().is_err(), "nothing at all is not a rate");
    /// ```
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (count, unit) = text.split_once('/').ok_or(InvalidRate)?;
        let (_, per) = UNITS.into_iter().find(|(name, _)| *name == unit).ok_or(InvalidRate)?;
        // `u32` would also read a plus sign.
        if !count.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidRate);
        }
        match count.parse() {
            Ok(0) | Err(_) => Err(InvalidRate),
            Ok(count) => Ok(Self { count, per }),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS.into_iter().find(|(_, per)| *per == self.per) {
            Some((unit, _)) => write!(f, "{}/{unit}", self.count),
            None => write!(f, "{}/{}", self.count, crate::format_duration(self.per)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read_and_written() {
        for (text, count, seconds) in [
            ("1/s", 1, 1),
            ("6000/min", 6_000, 60),
            ("4294967295/h", u32::MAX, 3_600),
        ] {
            let rate = Rate {
                count,
                per: Duration::from_secs(seconds),
            };
            assert_eq!(text.parse(), Ok(rate));
            assert_eq!(rate.to_string(), text);
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in [
            "",
            "/",
            "60",
            "60/",
            "/min",
            "0/min",
            "+1/s",
            "-1/s",
            "1.5/s",
            "60/m",
            "60/MIN",
            "60 /min",
            "60/ min",
            "4294967296/s",
            "off",
            "60/min/s",
        ] {
            assert_eq!(text.parse::<Rate>(), Err(InvalidRate), "{text}");
        }
    }
}
