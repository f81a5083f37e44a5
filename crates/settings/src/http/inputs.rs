//! What bodies are made of, and what their refusals say.

use contracts::settings::Registration;
use deserr::{Deserr, IntoValue, MergeWithError, Value, ValuePointerRef, take_cf_content};
use http::{ApiError, ErrorCode, Problems, TextSchema};
use kernel::{Locale, RuleViolation};
use utoipa::openapi::schema::ArrayBuilder;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::app::Refusal;
use crate::domain::{
    Color, CurrencyCode, DisplayName, DomainList, DomainName, MailAddress, PageAddress, RequestRate, SessionTtl,
    ZoneName,
};

http::choice! {
    /// A language.
    pub(crate) enum LocaleTag { PtBr = "pt-BR", En = "en" }
}

http::choice! {
    /// Who may register.
    pub(crate) enum RegistrationWay { Closed = "closed", Domains = "domains", Open = "open" }
}

impl LocaleTag {
    pub(super) const fn locale(self) -> Locale {
        match self {
            Self::PtBr => Locale::PtBr,
            Self::En => Locale::En,
        }
    }
}

impl RegistrationWay {
    pub(super) const fn registration(self) -> Registration {
        match self {
            Self::Closed => Registration::Closed,
            Self::Domains => Registration::Domains,
            Self::Open => Registration::Open,
        }
    }
}

http::text_value! { ZoneName, ZoneName::new, TextSchema { example: "America/Sao_Paulo", ..Default::default() } }
http::text_value! {
    CurrencyCode, CurrencyCode::new,
    TextSchema { min_length: Some(3), max_length: Some(3), pattern: Some("^[A-Z]{3}$"), example: "BRL", ..Default::default() }
}
http::text_value! {
    DomainName, DomainName::new,
    TextSchema { max_length: Some(DomainName::MAX), example: DomainName::EXAMPLE, ..Default::default() }
}
http::text_value! {
    SessionTtl, SessionTtl::new,
    TextSchema::duration("From 1s to 365d", "12h")
}
http::text_value! {
    RequestRate, RequestRate::new,
    TextSchema { pattern: Some("^[1-9][0-9]{0,8}/(s|min|h)$"), example: "6000/min", ..Default::default() }
}

http::text_value! {
    DisplayName, DisplayName::new,
    TextSchema::line(1, DisplayName::MAX, "Padaria Central")
}
http::text_value! {
    Color, Color::new,
    TextSchema { pattern: Some(Color::PATTERN), example: "#0B3D91", ..Default::default() }
}
http::text_value! {
    MailAddress, MailAddress::new,
    TextSchema { max_length: Some(MailAddress::MAX), format: Some("email"), example: MailAddress::EXAMPLE, ..Default::default() }
}
http::text_value! {
    PageAddress, PageAddress::new,
    TextSchema {
        max_length: Some(PageAddress::MAX),
        pattern: Some(PageAddress::PATTERN),
        example: PageAddress::EXAMPLE,
        ..Default::default()
    }
}

impl Deserr<Problems> for DomainList {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, location: ValuePointerRef<'_>) -> Result<Self, Problems> {
        let domains = Vec::deserialize_from_value(value, location)?;
        Self::new(domains).map_err(|violation| {
            take_cf_content(<Problems as MergeWithError<RuleViolation>>::merge(
                None, violation, location,
            ))
        })
    }
}

impl PartialSchema for DomainList {
    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new()
            .items(DomainName::schema())
            .max_items(Some(Self::MAX))
            .into()
    }
}

impl ToSchema for DomainList {}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::not_found(),
            Refusal::Violations(violations) => Self::violations(violations),
            Refusal::Stale => Self::new(ErrorCode::ConflictVersion),
            Refusal::Quota(error) => error.into(),
            Refusal::Storage(error) => error.into(),
        }
    }
}
