//! Passwords: what one may be.

use std::cmp::Ordering;
use std::fmt;

use kernel::secret::{ExposeSecret as _, SecretString};
use kernel::{Rule, RuleViolation};
use unicode_normalization::{UnicodeNormalization as _, is_nfc};
use zeroize::Zeroizing;

use super::Email;

/// The 10,000 commonest passwords, in lower case, a line each, sorted. Where they are from: `common_passwords.md`.
const COMMON: &str = include_str!("../../data/common_passwords.txt");

/// A password as it is hashed: Unicode NFC, so that it does not matter how a keyboard composes an accent (RFC 8265,
/// section 4.2). Nothing is trimmed, nothing is cut off. It is wiped from memory when dropped and prints as
/// `[redacted]`.
#[derive(Clone)]
pub struct Password(SecretString);

impl Password {
    /// The greatest number of characters. More are refused before any work is spent on them.
    pub const MAX: usize = 128;

    /// A password to be compared with a stored hash: whatever was once allowed, up to the greatest length.
    ///
    /// # Errors
    /// [`Rule::Required`] or [`Rule::TooLong`] on `field`.
    pub fn presented(field: &'static str, raw: &str) -> Result<Self, RuleViolation> {
        let violation = |rule| RuleViolation::new(field, rule);
        if raw.is_empty() {
            return Err(violation(Rule::Required));
        }
        // A character takes at most four bytes: no need to look at a megabyte to see that it is too long.
        if raw.len() > Self::MAX * 4 {
            return Err(violation(Rule::TooLong { max: Self::MAX }));
        }
        let text = if is_nfc(raw) {
            raw.to_owned()
        } else {
            raw.nfc().collect()
        };
        let password = Self(SecretString::from(text));
        if password.expose().chars().count() > Self::MAX {
            return Err(violation(Rule::TooLong { max: Self::MAX }));
        }
        Ok(password)
    }

    /// The password itself, for hashing.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password([redacted])")
    }
}

/// What a new password must be: as long as the organization asks for, letters and digits, not among the 10,000
/// commonest, without the name in its owner's e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordPolicy {
    min_length: usize,
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self {
            min_length: Self::SHORTEST,
        }
    }
}

impl PasswordPolicy {
    /// The least minimum length an organization may ask for, and what is asked for without its wish.
    pub const SHORTEST: usize = 8;
    /// The greatest minimum length an organization may ask for.
    pub const LONGEST: usize = 64;
    /// Shorter names are in too many words to mean anything: `al` is in every "normal".
    const SHORTEST_NAME: usize = 3;

    /// The policy of an organization that asks for at least `min_length` characters.
    ///
    /// # Errors
    /// [`Rule::OutOfRange`] on `passwordMinLength` outside 8 to 64.
    pub fn with_min_length(min_length: usize) -> Result<Self, RuleViolation> {
        if (Self::SHORTEST..=Self::LONGEST).contains(&min_length) {
            Ok(Self { min_length })
        } else {
            let rule = Rule::OutOfRange { min: 8, max: 64 };
            Err(RuleViolation::new("passwordMinLength", rule))
        }
    }

    /// Checks a new password for the owner of `email`.
    ///
    /// # Errors
    /// All the rules that it breaks, on `field`.
    pub fn check(&self, field: &'static str, raw: &str, email: &Email) -> Result<Password, Vec<RuleViolation>> {
        let password = Password::presented(field, raw).map_err(|violation| vec![violation])?;
        let alone = self.check_alone(field, raw);
        if !contains_name(password.expose(), email.local_part()) {
            return alone;
        }
        let mut broken = alone.err().unwrap_or_default();
        broken.push(RuleViolation::new(field, Rule::ContainsEmail));
        Err(broken)
    }

    /// Checks what can be told of a new password without its owner's address.
    ///
    /// # Errors
    /// All the rules that it breaks, on `field`.
    pub fn check_alone(&self, field: &'static str, raw: &str) -> Result<Password, Vec<RuleViolation>> {
        let password = Password::presented(field, raw).map_err(|violation| vec![violation])?;
        let text = password.expose();
        let mut broken = Vec::new();
        if text.chars().count() < self.min_length {
            broken.push(Rule::TooShort { min: self.min_length });
        }
        if text.chars().any(char::is_control) {
            broken.push(Rule::ControlCharacter);
        }
        if !text.chars().any(char::is_alphabetic) || !text.chars().any(char::is_numeric) {
            broken.push(Rule::LetterAndDigitNeeded);
        }
        if is_common(text) {
            broken.push(Rule::TooCommon);
        }
        if broken.is_empty() {
            Ok(password)
        } else {
            let violation = |rule| RuleViolation::new(field, rule);
            Err(broken.into_iter().map(violation).collect())
        }
    }
}

/// Whether `password` is in the list, in any case. It allocates nothing: bisects the text and aligns to its lines.
fn is_common(password: &str) -> bool {
    let mut rest = COMMON;
    while !rest.is_empty() {
        let middle = rest.floor_char_boundary(rest.len() / 2);
        let (before, after) = rest.split_at(middle);
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let end = after.find('\n').map_or(rest.len(), |length| middle + length);
        let line = rest.get(start..end).unwrap_or_default();
        // Of UTF-8 the order of the characters is that of the bytes.
        match line.chars().cmp(password.chars().flat_map(char::to_lowercase)) {
            Ordering::Equal => return true,
            Ordering::Less => rest = rest.get(end + 1..).unwrap_or_default(),
            Ordering::Greater => rest = rest.get(..start).unwrap_or_default(),
        }
    }
    false
}

/// Whether the name in an address, which is in lower case, stands in `password`, in any case.
fn contains_name(password: &str, name: &str) -> bool {
    let lower: Zeroizing<String> = Zeroizing::new(password.chars().flat_map(char::to_lowercase).collect());
    name.chars().count() >= PasswordPolicy::SHORTEST_NAME && lower.contains(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn broken(raw: &str) -> Vec<Rule> {
        let email = Email::new("ana.souza@example.com").unwrap();
        match PasswordPolicy::default().check("password", raw, &email) {
            Ok(password) => {
                assert_eq!(password.expose(), raw.nfc().collect::<String>());
                Vec::new()
            }
            Err(violations) => violations
                .into_iter()
                .map(|violation| {
                    assert_eq!(violation.field, "password");
                    violation.rule
                })
                .collect(),
        }
    }

    #[test]
    fn a_good_password_is_accepted() {
        for good in ["tres tigres 3", "correct-horse-7", "Ü2-ünlü-harf", "四文字以上のパス8"] {
            assert_eq!(broken(good), [], "{good}");
        }
        assert_eq!(broken(&format!("{}1", "a".repeat(127))), []);
    }

    #[test]
    fn each_rule_is_reported_and_all_at_once() {
        assert_eq!(broken("tigre-7"), [Rule::TooShort { min: 8 }]);
        assert_eq!(broken("somente letras"), [Rule::LetterAndDigitNeeded]);
        assert_eq!(broken("2026-11-21 12"), [Rule::LetterAndDigitNeeded]);
        assert_eq!(broken("tigres\0tristes3"), [Rule::ControlCharacter]);
        assert_eq!(broken("Password123"), [Rule::TooCommon]);
        assert_eq!(broken("xx-Ana.Souza-77"), [Rule::ContainsEmail]);
        assert_eq!(
            broken("monkey"),
            [Rule::TooShort { min: 8 }, Rule::LetterAndDigitNeeded, Rule::TooCommon]
        );
        assert_eq!(broken(""), [Rule::Required]);
        assert_eq!(broken(&format!("{}1", "a".repeat(128))), [Rule::TooLong { max: 128 }]);
        assert_eq!(broken(&"a1".repeat(500_000)), [Rule::TooLong { max: 128 }]);
    }

    #[test]
    fn length_counts_characters_and_not_bytes() {
        assert_eq!(broken(&format!("{}1", "é".repeat(127))), []);
        assert_eq!(broken(&format!("{}1", "é".repeat(6))), [Rule::TooShort { min: 8 }]);
    }

    #[test]
    fn an_accent_is_one_however_it_is_typed() {
        let composed = Password::presented("password", "açúcar-9").unwrap();
        let decomposed = Password::presented("password", "ac\u{327}u\u{301}car-9").unwrap();
        assert_eq!(composed.expose(), decomposed.expose());
    }

    #[test]
    fn a_short_name_is_in_too_many_words() {
        let email = Email::new("al@example.com").unwrap();
        assert!(
            PasswordPolicy::default()
                .check("password", "normal-77-x", &email)
                .is_ok()
        );
        let email = Email::new("ana@example.com").unwrap();
        assert!(
            PasswordPolicy::default()
                .check("password", "BANANA-77-x", &email)
                .is_err()
        );
    }

    #[test]
    fn an_organization_may_ask_for_more_characters() {
        let email = Email::new("ana@example.com").unwrap();
        let strict = PasswordPolicy::with_min_length(12).unwrap();
        let violations = strict.check("newPassword", "tigre-77-xy", &email).unwrap_err();
        assert_eq!(
            violations,
            [RuleViolation::new("newPassword", Rule::TooShort { min: 12 })]
        );
        assert!(strict.check("newPassword", "tigre-77-xyz", &email).is_ok());
        for outside in [0, 7, 65] {
            assert!(PasswordPolicy::with_min_length(outside).is_err());
        }
        assert!(PasswordPolicy::with_min_length(64).is_ok());
    }

    #[test]
    fn the_list_has_ten_thousand_sorted_lines() {
        let lines: Vec<&str> = COMMON.lines().collect();
        assert_eq!(lines.len(), 10_000);
        assert!(lines.is_sorted_by(|a, b| a < b));
        assert!(COMMON.ends_with('\n'));
    }

    #[test]
    fn each_line_of_the_list_is_found_in_either_case() {
        for line in COMMON.lines() {
            assert!(is_common(line), "{line}");
            assert!(is_common(&line.to_ascii_uppercase()), "{line}");
        }
    }

    #[test]
    fn what_is_not_in_the_list_is_not_found() {
        let lines: std::collections::BTreeSet<&str> = COMMON.lines().collect();
        for line in COMMON.lines() {
            for near in [format!("{line}!"), format!(" {line}"), line.chars().skip(1).collect()] {
                assert_eq!(is_common(&near), lines.contains(near.as_str()), "{near}");
            }
        }
        for outside in ["", "\n", "\u{10ffff}", "zzzzzzzzzzzzzzzz", "password1\n"] {
            assert!(!is_common(outside), "{outside:?}");
        }
    }

    #[test]
    fn a_password_is_not_printed() {
        let password = Password::presented("password", "marked-secret-1").unwrap();
        assert!(!format!("{password:?}").contains("marked-secret"));
        let refused = PasswordPolicy::default().check("password", "mrkd-1", &Email::new("a@example.com").unwrap());
        assert!(!format!("{refused:?}").contains("mrkd"));
    }

    proptest! {
        #[test]
        fn any_text_is_accepted_or_refused(raw in "\\PC{0,200}") {
            let email = Email::new("ana@example.com").unwrap();
            match PasswordPolicy::default().check("password", &raw, &email) {
                Ok(password) => prop_assert!((8..=128).contains(&password.expose().chars().count())),
                Err(violations) => prop_assert!(!violations.is_empty()),
            }
        }
    }
}
