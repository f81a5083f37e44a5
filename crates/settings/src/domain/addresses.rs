//! Where people find help and rules.

use kernel::{Rule, RuleViolation, checked_text};
use url::Url;

use super::DomainName;

/// An address of a page, over https, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PageAddress(String);

impl PageAddress {
    /// How it is written.
    pub(crate) const EXAMPLE: &str = "https://example.com/help";
    /// What can be said of it in a pattern.
    pub(crate) const PATTERN: &str = r#"^https://[^\s\x00-\x1f\x7f"'<>\\`{}|^]+$"#;
    /// The greatest number of characters.
    pub(crate) const MAX: usize = 2_048;

    /// Checks an address: https, a host, no user name or password, and nothing that a mail or a page would have to escape.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub(crate) fn new(raw: &str) -> Result<Self, RuleViolation> {
        let text = checked_text("url", raw, 1, Self::MAX)?;
        let is_plain = !text.contains(|character: char| {
            character.is_whitespace()
                || matches!(character, '"' | '\'' | '<' | '>' | '\\' | '`' | '{' | '}' | '|' | '^')
        });
        let is_page = Url::parse(&text).is_ok_and(|url| {
            url.scheme() == "https" && url.has_host() && url.username().is_empty() && url.password().is_none()
        });
        // The parser forgives `https:example.com`; people who look at it do not.
        if is_plain
            && is_page
            && text
                .get(..8)
                .is_some_and(|start| start.eq_ignore_ascii_case("https://"))
        {
            Ok(Self(text))
        } else {
            let expected = Self::EXAMPLE;
            Err(RuleViolation::new("url", Rule::InvalidFormat { expected }))
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// An e-mail address that people write to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MailAddress(String);

impl MailAddress {
    /// How it is written.
    pub(crate) const EXAMPLE: &str = "help@example.com";
    /// The greatest number of characters (RFC 5321).
    pub(crate) const MAX: usize = 254;
    const MAX_LOCAL: usize = 64;

    /// Checks an address: a dot-atom, and a domain of two labels or more.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub(crate) fn new(raw: &str) -> Result<Self, RuleViolation> {
        let text = checked_text("email", raw, 1, Self::MAX)?;
        let is_atom = |atom: &str| {
            !atom.is_empty()
                && atom
                    .chars()
                    .all(|character| character.is_alphanumeric() || "!#$%&'*+/=?^_`{|}~-".contains(character))
        };
        let is_address = text.rsplit_once('@').is_some_and(|(local, domain)| {
            local.chars().count() <= Self::MAX_LOCAL && local.split('.').all(is_atom) && DomainName::new(domain).is_ok()
        });
        if is_address {
            Ok(Self(text))
        } else {
            let expected = Self::EXAMPLE;
            Err(RuleViolation::new("email", Rule::InvalidFormat { expected }))
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_reached_over_https() {
        for raw in [
            "https://example.com",
            "https://example.com/ajuda?x=1#a",
            "HTTPS://EXAMPLE.com:8443/",
            "https://padaria-são.com.br/",
        ] {
            assert_eq!(PageAddress::new(raw).unwrap().as_str(), raw);
        }
        for raw in [
            "",
            "http://example.com",
            "javascript:alert(1)",
            "https:example.com",
            "https://",
            "//example.com",
            "example.com",
            "https://ana:secret@example.com/",
            "https://ana@example.com/",
            "https://example.com/\"onclick=",
            "https://exa mple.com",
            "https://example.com/<b>",
            "data:text/html,x",
            "https://example.com\\@evil.example",
        ] {
            assert!(PageAddress::new(raw).is_err(), "{raw}");
        }
    }

    #[test]
    fn an_e_mail_address_has_a_domain() {
        for raw in ["ajuda@padaria.com.br", "ana.souza+erp@example.com"] {
            assert_eq!(MailAddress::new(raw).unwrap().as_str(), raw);
        }
        for raw in [
            "",
            "ajuda",
            "@example.com",
            "a@b",
            "a..b@example.com",
            "a b@example.com",
            "a@example.com\nBcc: x@y.com",
        ] {
            assert!(MailAddress::new(raw).is_err(), "{raw}");
        }
    }
}
