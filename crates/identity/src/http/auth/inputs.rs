//! How public routes name an organization.

use http::{ApiError, IdText, TextSchema};
use kernel::{OrganizationId, Rule, RuleViolation};

use crate::app::Named;

/// A slug as it is named; what is none names no organization, which is nobody's business.
#[derive(Clone, Debug)]
pub(crate) struct SlugText(String);

impl SlugText {
    const MAX: usize = 63;

    fn new(raw: &str) -> Result<Self, RuleViolation> {
        let slug = raw.trim();
        let violation = |rule| Err(RuleViolation::new("organizationSlug", rule));
        if slug.is_empty() {
            violation(Rule::Required)
        } else if slug.chars().count() > Self::MAX {
            violation(Rule::TooLong { max: Self::MAX })
        } else {
            Ok(Self(slug.to_owned()))
        }
    }
}

http::text_value! {
    SlugText, SlugText::new,
    TextSchema {
        min_length: Some(1),
        max_length: Some(SlugText::MAX),
        pattern: Some(r"\S"),
        example: "padaria-central",
        ..Default::default()
    }
}

/// The organization that a body names, by one of its two names.
///
/// # Errors
/// 400 when it has neither or both.
pub(crate) fn named(id: Option<IdText<OrganizationId>>, slug: Option<SlugText>) -> Result<Named, ApiError> {
    match (id, slug) {
        (Some(IdText(id)), None) => Ok(Named::Id(id)),
        (None, Some(SlugText(slug))) => Ok(Named::Slug(slug)),
        (None, None) => Err(ApiError::violation("organizationId", Rule::Required)),
        (Some(_), Some(_)) => Err(ApiError::violation("organizationSlug", Rule::Invalid)),
    }
}
