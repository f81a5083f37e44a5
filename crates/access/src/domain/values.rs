//! Code, name and description, of roles and groups alike.

use contracts::access::{MODULE_MANAGER, ORG_ADMIN, SUPER_ADMIN, VIEWER};
use kernel::{Rule, RuleViolation, checked_lines, checked_text};

/// A code: a capital letter, then capital letters, digits and underscores, 2 to 64 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Code(String);

impl Code {
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

    /// A code made of a name: its letters and digits in upper case, with underscores between. `None` when the name has too few.
    pub(crate) fn from_name(name: &Name) -> Option<Self> {
        let mut code = String::new();
        for character in kernel::fold(name.as_str()).chars() {
            if character.is_ascii_alphanumeric() {
                code.push(character.to_ascii_uppercase());
            } else if !code.is_empty() && !code.ends_with('_') {
                code.push('_');
            }
        }
        code.truncate(Self::MAX);
        Self::new(code.trim_end_matches('_')).ok()
    }

    /// Whether a system role has it.
    pub(crate) fn is_reserved(&self) -> bool {
        Self::RESERVED.contains(&self.0.as_str())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What people call a role or a group: 2 to 120 characters.
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

/// What a role or a group is for: 1 to 500 characters, of several lines if need be.
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
        assert!(Code::new("FINANCE_CLERK_2").is_ok());
        for malformed in ["finance", "Finance", "2ND", "_A", "A-B", "A B", "ÁREA"] {
            assert!(
                matches!(Code::new(malformed).unwrap_err().rule, Rule::InvalidFormat { .. }),
                "{malformed}"
            );
        }
        assert!(Code::new("A").is_err());
        assert!(Code::new(&"A".repeat(65)).is_err());
        assert!(Code::new("ORG_ADMIN").unwrap().is_reserved());
        assert!(!Code::new("ORG_ADMINS").unwrap().is_reserved());
    }

    #[test]
    fn a_code_can_be_made_of_a_name() {
        let made = |name| Code::from_name(&Name::new(name).unwrap()).map(|code| code.0);
        assert_eq!(
            made("Contas a pagar (São Paulo)").as_deref(),
            Some("CONTAS_A_PAGAR_SAO_PAULO")
        );
        assert_eq!(made("経理"), None);
        assert_eq!(made("2 de maio"), None, "a code begins with a letter");
        assert_eq!(made(&"a".repeat(100)).map(|code| code.len()), Some(64));
    }
}
