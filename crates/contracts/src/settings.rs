//! Settings and branding as others read them.

use std::sync::Arc;
use std::time::Duration;

use db::{DbError, UnitOfWork};
use futures_util::future::BoxFuture;
use kernel::{Locale, OrganizationId, Rate, format_duration};
use serde::Serialize;
use utoipa::ToSchema;

/// Who may register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Registration {
    /// Nobody: people are invited or created.
    Closed,
    /// Whoever proves an address of a listed domain.
    Domains,
    /// Anybody.
    Open,
}

impl Registration {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Closed, Self::Domains, Self::Open];

    /// Its name in the API and in storage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Domains => "domains",
            Self::Open => "open",
        }
    }

    /// The way with the name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|registration| registration.as_str() == name)
    }
}

/// The settings of one organization, every one with its value or its default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationSettings {
    /// The language of mails and defaults.
    pub locale: Locale,
    /// The IANA name of the time zone.
    pub time_zone: String,
    /// The ISO 4217 code of the currency.
    pub currency: String,
    /// Who may register.
    pub registration: Registration,
    /// The e-mail domains that may, in lower case.
    pub registration_domains: Vec<String>,
    /// After how long a session ends absolutely.
    pub session_ttl: Option<Duration>,
    /// The shortest password, in characters.
    pub password_min_length: u32,
    /// Whether everybody needs a second factor.
    pub mfa_required: bool,
    /// For how many days audit entries are kept.
    pub audit_retention_days: u32,
    /// Requests of one actor: how many in which time. It tightens the installation's, which `None` leaves alone.
    pub rate_limit: Option<Rate>,
    /// Whether the platform may open support sessions.
    pub support_access: bool,
}

impl Default for OrganizationSettings {
    fn default() -> Self {
        Self {
            locale: Locale::PtBr,
            time_zone: "America/Sao_Paulo".to_owned(),
            currency: "BRL".to_owned(),
            registration: Registration::Closed,
            registration_domains: Vec::new(),
            session_ttl: None,
            password_min_length: 8,
            mfa_required: false,
            audit_retention_days: 1825,
            rate_limit: None,
            support_access: true,
        }
    }
}

/// The settings of one organization as the API shows them, and as `settings.updated` carries them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Settings, rename_all = "camelCase")]
pub struct SettingsView {
    /// The language of mails and defaults: `pt-BR` or `en`.
    #[schema(value_type = String)]
    pub locale: Locale,
    /// The IANA name of the time zone.
    pub time_zone: String,
    /// The ISO 4217 code of the currency.
    pub currency: String,
    /// Who may register: `closed`, `domains` or `open`.
    pub registration: &'static str,
    /// The e-mail domains that may, in lower case.
    pub registration_domains: Vec<String>,
    /// After how long a session ends absolutely, such as `12h`; `null` is never.
    pub session_ttl: Option<String>,
    /// The shortest password, in characters.
    pub password_min_length: u32,
    /// Whether everybody needs a second factor.
    pub mfa_required: bool,
    /// For how many days audit entries are kept.
    pub audit_retention_days: u32,
    /// Requests of one actor, such as `6000/min`; `null` is the installation's limit.
    pub rate_limit: Option<String>,
    /// Whether the platform may open support sessions.
    pub support_access: bool,
}

impl From<&OrganizationSettings> for SettingsView {
    fn from(settings: &OrganizationSettings) -> Self {
        Self {
            locale: settings.locale,
            time_zone: settings.time_zone.clone(),
            currency: settings.currency.clone(),
            registration: settings.registration.as_str(),
            registration_domains: settings.registration_domains.clone(),
            session_ttl: settings.session_ttl.map(format_duration),
            password_min_length: settings.password_min_length,
            mfa_required: settings.mfa_required,
            audit_retention_days: settings.audit_retention_days,
            rate_limit: settings.rate_limit.map(|rate| rate.to_string()),
            support_access: settings.support_access,
        }
    }
}

/// How an organization looks in a mail.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Branding {
    /// What it calls itself; its name when unset.
    pub display_name: Option<String>,
    /// The address of its logo.
    pub logo_url: Option<String>,
    /// `#RRGGBB`.
    pub primary_color: Option<String>,
    /// `#RRGGBB`, readable on the primary colour.
    pub on_primary_color: Option<String>,
    /// Where people write for help.
    pub support_email: Option<String>,
    /// Where people look for help.
    pub support_url: Option<String>,
}

/// Tells the settings of organizations, from memory where it can. Provided by settings.
pub trait Settings: Send + Sync {
    /// The settings of the organization.
    ///
    /// # Errors
    /// [`DbError`].
    fn of(&self, organization: OrganizationId) -> BoxFuture<'_, Result<Arc<OrganizationSettings>, DbError>>;

    /// The settings of the organization, which nobody changes until the unit ends: for what must not happen beside a change that
    /// forbids it.
    ///
    /// # Errors
    /// [`DbError`].
    fn hold<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        organization: OrganizationId,
    ) -> BoxFuture<'a, Result<OrganizationSettings, DbError>>;

    /// The settings of the organization if they are in memory. If they are not, they will be soon: for whoever is asked at
    /// every request and can wait for nothing.
    fn known(&self, organization: OrganizationId) -> Option<Arc<OrganizationSettings>>;

    /// How the organization looks.
    ///
    /// # Errors
    /// [`DbError`].
    fn branding(&self, organization: OrganizationId) -> BoxFuture<'_, Result<Arc<Branding>, DbError>>;
}
