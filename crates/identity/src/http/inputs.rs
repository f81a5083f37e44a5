//! What the bodies of several endpoints are made of.

use std::borrow::Cow;
use std::time::Duration;

use deserr::{Deserr, IntoValue, MergeWithError, Value, ValuePointerRef};
use http::{Problems, SecretText, TextSchema};
use kernel::secret::ExposeSecret as _;
use kernel::{Rule, RuleViolation, parse_duration};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::{CredentialName, Email, Network, Password, PasswordPolicy, UserName};

http::text_value! {
    Email, Email::new,
    TextSchema {
        max_length: Some(Email::MAX),
        format: Some("email"),
        example: "ana@padaria.example.com",
        ..Default::default()
    }
}
http::text_value! {
    UserName, UserName::new,
    TextSchema::line(UserName::MIN, UserName::MAX, "Ana Souza")
}
// A password as it is presented: whatever was once allowed. A new one is checked against the organization's policy besides.
http::text_value! {
    Password, |raw| Password::presented("password", raw),
    TextSchema {
        min_length: Some(1),
        max_length: Some(Password::MAX),
        format: Some("password"),
        example: "tres tigres 3",
        ..Default::default()
    }
}
http::text_value! {
    CredentialName, CredentialName::new,
    TextSchema::line(CredentialName::MIN, CredentialName::MAX, "Shop")
}
http::text_value! {
    Network, Network::new,
    TextSchema { example: "203.0.113.0/24", ..Default::default() }
}

/// A new password as it was chosen. What is wrong with it by itself is told together with the problems of the other fields; what
/// its organization and its owner's address ask for, by [`check`](Self::check).
#[derive(Clone, Debug)]
pub(crate) struct ChosenPassword(SecretText);

impl ChosenPassword {
    /// The password, for the owner of the address.
    ///
    /// # Errors
    /// All the rules that it breaks, on `field`.
    pub(crate) fn check(
        &self,
        field: &'static str,
        policy: PasswordPolicy,
        email: &Email,
    ) -> Result<Password, Vec<RuleViolation>> {
        policy.check(field, self.0.0.expose_secret(), email)
    }
}

impl Deserr<Problems> for ChosenPassword {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, location: ValuePointerRef<'_>) -> Result<Self, Problems> {
        let text = SecretText::deserialize_from_value(value, location)?;
        let Err(broken) = PasswordPolicy::default().check_alone("password", text.0.expose_secret()) else {
            return Ok(Self(text));
        };
        let merge = |problems, violation| {
            let merged = <Problems as MergeWithError<RuleViolation>>::merge(problems, violation, location);
            Some(deserr::take_cf_content(merged))
        };
        broken.into_iter().fold(None, merge).map_or(Ok(Self(text)), Err)
    }
}

impl PartialSchema for ChosenPassword {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Password)))
            .min_length(Some(PasswordPolicy::SHORTEST))
            .max_length(Some(Password::MAX))
            .pattern(Some(r"^[^\x00-\x1f\x7f-\x9f]*$"))
            .write_only(true)
            .into()
    }
}

impl ToSchema for ChosenPassword {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("NewPassword")
    }
}

/// For how long the secret before a rotation still works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Overlap(Duration);

impl Overlap {
    /// Long enough for every deployment, short enough that a leaked secret is worth little.
    const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

    /// Reads a duration of at most 30 days.
    ///
    /// # Errors
    /// The rule that it breaks, on `overlap`.
    pub(crate) fn new(raw: &str) -> Result<Self, RuleViolation> {
        match parse_duration(raw) {
            Ok(overlap) if overlap <= Self::LONGEST => Ok(Self(overlap)),
            _ => {
                let expected = "10s, 15m, 1h, 7d, at most 30d";
                Err(RuleViolation::new("overlap", Rule::InvalidFormat { expected }))
            }
        }
    }

    /// How long.
    pub(crate) const fn get(self) -> Duration {
        self.0
    }
}

http::text_value! {
    Overlap, Overlap::new,
    TextSchema::duration("At most 30d", "1h")
}
