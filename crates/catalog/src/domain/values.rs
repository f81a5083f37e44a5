//! Codes, names and what else clients write.

use kernel::{Rule, RuleViolation, checked_lines, checked_text};

fn invalid(field: &'static str, expected: &'static str) -> RuleViolation {
    RuleViolation::new(field, Rule::InvalidFormat { expected })
}

/// A module's code: a capital letter, then capital letters, digits and underscores, 2 to 32 characters. It never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModuleCode(String);

impl ModuleCode {
    pub(crate) const PATTERN: &str = "^[A-Z][A-Z0-9_]{1,31}$";
    pub(crate) const MIN: usize = 2;
    pub(crate) const MAX: usize = 32;

    /// Checks a code.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub(crate) fn new(raw: &str) -> Result<Self, RuleViolation> {
        let text = checked_text("code", raw, Self::MIN, Self::MAX)?;
        let rest = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        if text.starts_with(|first: char| first.is_ascii_uppercase()) && text.bytes().all(rest) {
            Ok(Self(text))
        } else {
            Err(invalid("code", Self::PATTERN))
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A package's code: a letter, then letters, digits, hyphens and underscores, 2 to 64 characters. It never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PackageCode(String);

impl PackageCode {
    pub(crate) const PATTERN: &str = "^[A-Za-z][A-Za-z0-9_-]{1,63}$";
    pub(crate) const MIN: usize = 2;
    pub(crate) const MAX: usize = 64;

    /// Checks a code.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub(crate) fn new(raw: &str) -> Result<Self, RuleViolation> {
        let text = checked_text("code", raw, Self::MIN, Self::MAX)?;
        let rest = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if text.starts_with(|first: char| first.is_ascii_alphabetic()) && text.bytes().all(rest) {
            Ok(Self(text))
        } else {
            Err(invalid("code", Self::PATTERN))
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What people call a module or a package: 2 to 120 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name(String);

impl Name {
    pub(crate) const MIN: usize = 2;
    pub(crate) const MAX: usize = 120;

    /// Checks a name.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub(crate) fn new(raw: &str) -> Result<Self, RuleViolation> {
        checked_text("name", raw, Self::MIN, Self::MAX).map(Self)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a module or a package is for: 1 to 500 characters, of several lines if need be.
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

/// The name of a module's icon, in whatever set the front end draws from: 1 to 64 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Icon(String);

impl Icon {
    pub(crate) const MAX: usize = 64;

    /// Checks an icon.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub(crate) fn new(raw: &str) -> Result<Self, RuleViolation> {
        checked_text("icon", raw, 1, Self::MAX).map(Self)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why an exception was made: 1 to 500 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reason(String);

impl Reason {
    pub(crate) const MAX: usize = 500;

    /// Checks a reason.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub(crate) fn new(raw: &str) -> Result<Self, RuleViolation> {
        checked_lines("reason", raw, 1, Self::MAX).map(Self)
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

/// What a quota counts: a small letter, then small letters, digits, underscores and dots, at most 64 characters. Nobody declares
/// metrics; a quota of one that nobody counts limits nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Metric(String);

impl Metric {
    pub(crate) const PATTERN: &str = "^[a-z][a-z0-9_.]{0,63}$";
    pub(crate) const MAX: usize = 64;

    /// Checks a metric's name.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub(crate) fn new(raw: &str) -> Result<Self, RuleViolation> {
        let text = checked_text("metric", raw, 1, Self::MAX)?;
        let rest = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'.';
        if text.starts_with(|first: char| first.is_ascii_lowercase()) && text.bytes().all(rest) {
            Ok(Self(text))
        } else {
            Err(invalid("metric", Self::PATTERN))
        }
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_written_as_their_patterns_say() {
        for valid in ["FINANCE", "A2", "TAX_RULES", &"A".repeat(32)] {
            assert!(ModuleCode::new(valid).is_ok(), "{valid}");
        }
        for malformed in ["finance", "F", "2F", "_F", "F-A", "ÁREA", &"A".repeat(33), ""] {
            assert!(ModuleCode::new(malformed).is_err(), "{malformed}");
        }
        for valid in ["starter", "PRO", "pro-2026", "a_b", &"a".repeat(64)] {
            assert!(PackageCode::new(valid).is_ok(), "{valid}");
        }
        for malformed in ["", "a", "2a", "-a", "a b", "ação", &"a".repeat(65)] {
            assert!(PackageCode::new(malformed).is_err(), "{malformed}");
        }
    }

    #[test]
    fn a_metric_is_a_path_of_small_letters() {
        for valid in ["a", "users.active", "x_1", &"a".repeat(64)] {
            assert!(Metric::new(valid).is_ok(), "{valid}");
        }
        for malformed in ["", "A", "1a", ".a", "a-b", "a b", &"a".repeat(65)] {
            assert!(Metric::new(malformed).is_err(), "{malformed}");
        }
    }
}
