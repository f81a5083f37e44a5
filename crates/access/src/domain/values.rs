//! Code, name and description.

use contracts::access::{MODULE_MANAGER, ORG_ADMIN, SUPER_ADMIN, VIEWER};
use kernel::{Rule, RuleViolation, checked_lines, checked_text};

/// A role's code: a capital letter, then capital letters, digits and underscores, 2 to 64 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RoleCode(String);

impl RoleCode {
    pub(crate) const PATTERN: &str = "^[A-Z][A-Z0-9_]{1,63}$";
    pub(crate) const MIN: usize = 2;
    pub(crate) const MAX: usize = 64;
    /// The codes of the system roles.
    pub(crate) const RESERVED: [&str; 4] = [SUPER_ADMIN, ORG_ADMIN, MODULE_MANAGER, VIEWER];

    /// Checks a code.
    ///
    /// # Errors
    /// The rule that it breaks. That it is reserved is a conflict with what there is, and not for this to say.
    pub(crate) fn new(raw: &str) -> Result<Self, RuleViolation> {
        let text = checked_text("code", raw, Self::MIN, Self::MAX)?;
        let rest = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        if text.starts_with(|first: char| first.is_ascii_uppercase()) && text.bytes().all(rest) {
            Ok(Self(text))
        } else {
            Err(RuleViolation::new(
                "code",
                Rule::InvalidFormat {
                    expected: Self::PATTERN,
                },
            ))
        }
    }

    /// Whether a system role has it.
    pub(crate) fn is_reserved(&self) -> bool {
        Self::RESERVED.contains(&self.0.as_str())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What people call a role: 2 to 120 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RoleName(String);

impl RoleName {
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

/// What a role is for: 1 to 500 characters, of several lines if need be.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_written_in_capitals() {
        assert!(RoleCode::new("FINANCE_CLERK_2").is_ok());
        for malformed in ["finance", "Finance", "2ND", "_A", "A-B", "A B", "ÁREA"] {
            assert!(
                matches!(RoleCode::new(malformed).unwrap_err().rule, Rule::InvalidFormat { .. }),
                "{malformed}"
            );
        }
        assert!(RoleCode::new("A").is_err());
        assert!(RoleCode::new(&"A".repeat(65)).is_err());
        assert!(RoleCode::new("ORG_ADMIN").unwrap().is_reserved());
        assert!(!RoleCode::new("ORG_ADMINS").unwrap().is_reserved());
    }
}
