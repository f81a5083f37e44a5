//! E-mail addresses.

use std::fmt;

use kernel::{Rule, RuleViolation};
use unicode_normalization::UnicodeNormalization as _;

/// An e-mail address in the one form that is stored and compared: Unicode NFC and lower case, at most 254 characters.
///
/// What is accepted is what mail servers deliver to, not all of RFC 5322: `local@domain`, the local part made of letters,
/// digits and the punctuation of a dot-atom, the domain of two labels or more. Quoted local parts, comments and address
/// literals are refused: nobody has such an address, and several programs along the way read them differently. Letters
/// outside ASCII are accepted on both sides (RFC 6531).
///
/// It is personal data: it prints as `[redacted]`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Email {
    text: String,
    /// Where the `@` is, in bytes.
    at: usize,
}

impl Email {
    /// The greatest number of characters (RFC 5321, section 4.5.3.1.3, less the angle brackets).
    pub const MAX: usize = 254;
    /// The greatest number of characters before the `@` (RFC 5321, section 4.5.3.1.1).
    const MAX_LOCAL: usize = 64;
    /// The greatest number of characters in a label of the domain (RFC 1035, section 2.3.4).
    const MAX_LABEL: usize = 63;
    const EXAMPLE: &str = "name@example.com";

    /// Checks an address; white space around it is dropped.
    ///
    /// # Errors
    /// The rule that it breaks, on `email`.
    pub fn new(raw: &str) -> Result<Self, RuleViolation> {
        Self::parse(raw).map_err(|rule| RuleViolation::new("email", rule))
    }

    fn parse(raw: &str) -> Result<Self, Rule> {
        let raw = raw.trim();
        if raw.is_empty() {
            return Err(Rule::Required);
        }
        let text = if raw.is_ascii() {
            raw.to_ascii_lowercase()
        } else {
            // Each character by itself: what the whole word would make of a Greek final sigma must not decide who someone is.
            raw.nfc().flat_map(char::to_lowercase).nfc().collect()
        };
        if text.chars().count() > Self::MAX {
            return Err(Rule::TooLong { max: Self::MAX });
        }
        match text.split_once('@') {
            Some((local, domain)) if is_local(local) && is_domain(domain) => {
                let at = local.len();
                Ok(Self { text, at })
            }
            _ => Err(Rule::InvalidFormat {
                expected: Self::EXAMPLE,
            }),
        }
    }

    /// The whole address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What stands before the `@`.
    #[must_use]
    pub fn local_part(&self) -> &str {
        self.text.get(..self.at).unwrap_or_default()
    }

    /// What stands after the `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.text.get(self.at + 1..).unwrap_or_default()
    }
}

fn is_local(local: &str) -> bool {
    let atom = |atom: &str| {
        !atom.is_empty()
            && atom
                .chars()
                .all(|character| character.is_alphanumeric() || "!#$%&'*+/=?^_`{|}~-".contains(character))
    };
    local.chars().count() <= Email::MAX_LOCAL && local.split('.').all(atom)
}

fn is_domain(domain: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.chars().count() <= Email::MAX_LABEL
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .chars()
                .all(|character| character.is_alphanumeric() || character == '-')
    };
    // A last label of digits would be an IPv4 address.
    domain.split('.').all(label)
        && domain
            .rsplit_once('.')
            .is_some_and(|(_, last)| !last.bytes().all(|byte| byte.is_ascii_digit()))
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn email(raw: &str) -> Result<String, Rule> {
        Email::new(raw)
            .map(|email| email.as_str().to_owned())
            .map_err(|violation| violation.rule)
    }

    #[test]
    fn one_address_has_one_form() {
        assert_eq!(
            email(" Ana.Souza+erp@Example.COM\n"),
            Ok("ana.souza+erp@example.com".to_owned())
        );
        assert_eq!(
            email("joa\u{303}o@exemplo.com.br"),
            Ok("joão@exemplo.com.br".to_owned())
        );
        assert_eq!(email("JOÃO@EXEMPLO.COM.BR"), email("joa\u{303}o@exemplo.com.br"));
        assert_eq!(email("ΟΔΟΣ@example.com"), email("οδοσ@example.com"));
    }

    #[test]
    fn an_address_has_two_parts() {
        let ana = Email::new("ana@mail.example.com").unwrap();
        assert_eq!((ana.local_part(), ana.domain()), ("ana", "mail.example.com"));
    }

    #[test]
    fn what_no_server_delivers_to_is_refused() {
        for malformed in [
            "ana",
            "@example.com",
            "ana@",
            "ana@localhost",
            "ana@@example.com",
            "ana@home@example.com",
            ".ana@example.com",
            "ana.@example.com",
            "a..na@example.com",
            "an a@example.com",
            "an\u{a0}a@example.com",
            "an\u{200b}a@example.com",
            "an\u{202e}a@example.com",
            "ana\0@example.com",
            "ana\r\nbcc:eva@example.com",
            "\"ana\"@example.com",
            "ana(comment)@example.com",
            "<ana@example.com>",
            "ana,eva@example.com",
            "ana@example..com",
            "ana@.example.com",
            "ana@example.com.",
            "ana@-example.com",
            "ana@example-.com",
            "ana@exa_mple.com",
            "ana@[127.0.0.1]",
            "ana@127.0.0.1",
        ] {
            assert!(
                matches!(email(malformed), Err(Rule::InvalidFormat { .. })),
                "{malformed}"
            );
        }
        assert_eq!(email("  "), Err(Rule::Required));
    }

    #[test]
    fn the_lengths_of_the_standards_hold() {
        let label = "d".repeat(63);
        let longest = format!("{}@{label}.{label}.{}.com", "l".repeat(64), "d".repeat(57));
        assert_eq!(longest.len(), 254);
        assert!(email(&longest).is_ok());
        assert_eq!(email(&format!("{longest}m")), Err(Rule::TooLong { max: 254 }));
        assert!(email(&format!("{}@example.com", "l".repeat(65))).is_err());
        assert!(email(&format!("ana@{}.com", "d".repeat(64))).is_err());
    }

    #[test]
    fn an_address_is_not_printed() {
        assert_eq!(
            format!("{:?}", Email::new("ana@example.com").unwrap()),
            "Email([redacted])"
        );
    }

    proptest! {
        #[test]
        fn an_accepted_address_is_already_in_its_form(raw in "\\PC{1,12}@[a-zA-Zé]{1,8}\\.\\PC{1,6}") {
            if let Ok(email) = Email::new(&raw) {
                prop_assert_eq!(Email::new(email.as_str()), Ok(email.clone()));
                prop_assert_eq!(format!("{}@{}", email.local_part(), email.domain()), email.as_str());
            }
        }

        #[test]
        fn case_and_composition_do_not_matter(raw in "[a-zà-ý]{1,12}@[a-z]{1,8}\\.[a-z]{2,6}") {
            let decomposed: String = raw.to_uppercase().nfd().collect();
            prop_assert_eq!(Email::new(&decomposed), Email::new(&raw));
        }
    }
}
