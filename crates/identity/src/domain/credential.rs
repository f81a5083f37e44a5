//! What keys and service accounts have in common: a name, and a list of permissions.

use kernel::{FieldValue, Rule, RuleViolation, checked_text};

/// What people call a key or a service account: 1 to 120 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialName(String);

impl CredentialName {
    /// The least number of characters.
    pub const MIN: usize = 1;
    /// The greatest number of characters.
    pub const MAX: usize = 120;

    /// Checks a name.
    ///
    /// # Errors
    /// The rule that it breaks, on `name`.
    pub fn new(raw: &str) -> Result<Self, RuleViolation> {
        checked_text("name", raw, Self::MIN, Self::MAX).map(Self)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The codes of the permissions that a key or a service account may use: each once, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PermissionList(Vec<String>);

impl PermissionList {
    /// The greatest number of permissions: more than there are for long.
    pub const MAX: usize = 1_000;

    /// A list of codes, in any order and repeated as they may be. Whether they name permissions, the catalogue tells.
    ///
    /// # Errors
    /// [`Rule::TooManyItems`] on `permissions`.
    pub fn new(mut codes: Vec<String>) -> Result<Self, RuleViolation> {
        if codes.len() > Self::MAX {
            return Err(RuleViolation::new("permissions", Rule::TooManyItems { max: Self::MAX }));
        }
        codes.sort_unstable();
        codes.dedup();
        Ok(Self(codes))
    }

    /// The codes.
    #[must_use]
    pub fn codes(&self) -> &[String] {
        &self.0
    }

    /// The codes of both lists.
    #[must_use]
    pub fn with(&self, other: &Self) -> Vec<String> {
        let mut codes = [self.0.as_slice(), other.0.as_slice()].concat();
        codes.sort_unstable();
        codes.dedup();
        codes
    }
}

impl From<&PermissionList> for FieldValue {
    fn from(list: &PermissionList) -> Self {
        Self::from(list.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(codes: &[&str]) -> PermissionList {
        PermissionList::new(codes.iter().map(|code| (*code).to_owned()).collect()).unwrap()
    }

    #[test]
    fn a_list_has_each_code_once_and_in_order() {
        assert_eq!(list(&["B", "A", "B"]).codes(), ["A", "B"]);
        assert_eq!(list(&["B", "A"]).with(&list(&["C", "A"])), ["A", "B", "C"]);
        assert_eq!(list(&[]).codes(), [""; 0]);
    }

    #[test]
    fn a_list_has_an_end() {
        let codes = |count: usize| (0..count).map(|number| number.to_string()).collect();
        assert!(PermissionList::new(codes(1_000)).is_ok());
        let violation = PermissionList::new(codes(1_001)).unwrap_err();
        assert_eq!(
            (&*violation.field, violation.rule),
            ("permissions", Rule::TooManyItems { max: 1_000 })
        );
    }

    #[test]
    fn a_name_is_a_short_text() {
        assert_eq!(CredentialName::new(" CI ").unwrap().as_str(), "CI");
        assert_eq!(CredentialName::new(" ").unwrap_err().rule, Rule::TooShort { min: 1 });
        assert!(CredentialName::new(&"a".repeat(121)).is_err());
    }
}
