//! The settings of one organization.

use std::time::Duration;

use contracts::settings::{OrganizationSettings, Registration};
use kernel::{DomainEvent, FieldValue, Id as _, Locale, OrganizationId, Rate, format_duration};

use super::{CurrencyCode, DomainList, RequestRate, SessionTtl, SettingsId, ZoneName};
use crate::manifest::SETTINGS_UPDATED;

/// What to change; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub(crate) struct Changes {
    pub(crate) locale: Option<Locale>,
    pub(crate) time_zone: Option<ZoneName>,
    pub(crate) currency: Option<CurrencyCode>,
    pub(crate) registration: Option<Registration>,
    pub(crate) registration_domains: Option<DomainList>,
    /// `Some(None)` lets sessions last as long as they are used.
    pub(crate) session_ttl: Option<Option<SessionTtl>>,
    pub(crate) password_min_length: Option<u32>,
    pub(crate) mfa_required: Option<bool>,
    pub(crate) audit_retention_days: Option<u32>,
    /// `Some(None)` leaves the installation's limit alone.
    pub(crate) rate_limit: Option<Option<RequestRate>>,
    pub(crate) support_access: Option<bool>,
}

/// The settings of one organization. They record what happens to them; whoever stores them takes the events along.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    organization_id: OrganizationId,
    values: OrganizationSettings,
    events: Vec<DomainEvent>,
}

impl Settings {
    /// The settings as they are stored.
    pub(crate) fn stored(organization_id: OrganizationId, values: OrganizationSettings) -> Self {
        Self {
            organization_id,
            values,
            events: Vec::new(),
        }
    }

    /// Whose they are.
    pub(crate) fn organization_id(&self) -> OrganizationId {
        self.organization_id
    }

    /// Every one with its value or its default.
    pub(crate) fn values(&self) -> &OrganizationSettings {
        &self.values
    }

    /// Changes what differs; nothing is recorded when nothing does.
    pub(crate) fn change(&mut self, changes: Changes) {
        let before = self.values.clone();
        apply(&mut self.values, changes);
        let (from, to) = (&before, &self.values);
        let event = DomainEvent::new(SETTINGS_UPDATED, SettingsId::from_uuid(self.organization_id.as_uuid()))
            .changed("locale", from.locale.as_str(), to.locale.as_str())
            .changed("timeZone", from.time_zone.as_str(), to.time_zone.as_str())
            .changed("currency", from.currency.as_str(), to.currency.as_str())
            .changed("registration", from.registration.as_str(), to.registration.as_str())
            .changed(
                "registrationDomains",
                from.registration_domains.clone(),
                to.registration_domains.clone(),
            )
            .changed("sessionTtl", duration(from.session_ttl), duration(to.session_ttl))
            .changed(
                "passwordMinLength",
                i64::from(from.password_min_length),
                i64::from(to.password_min_length),
            )
            .changed("mfaRequired", from.mfa_required, to.mfa_required)
            .changed(
                "auditRetentionDays",
                i64::from(from.audit_retention_days),
                i64::from(to.audit_retention_days),
            )
            .changed("rateLimit", rate(from.rate_limit), rate(to.rate_limit))
            .changed("supportAccess", from.support_access, to.support_access);
        if !event.changes.is_empty() {
            self.events.push(event);
        }
    }

    /// Hands over what happened since the last time.
    pub(crate) fn take_events(&mut self) -> Vec<DomainEvent> {
        std::mem::take(&mut self.events)
    }
}

fn apply(values: &mut OrganizationSettings, changes: Changes) {
    fn set<T>(value: &mut T, change: Option<T>) {
        if let Some(change) = change {
            *value = change;
        }
    }
    set(&mut values.locale, changes.locale);
    set(&mut values.time_zone, changes.time_zone.map(ZoneName::into_string));
    set(&mut values.currency, changes.currency.map(CurrencyCode::into_string));
    set(&mut values.registration, changes.registration);
    set(
        &mut values.registration_domains,
        changes.registration_domains.map(DomainList::into_strings),
    );
    set(
        &mut values.session_ttl,
        changes.session_ttl.map(|ttl| ttl.map(SessionTtl::get)),
    );
    set(&mut values.password_min_length, changes.password_min_length);
    set(&mut values.mfa_required, changes.mfa_required);
    set(&mut values.audit_retention_days, changes.audit_retention_days);
    set(
        &mut values.rate_limit,
        changes.rate_limit.map(|limit| limit.map(RequestRate::get)),
    );
    set(&mut values.support_access, changes.support_access);
}

fn duration(value: Option<Duration>) -> FieldValue {
    value.map(format_duration).into()
}

fn rate(value: Option<Rate>) -> FieldValue {
    value.map(|rate| rate.to_string()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        let organization = OrganizationId::from_uuid(uuid::Uuid::from_u128(1));
        Settings::stored(organization, OrganizationSettings::default())
    }

    #[test]
    fn a_change_records_only_what_differs() {
        let mut settings = settings();
        settings.change(Changes {
            locale: Some(Locale::PtBr),
            session_ttl: Some(Some(SessionTtl::new("12h").unwrap())),
            registration_domains: Some(DomainList::new(Vec::new()).unwrap()),
            ..Changes::default()
        });
        let events = settings.take_events();
        assert_eq!(events.len(), 1);
        let changes: Vec<_> = events[0]
            .changes
            .iter()
            .map(|change| (change.field, change.from.clone(), change.to.clone()))
            .collect();
        assert_eq!(changes, [("sessionTtl", FieldValue::Null, FieldValue::from("12h"))]);
        settings.change(Changes::default());
        assert!(settings.take_events().is_empty());
    }

    #[test]
    fn what_is_optional_can_be_cleared() {
        let mut settings = settings();
        settings.change(Changes {
            rate_limit: Some(Some(RequestRate::new("10/s").unwrap())),
            ..Changes::default()
        });
        assert!(settings.values().rate_limit.is_some());
        settings.change(Changes {
            rate_limit: Some(None),
            ..Changes::default()
        });
        assert_eq!(settings.values(), &OrganizationSettings::default());
    }
}
