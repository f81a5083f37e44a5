//! The values of settings.

use std::time::Duration;

use jiff::tz::TimeZone;
use kernel::{Currency, Rate, Rule, RuleViolation, parse_duration};

/// A time zone of the IANA database, spelled as there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ZoneName(String);

impl ZoneName {
    /// Finds a zone, whatever the case of its name.
    ///
    /// # Errors
    /// [`Rule::UnknownCode`] when there is none.
    pub(crate) fn new(raw: &str) -> Result<Self, RuleViolation> {
        // The names for "unknown" are zones to the library, and none to a person.
        TimeZone::get(raw)
            .ok()
            .filter(|zone| !zone.is_unknown())
            .and_then(|zone| zone.iana_name().map(str::to_owned))
            .map(Self)
            .ok_or_else(|| RuleViolation::new("timeZone", Rule::UnknownCode))
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

/// The code of a currency (ISO 4217), in capitals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CurrencyCode(Currency);

impl CurrencyCode {
    /// Finds a currency.
    ///
    /// # Errors
    /// [`Rule::UnknownCode`] when there is none.
    pub(crate) fn new(raw: &str) -> Result<Self, RuleViolation> {
        raw.parse()
            .map(Self)
            .map_err(|_| RuleViolation::new("currency", Rule::UnknownCode))
    }

    pub(crate) fn into_string(self) -> String {
        self.0.as_str().to_owned()
    }
}

/// A domain of e-mail addresses, in lower case: two labels or more (RFC 1035, section 2.3.1), with letters beyond ASCII as
/// people write them in addresses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DomainName(String);

impl DomainName {
    /// How a domain is written.
    pub(crate) const EXAMPLE: &str = "example.com";
    /// The greatest number of characters (RFC 1035, section 2.3.4).
    pub(crate) const MAX: usize = 253;
    const MAX_LABEL: usize = 63;

    /// Checks a domain.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub(crate) fn new(raw: &str) -> Result<Self, RuleViolation> {
        let violation = |rule| RuleViolation::new("registrationDomains", rule);
        let text = kernel::checked_text("registrationDomains", raw, 1, Self::MAX)?;
        let text: String = text.chars().flat_map(char::to_lowercase).collect();
        let is_label = |label: &str| {
            !label.is_empty()
                && label.chars().count() <= Self::MAX_LABEL
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .chars()
                    .all(|character| character.is_alphanumeric() || character == '-')
        };
        // A last label of digits would be an IPv4 address.
        let is_domain = text.split('.').all(is_label)
            && text
                .rsplit_once('.')
                .is_some_and(|(_, last)| !last.bytes().all(|byte| byte.is_ascii_digit()));
        if is_domain {
            Ok(Self(text))
        } else {
            Err(violation(Rule::InvalidFormat {
                expected: Self::EXAMPLE,
            }))
        }
    }
}

/// Several domains, each once, in the order of the alphabet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DomainList(Vec<DomainName>);

impl DomainList {
    /// More than that is no list of one's own domains.
    pub(crate) const MAX: usize = 100;

    /// Orders them.
    ///
    /// # Errors
    /// [`Rule::TooManyItems`].
    pub(crate) fn new(mut domains: Vec<DomainName>) -> Result<Self, RuleViolation> {
        if domains.len() > Self::MAX {
            let rule = Rule::TooManyItems { max: Self::MAX };
            return Err(RuleViolation::new("registrationDomains", rule));
        }
        domains.sort_unstable();
        domains.dedup();
        Ok(Self(domains))
    }

    pub(crate) fn into_strings(self) -> Vec<String> {
        self.0.into_iter().map(|domain| domain.0).collect()
    }
}

/// After how long a session ends absolutely: from a second to a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SessionTtl(Duration);

impl SessionTtl {
    /// How it is written.
    pub(crate) const FORMAT: &str = "30m, 12h, 7d (from 1s to 365d)";
    const LEAST: Duration = Duration::from_secs(1);
    const MOST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

    /// Checks a length.
    ///
    /// # Errors
    /// [`Rule::InvalidFormat`], also for what is too short or too long.
    pub(crate) fn new(raw: &str) -> Result<Self, RuleViolation> {
        parse_duration(raw)
            .ok()
            .filter(|duration| (Self::LEAST..=Self::MOST).contains(duration))
            .map(Self)
            .ok_or_else(|| RuleViolation::new("sessionTtl", Rule::InvalidFormat { expected: Self::FORMAT }))
    }

    pub(crate) fn get(self) -> Duration {
        self.0
    }
}

/// How often one actor may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestRate(Rate);

impl RequestRate {
    /// Checks a rate.
    ///
    /// # Errors
    /// [`Rule::InvalidFormat`].
    pub(crate) fn new(raw: &str) -> Result<Self, RuleViolation> {
        raw.parse().map(Self).map_err(|_| {
            let expected = kernel::rate::RATE_FORMAT;
            RuleViolation::new("rateLimit", Rule::InvalidFormat { expected })
        })
    }

    pub(crate) fn get(self) -> Rate {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_those_of_the_database_in_its_spelling() {
        for (raw, name) in [
            ("America/Sao_Paulo", "America/Sao_Paulo"),
            ("america/sao_paulo", "America/Sao_Paulo"),
            ("Europe/Lisbon", "Europe/Lisbon"),
            ("UTC", "UTC"),
        ] {
            assert_eq!(ZoneName::new(raw).unwrap().into_string(), name);
        }
        for raw in [
            "",
            "Mars/Olympus",
            "-03:00",
            "Etc/Unknown",
            "../etc/passwd",
            "America/Sao_Paulo\0",
        ] {
            assert_eq!(ZoneName::new(raw).unwrap_err().rule, Rule::UnknownCode, "{raw:?}");
        }
    }

    #[test]
    fn currencies_are_those_of_the_standard() {
        assert_eq!(CurrencyCode::new("JPY").unwrap().into_string(), "JPY");
        for raw in ["", "brl", "XYZ", "R$", "BRLX"] {
            assert_eq!(CurrencyCode::new(raw).unwrap_err().rule, Rule::UnknownCode, "{raw}");
        }
    }

    #[test]
    fn a_domain_has_two_labels_and_is_no_address() {
        for (raw, name) in [
            (" Example.COM ", "example.com"),
            ("a-b.example.com.br", "a-b.example.com.br"),
            ("padaria-são-joão.com.br", "padaria-são-joão.com.br"),
        ] {
            assert_eq!(DomainName::new(raw).unwrap().0, name);
        }
        let long = format!("{}.com", "a".repeat(64));
        for raw in [
            "com",
            "example.",
            ".com",
            "a..b",
            "-a.com",
            "a-.com",
            "a_b.com",
            "@example.com",
            "*.example.com",
            "10.0.0.1",
            "a b.com",
            "https://example.com",
            &long,
        ] {
            let rule = DomainName::new(raw).unwrap_err().rule;
            assert!(matches!(rule, Rule::InvalidFormat { .. }), "{raw}: {rule:?}");
        }
    }

    #[test]
    fn a_list_of_domains_is_short_and_without_repetitions() {
        let domain = |raw: &str| DomainName::new(raw).unwrap();
        let list = DomainList::new(vec![domain("b.com"), domain("a.com"), domain("B.com")]).unwrap();
        assert_eq!(list.into_strings(), ["a.com", "b.com"]);
        let many = |count: usize| (0..count).map(|number| domain(&format!("d{number}.com"))).collect();
        assert!(DomainList::new(many(100)).is_ok());
        assert_eq!(
            DomainList::new(many(101)).unwrap_err().rule,
            Rule::TooManyItems { max: 100 }
        );
    }

    #[test]
    fn a_session_lasts_from_a_second_to_a_year() {
        for (raw, seconds) in [("1s", 1), ("12h", 43_200), ("365d", 31_536_000)] {
            assert_eq!(SessionTtl::new(raw).unwrap().get(), Duration::from_secs(seconds));
        }
        for raw in ["", "12", "0s", "999ms", "366d", "-1h", "twelve hours"] {
            assert!(SessionTtl::new(raw).is_err(), "{raw}");
        }
    }
}
