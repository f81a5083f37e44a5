//! Name, slug and document.

use kernel::{Cnpj, Id as _, OrganizationId, Rule, RuleViolation, checked_text};

/// What people call an organization: 2 to 120 characters.
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

    /// What one is called whose name is gone.
    pub(crate) fn of_purged() -> Self {
        Self("Purged".to_owned())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What an organization is called in addresses: lower-case letters and digits in groups joined by single hyphens, 2 to 63
/// characters (a DNS label's limit).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slug(String);

impl Slug {
    pub(crate) const MIN: usize = 2;
    pub(crate) const MAX: usize = 63;
    pub(crate) const PATTERN: &str = "^[a-z0-9]+(-[a-z0-9]+)*$";
    /// Names that addresses of the installation itself need.
    const RESERVED: [&str; 5] = ["www", "api", "admin", "public", "auth"];

    /// Checks a slug.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub(crate) fn new(raw: &str) -> Result<Self, RuleViolation> {
        let text = checked_text("slug", raw, Self::MIN, Self::MAX)?;
        let group = |group: &str| {
            !group.is_empty()
                && group
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        if !text.split('-').all(group) {
            return Err(RuleViolation::new(
                "slug",
                Rule::InvalidFormat {
                    expected: Self::PATTERN,
                },
            ));
        }
        if Self::RESERVED.contains(&text.as_str()) {
            return Err(RuleViolation::new("slug", Rule::Reserved));
        }
        Ok(Self(text))
    }

    /// What one is called in addresses whose slug is free for others: nobody else has its id.
    pub(crate) fn of_purged(id: OrganizationId) -> Self {
        Self(format!("purged-{}", id.as_uuid().simple()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The company's number: a CNPJ, numeric or alphanumeric (IN RFB 2.229/2024, in force since July 2026).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Document(Cnpj);

impl Document {
    /// Checks a document, with or without punctuation and in either case.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub(crate) fn new(raw: &str) -> Result<Self, RuleViolation> {
        raw.parse()
            .map(Self)
            .map_err(|invalid: kernel::tax_id::InvalidTaxId| RuleViolation::new("document", invalid.into()))
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slug(raw: &str) -> Result<String, Rule> {
        Slug::new(raw)
            .map(|slug| slug.as_str().to_owned())
            .map_err(|violation| violation.rule)
    }

    #[test]
    fn a_slug_is_groups_of_lower_case_letters_and_digits() {
        assert_eq!(slug("padaria-central-2"), Ok("padaria-central-2".to_owned()));
        for malformed in [
            "Padaria",
            "-padaria",
            "padaria-",
            "pada--ria",
            "padaria central",
            "padária",
            "pada_ria",
        ] {
            assert!(
                matches!(slug(malformed), Err(Rule::InvalidFormat { .. })),
                "{malformed}"
            );
        }
        assert!(matches!(slug("a"), Err(Rule::TooShort { min: 2 })));
        assert!(matches!(slug(&"a".repeat(64)), Err(Rule::TooLong { max: 63 })));
        assert!(slug(&"a".repeat(63)).is_ok());
    }

    #[test]
    fn what_is_purged_has_a_name_and_a_slug_by_the_rules() {
        let id = OrganizationId::from_uuid(uuid::Uuid::from_u128(7));
        let slug_of_it = Slug::of_purged(id);
        assert_eq!(slug(slug_of_it.as_str()), Ok(slug_of_it.as_str().to_owned()));
        assert!(Name::new(Name::of_purged().as_str()).is_ok());
    }

    #[test]
    fn names_that_the_installation_needs_are_reserved() {
        for reserved in ["www", "api", "admin", "public", "auth"] {
            assert_eq!(slug(reserved), Err(Rule::Reserved));
        }
        assert!(slug("apis").is_ok());
    }

    #[test]
    fn a_name_has_two_to_120_characters_whatever_bytes_they_take() {
        assert!(Name::new("é").is_err());
        assert!(Name::new(&"é".repeat(120)).is_ok());
        assert!(Name::new(&"é".repeat(121)).is_err());
        assert_eq!(Name::new("  Padaria  ").unwrap().as_str(), "Padaria");
    }

    #[test]
    fn a_document_is_a_cnpj_old_or_new() {
        assert_eq!(Document::new("33.000.167/0001-01").unwrap().as_str(), "33000167000101");
        assert_eq!(Document::new("12.abc.345/01de-35").unwrap().as_str(), "12ABC34501DE35");
        assert_eq!(
            Document::new("33000167000102").unwrap_err().rule,
            Rule::InvalidCheckDigits
        );
        assert_eq!(
            Document::new("00000000000000").unwrap_err().rule,
            Rule::RepeatedCharacter
        );
        assert!(Document::new("529.982.247-25").is_err());
    }
}
