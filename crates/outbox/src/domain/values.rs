//! URL, description, overlap.

use std::time::Duration;

use kernel::{Rule, RuleViolation, checked_lines, checked_text, parse_duration};
use url::Url;

/// Where events are sent to: an absolute URL of at most 2048 characters. Whether the server connects to it is for the outbound
/// rules to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EndpointUrl(Url);

impl EndpointUrl {
    pub(crate) const MAX: usize = 2_048;

    /// Reads a URL.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub(crate) fn new(raw: &str) -> Result<Self, RuleViolation> {
        let text = checked_text("url", raw, 1, Self::MAX)?;
        let malformed = || {
            let expected = "https://example.com/webhooks";
            RuleViolation::new("url", Rule::InvalidFormat { expected })
        };
        let mut url = Url::parse(&text).map_err(|_| malformed())?;
        // It never leaves a client.
        url.set_fragment(None);
        Ok(Self(url))
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }

    pub(crate) fn url(&self) -> &Url {
        &self.0
    }

    /// Without what may be a secret in it: for a mail.
    pub(crate) fn without_query(&self) -> String {
        let mut url = self.0.clone();
        url.set_query(None);
        url.to_string()
    }
}

/// What an endpoint is for: 1 to 500 characters, of several lines if need be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Description(String);

impl Description {
    pub(crate) const MAX: usize = 500;

    /// Checks a description.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub(crate) fn new(raw: &str) -> Result<Self, RuleViolation> {
        checked_lines("description", raw, 1, Self::MAX).map(Self)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// For how long the former secret signs beside the new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Overlap(Duration);

impl Overlap {
    /// Long enough for every deployment.
    const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

    /// Reads a duration of at most 30 days.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub(crate) fn new(raw: &str) -> Result<Self, RuleViolation> {
        match parse_duration(raw) {
            Ok(overlap) if overlap <= Self::LONGEST => Ok(Self(overlap)),
            _ => {
                let expected = "10s, 15m, 1h, 7d, at most 30d";
                Err(RuleViolation::new("overlap", Rule::InvalidFormat { expected }))
            }
        }
    }

    /// How long.
    pub(crate) const fn get(self) -> Duration {
        self.0
    }
}

impl Default for Overlap {
    /// A day.
    fn default() -> Self {
        Self(Duration::from_secs(24 * 60 * 60))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_absolute_and_of_bounded_length() {
        assert_eq!(
            EndpointUrl::new("https://Example.com/hook?a=1#part").unwrap().as_str(),
            "https://example.com/hook?a=1"
        );
        for malformed in ["", "hook", "/hook", "https://", "http://[::1", "https://exa mple.com"] {
            assert!(EndpointUrl::new(malformed).is_err(), "{malformed}");
        }
        let long = |length: usize| format!("https://example.com/{}", "x".repeat(length - 20));
        assert!(EndpointUrl::new(&long(2_048)).is_ok());
        assert!(EndpointUrl::new(&long(2_049)).is_err());
    }

    #[test]
    fn a_mail_does_not_tell_what_is_in_the_query() {
        let url = EndpointUrl::new("https://example.com/hook?token=secret").unwrap();
        assert_eq!(url.without_query(), "https://example.com/hook");
    }

    #[test]
    fn an_overlap_is_a_duration_of_at_most_thirty_days() {
        assert_eq!(Overlap::default().get(), Duration::from_secs(86_400));
        assert_eq!(Overlap::new("0s").unwrap().get(), Duration::ZERO);
        assert!(Overlap::new("30d").is_ok());
        for bad in ["31d", "1", "-1s", "tomorrow", ""] {
            assert!(Overlap::new(bad).is_err(), "{bad}");
        }
    }
}
