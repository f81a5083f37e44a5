//! The table `settings`.

use contracts::settings::{OrganizationSettings, Registration, SettingsView};
use db::{DbError, Row, Scope, Sql, UnitOfWork, Value};
use kernel::{Locale, OrganizationId, format_duration, parse_duration};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::{owner, rendered};
use crate::domain::Settings;
use crate::view::SettingsShown;

const LOOKUP: Sql = Sql::tenant("SELECT chosen FROM settings WHERE organization_id = $1").point();
const SAVE: Sql = Sql::tenant(
    "INSERT INTO settings (organization_id, chosen, updated_at) VALUES ($1, $2, $3) \
     ON CONFLICT (organization_id) DO UPDATE SET chosen = excluded.chosen, updated_at = excluded.updated_at",
);

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[LOOKUP, SAVE];

/// The settings that differ from their defaults, as they are stored. What a later version of the program put there is kept.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Chosen {
    #[serde(skip_serializing_if = "Option::is_none")]
    locale: Option<Locale>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_zone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    registration: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    registration_domains: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_ttl: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_min_length: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mfa_required: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audit_retention_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_limit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    support_access: Option<bool>,
    #[serde(flatten)]
    later: Map<String, Json>,
}

impl Chosen {
    fn of(values: &OrganizationSettings, later: Map<String, Json>) -> Self {
        fn unless<T: PartialEq>(value: T, default: &T) -> Option<T> {
            (value != *default).then_some(value)
        }
        let defaults = OrganizationSettings::default();
        let values = values.clone();
        Self {
            locale: unless(values.locale, &defaults.locale),
            time_zone: unless(values.time_zone, &defaults.time_zone),
            currency: unless(values.currency, &defaults.currency),
            registration: unless(values.registration, &defaults.registration).map(|way| way.as_str().to_owned()),
            registration_domains: unless(values.registration_domains, &defaults.registration_domains),
            session_ttl: values.session_ttl.map(format_duration),
            password_min_length: unless(values.password_min_length, &defaults.password_min_length),
            mfa_required: unless(values.mfa_required, &defaults.mfa_required),
            audit_retention_days: unless(values.audit_retention_days, &defaults.audit_retention_days),
            rate_limit: values.rate_limit.map(|rate| rate.to_string()),
            support_access: unless(values.support_access, &defaults.support_access),
            later,
        }
    }

    /// Every setting with its value; `None` when one of them is not what it says.
    fn values(self) -> Option<OrganizationSettings> {
        let defaults = OrganizationSettings::default();
        Some(OrganizationSettings {
            locale: self.locale.unwrap_or(defaults.locale),
            time_zone: self.time_zone.unwrap_or(defaults.time_zone),
            currency: self.currency.unwrap_or(defaults.currency),
            registration: match self.registration {
                Some(name) => Registration::find(&name)?,
                None => defaults.registration,
            },
            registration_domains: self.registration_domains.unwrap_or(defaults.registration_domains),
            session_ttl: match self.session_ttl {
                Some(text) => Some(parse_duration(&text).ok()?),
                None => defaults.session_ttl,
            },
            password_min_length: self.password_min_length.unwrap_or(defaults.password_min_length),
            mfa_required: self.mfa_required.unwrap_or(defaults.mfa_required),
            audit_retention_days: self.audit_retention_days.unwrap_or(defaults.audit_retention_days),
            rate_limit: match self.rate_limit {
                Some(text) => Some(text.parse().ok()?),
                None => defaults.rate_limit,
            },
            support_access: self.support_access.unwrap_or(defaults.support_access),
        })
    }
}

/// Every setting of the organization, with its value or its default.
pub(crate) async fn lookup(scope: Scope<'_>) -> Result<OrganizationSettings, DbError> {
    Ok(scope
        .optional(&LOOKUP, &[], |row| values(row).map(|(values, _)| values))
        .await?
        .unwrap_or_default())
}

/// Reads the settings for a change, and holds them until the unit ends.
pub(crate) async fn lock(uow: &UnitOfWork, organization_id: OrganizationId) -> Result<Settings, DbError> {
    owner::lock(uow, organization_id).await?;
    let found = lookup(uow.scope(organization_id).reads()).await?;
    Ok(Settings::stored(organization_id, found))
}

/// Stores what changed; false when nothing did.
pub(crate) async fn save(uow: &UnitOfWork, settings: &mut Settings) -> Result<bool, DbError> {
    let events = settings.take_events();
    if events.is_empty() {
        return Ok(false);
    }
    let organization_id = settings.organization_id();
    let scope = uow.scope(organization_id);
    let later = scope
        .reads()
        .optional(&LOOKUP, &[], |row| values(row).map(|(_, later)| later))
        .await?;
    let chosen = rendered(&Chosen::of(settings.values(), later.unwrap_or_default()))?;
    let row = [Value::Json(chosen.into()), uow.now().into()];
    scope.send(&SAVE, &row).await?;
    let shown = SettingsShown {
        id: organization_id,
        settings: SettingsView::from(settings.values()),
    };
    uow.record_all(organization_id, events, &shown)
}

/// The values, and what a later version of the program put beside them.
fn values(row: &Row<'_>) -> Result<(OrganizationSettings, Map<String, Json>), DbError> {
    let mut chosen: Chosen = serde_json::from_str(&row.get::<String>(0)?).map_err(|_| row.inconsistency(0))?;
    let later = std::mem::take(&mut chosen.later);
    let values = chosen.values().ok_or_else(|| row.inconsistency(0))?;
    Ok((values, later))
}
