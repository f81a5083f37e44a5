//! Settings and branding as others read them.

use std::sync::Arc;
use std::time::Duration;

use db::DbError;
use futures_util::future::BoxFuture;
use kernel::{Locale, OrganizationId};

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
    /// Requests of one actor: how many in which time. `None` is the installation's.
    pub rate_limit: Option<(u32, Duration)>,
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

    /// How the organization looks.
    ///
    /// # Errors
    /// [`DbError`].
    fn branding(&self, organization: OrganizationId) -> BoxFuture<'_, Result<Arc<Branding>, DbError>>;
}
