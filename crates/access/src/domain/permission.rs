//! A permission that the platform creates for a business module.

use kernel::{Rule, RuleViolation, checked_lines, checked_text};

/// The resource or the action of a permission: letters, digits and underscores, beginning with a letter, 2 to 40 characters. Clients
/// may write it in either case; it is kept in upper case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CodePart(String);

impl CodePart {
    pub(crate) const PATTERN: &str = "^[A-Za-z][A-Za-z0-9_]{1,39}$";
    pub(crate) const MIN: usize = 2;
    pub(crate) const MAX: usize = 40;

    /// Checks a part.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub(crate) fn new(raw: &str) -> Result<Self, RuleViolation> {
        let text = checked_text("code", raw, Self::MIN, Self::MAX)?;
        let rest = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if text.starts_with(|first: char| first.is_ascii_alphabetic()) && text.bytes().all(rest) {
            Ok(Self(text.to_ascii_uppercase()))
        } else {
            let expected = Self::PATTERN;
            Err(RuleViolation::new("code", Rule::InvalidFormat { expected }))
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a permission allows: 1 to 500 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PermissionText(String);

impl PermissionText {
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

/// What it takes to make a permission. Its code is `MODULE_RESOURCE_ACTION`.
#[derive(Debug, Clone)]
pub(crate) struct NewPermission {
    pub(crate) resource: CodePart,
    pub(crate) action: CodePart,
    pub(crate) is_platform: bool,
    pub(crate) description: Option<PermissionText>,
}

impl NewPermission {
    /// The code that it gets in a module.
    pub(crate) fn code(&self, module: &str) -> String {
        format!("{module}_{}_{}", self.resource.as_str(), self.action.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_generated_in_upper_case() {
        let new = NewPermission {
            resource: CodePart::new("invoice").unwrap(),
            action: CodePart::new("Approve").unwrap(),
            is_platform: false,
            description: None,
        };
        assert_eq!(new.code("FINANCE"), "FINANCE_INVOICE_APPROVE");
        for malformed in ["a", "1st", "a-b", "a b", "_a", "ação"] {
            assert!(CodePart::new(malformed).is_err(), "{malformed}");
        }
    }
}
