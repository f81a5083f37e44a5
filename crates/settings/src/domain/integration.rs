//! A connection to another system.

use std::collections::BTreeMap;
use std::fmt;

use kernel::{DomainEvent, FieldValue, OrganizationId, RuleViolation, Timestamp, checked_text};
use secrecy::{ExposeSecret as _, SecretString};

use super::IntegrationId;
use super::provider::{Config, ConfigValue, Field, FieldKind, Provider};
use crate::manifest::{INTEGRATION_CREATED, INTEGRATION_DELETED, INTEGRATION_UPDATED};

/// What people call a connection: 2 to 120 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IntegrationName(String);

impl IntegrationName {
    pub(crate) const MIN: usize = 2;
    pub(crate) const MAX: usize = 120;

    /// Checks a name.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub(crate) fn new(raw: &str) -> Result<Self, RuleViolation> {
        checked_text("name", raw, Self::MIN, Self::MAX).map(Self)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Secrets by the names of their fields. They cannot be printed.
#[derive(Clone, Default)]
pub(crate) struct Secrets(BTreeMap<&'static str, SecretString>);

impl Secrets {
    /// The secrets of a provider among these; another name is none of its.
    pub(crate) fn of(provider: &Provider, values: impl IntoIterator<Item = (String, SecretString)>) -> Self {
        let field = |name: &str| provider.secrets().find(|field| field.name() == name);
        let known = values
            .into_iter()
            .filter_map(|(name, value)| Some((field(&name)?.name(), value)));
        Self(known.collect())
    }

    /// One of them.
    pub(crate) fn get(&self, name: &str) -> Option<&SecretString> {
        self.0.get(name)
    }

    /// Each with its name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, &SecretString)> {
        self.0.iter().map(|(name, value)| (*name, value))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How each may be shown: its last four characters, where it has at least twice as many.
    pub(crate) fn masked(&self) -> BTreeMap<&'static str, String> {
        self.iter().map(|(name, value)| (name, masked(value))).collect()
    }

    fn names(&self) -> Vec<&'static str> {
        self.0.keys().copied().collect()
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

fn masked(secret: &SecretString) -> String {
    const SHOWN: usize = 4;
    let text = secret.expose_secret();
    let hidden = text.chars().count().saturating_sub(SHOWN);
    let rest: String = text.chars().skip(hidden).filter(|_| hidden >= SHOWN).collect();
    format!("••••{rest}")
}

/// What it takes to make one.
#[derive(Debug, Clone)]
pub(crate) struct NewIntegration {
    pub(crate) provider: &'static Provider,
    pub(crate) name: IntegrationName,
    pub(crate) config: Config,
    pub(crate) secrets: Secrets,
    pub(crate) is_active: bool,
}

/// What to change; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub(crate) struct IntegrationChanges {
    pub(crate) name: Option<IntegrationName>,
    pub(crate) config: Option<BTreeMap<String, Option<ConfigValue>>>,
    /// The secrets that were sent, none where one is to be removed.
    pub(crate) secrets: BTreeMap<String, Option<SecretString>>,
    pub(crate) is_active: Option<bool>,
}

/// A connection. It records what happens to it; whoever stores it takes the events along.
#[derive(Debug, Clone)]
pub(crate) struct Integration {
    stored: Connection,
    secrets_changed: bool,
    events: Vec<DomainEvent>,
}

/// Its state.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    pub(crate) organization_id: OrganizationId,
    pub(crate) id: IntegrationId,
    pub(crate) provider: &'static Provider,
    pub(crate) name: IntegrationName,
    pub(crate) config: Config,
    /// None when they were sealed under a key that is not here.
    pub(crate) secrets: Option<Secrets>,
    pub(crate) is_active: bool,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

impl From<Connection> for Integration {
    fn from(stored: Connection) -> Self {
        Self {
            stored,
            secrets_changed: false,
            events: Vec::new(),
        }
    }
}

impl Integration {
    /// Makes a connection of an organization.
    pub(crate) fn create(
        organization_id: OrganizationId,
        id: IntegrationId,
        new: NewIntegration,
        now: Timestamp,
    ) -> Self {
        let NewIntegration {
            provider,
            name,
            config,
            secrets,
            is_active,
        } = new;
        let event = DomainEvent::new(INTEGRATION_CREATED, id)
            .changed("provider", FieldValue::Null, provider.code)
            .changed("name", FieldValue::Null, name.as_str());
        let event = with_config(event, provider, &Config::new(), &config)
            .changed("secrets", FieldValue::List(Vec::new()), secrets.names())
            .changed("isActive", FieldValue::Null, is_active);
        let stored = Connection {
            organization_id,
            id,
            provider,
            name,
            config,
            secrets: Some(secrets),
            is_active,
            created_at: now,
            updated_at: now,
        };
        Self {
            stored,
            secrets_changed: true,
            events: vec![event],
        }
    }

    /// Its state.
    pub(crate) fn state(&self) -> &Connection {
        &self.stored
    }

    /// Whether its secrets are others than those that are stored.
    pub(crate) fn secrets_changed(&self) -> bool {
        self.secrets_changed
    }

    /// Changes what differs; nothing is recorded when nothing does. Where it connects to another place than before, or less
    /// safely, its secrets are dropped but for those that come with the change: who may change where it connects must not learn
    /// what others told it.
    ///
    /// # Errors
    /// Every violation; then nothing changes.
    pub(crate) fn change(&mut self, changes: IntegrationChanges, now: Timestamp) -> Result<(), Vec<RuleViolation>> {
        let provider = self.stored.provider;
        let config = match &changes.config {
            Some(patch) => provider.configure(&self.stored.config, patch),
            None => Ok(self.stored.config.clone()),
        };
        let sent: Vec<_> = changes.secrets.keys().map(String::as_str).collect();
        let wrong = provider.judge_secrets(&sent, false);
        let config = match (config, wrong.is_empty()) {
            (Ok(config), true) => config,
            (Ok(_), false) => return Err(wrong),
            (Err(violations), _) => return Err(violations.into_iter().chain(wrong).collect()),
        };
        let mut event = DomainEvent::new(INTEGRATION_UPDATED, self.stored.id);
        if let Some(name) = changes.name {
            event = event.changed("name", self.stored.name.as_str(), name.as_str());
            self.stored.name = name;
        }
        let moves = provider
            .config()
            .filter(|field| field.is_address)
            .any(|field| self.stored.config.get(field.name()) != config.get(field.name()));
        event = with_config(event, provider, &self.stored.config, &config);
        self.stored.config = config;
        event = self.change_secrets(event, &changes.secrets, moves);
        if let Some(is_active) = changes.is_active {
            event = event.changed("isActive", self.stored.is_active, is_active);
            self.stored.is_active = is_active;
        }
        if !event.changes.is_empty() {
            self.stored.updated_at = now;
            self.events.push(event);
        }
        Ok(())
    }

    fn change_secrets(
        &mut self,
        event: DomainEvent,
        sent: &BTreeMap<String, Option<SecretString>>,
        moves: bool,
    ) -> DomainEvent {
        let before = self.stored.secrets.as_ref().map(Secrets::names).unwrap_or_default();
        let unreadable = self.stored.secrets.is_none();
        if sent.is_empty() && !moves {
            return event;
        }
        let mut secrets = match self.stored.secrets.take() {
            Some(secrets) if !moves => secrets.0,
            // What cannot be read any more is given up with the first change of it.
            _ => BTreeMap::new(),
        };
        let mut told = Vec::new();
        for field in self.stored.provider.secrets() {
            match sent.get(field.name()) {
                Some(Some(value)) => {
                    secrets.insert(field.name(), value.clone());
                    told.push(format!("{} (replaced)", field.name()));
                }
                Some(None) => {
                    secrets.remove(field.name());
                }
                None if secrets.contains_key(field.name()) => told.push(field.name().to_owned()),
                None => {}
            }
        }
        self.stored.secrets = Some(Secrets(secrets));
        let before: Vec<String> = before.into_iter().map(str::to_owned).collect();
        self.secrets_changed |= unreadable || before != told;
        event.changed("secrets", before, told)
    }

    /// Says that it is being deleted.
    pub(crate) fn delete(&mut self) {
        let event = DomainEvent::new(INTEGRATION_DELETED, self.stored.id)
            .changed("provider", self.stored.provider.code, FieldValue::Null)
            .changed("name", self.stored.name.as_str(), FieldValue::Null);
        self.events.push(event);
    }

    /// Hands over what happened since the last time.
    pub(crate) fn take_events(&mut self) -> Vec<DomainEvent> {
        std::mem::take(&mut self.events)
    }
}

/// Adds what differs between two configurations.
fn with_config(event: DomainEvent, provider: &Provider, from: &Config, to: &Config) -> DomainEvent {
    let value = |config: &Config, field: &Field| match config.get(field.name()) {
        None => FieldValue::Null,
        Some(ConfigValue::Text(text)) => FieldValue::from(text.as_str()),
        Some(ConfigValue::Number(number)) => FieldValue::from(*number),
        Some(ConfigValue::Flag(flag)) => FieldValue::from(*flag),
    };
    provider.config().fold(event, |event, field| {
        let (from, to) = (value(from, field), value(to, field));
        if field.kind == FieldKind::Email {
            event.changed_personal(field.path, from, to)
        } else {
            event.changed(field.path, from, to)
        }
    })
}

#[cfg(test)]
mod tests {
    use kernel::Id as _;
    use uuid::Uuid;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1);
    const LATER: Timestamp = Timestamp::from_micros(2);

    fn text(text: &str) -> Option<ConfigValue> {
        Some(ConfigValue::Text(text.to_owned()))
    }

    fn secret(name: &str, value: &str) -> (String, SecretString) {
        (name.to_owned(), SecretString::from(value))
    }

    fn smtp() -> Integration {
        let provider = Provider::find("smtp").unwrap();
        let patch = BTreeMap::from([("host".to_owned(), text("smtp.example.com"))]);
        let new = NewIntegration {
            provider,
            name: IntegrationName::new("Mail").unwrap(),
            config: provider.configure(&Config::new(), &patch).unwrap(),
            secrets: Secrets::of(provider, [secret("password", "correct horse"), secret("other", "x")]),
            is_active: true,
        };
        let id = |number| Uuid::from_u128(number);
        let mut made = Integration::create(
            OrganizationId::from_uuid(id(1)),
            IntegrationId::from_uuid(id(2)),
            new,
            NOW,
        );
        assert!(made.take_events().len() == 1 && made.secrets_changed());
        Integration::from(made.state().clone())
    }

    fn config(name: &str, value: Option<ConfigValue>) -> IntegrationChanges {
        IntegrationChanges {
            config: Some(BTreeMap::from([(name.to_owned(), value)])),
            ..IntegrationChanges::default()
        }
    }

    fn password(integration: &Integration) -> Option<&str> {
        let secrets = integration.state().secrets.as_ref().unwrap();
        secrets.get("password").map(SecretString::expose_secret)
    }

    #[test]
    fn another_place_loses_the_secrets() {
        for (name, value) in [
            ("host", text("smtp.evil.example")),
            ("port", Some(ConfigValue::Number(25))),
            ("tls", text("none")),
            ("port", Some(ConfigValue::Number(588))),
        ] {
            let mut moved = smtp();
            moved.change(config(name, value), LATER).unwrap();
            assert_eq!(password(&moved), None, "{name}");
            assert!(moved.secrets_changed());
            let events = moved.take_events();
            let fields: Vec<_> = events[0].changes.iter().map(|change| change.field).collect();
            assert_eq!(fields, [format!("config.{name}").as_str(), "secrets"]);
        }
        for (name, value) in [
            ("username", text("ana")),
            ("from", text("a@example.com")),
            ("host", text("smtp.example.com")),
        ] {
            let mut same = smtp();
            same.change(config(name, value), LATER).unwrap();
            assert_eq!(password(&same), Some("correct horse"), "{name}");
            assert!(!same.secrets_changed());
        }
    }

    #[test]
    fn what_is_sent_again_stays() {
        let mut moved = smtp();
        let changes = IntegrationChanges {
            secrets: BTreeMap::from([("password".to_owned(), Some(SecretString::from("another")))]),
            ..config("host", text("smtp.example.org"))
        };
        moved.change(changes, LATER).unwrap();
        assert_eq!(password(&moved), Some("another"));
    }

    #[test]
    fn secrets_are_told_by_name_alone() {
        let mut changed = smtp();
        let changes = IntegrationChanges {
            secrets: BTreeMap::from([("password".to_owned(), Some(SecretString::from("correct horse")))]),
            ..IntegrationChanges::default()
        };
        changed.change(changes, LATER).unwrap();
        let events = changed.take_events();
        assert!(!format!("{events:?} {changed:?}").contains("horse"));
        assert_eq!(events[0].changes[0].to, FieldValue::from(vec!["password (replaced)"]));
        let removed = IntegrationChanges {
            secrets: BTreeMap::from([("password".to_owned(), None)]),
            ..IntegrationChanges::default()
        };
        changed.change(removed, LATER).unwrap();
        assert_eq!(password(&changed), None);
        changed.take_events();
        changed.change(IntegrationChanges::default(), LATER).unwrap();
        assert!(changed.take_events().is_empty());
    }

    #[test]
    fn a_wrong_change_changes_nothing() {
        let mut kept = smtp();
        let changes = IntegrationChanges {
            name: Some(IntegrationName::new("Other").unwrap()),
            secrets: BTreeMap::from([("token".to_owned(), None)]),
            ..config("port", Some(ConfigValue::Number(0)))
        };
        let violations = kept.change(changes, LATER).unwrap_err();
        let fields: Vec<_> = violations.iter().map(|violation| violation.field.as_ref()).collect();
        assert_eq!(fields, ["config.port", "secrets.token"]);
        assert_eq!(kept.state().name.as_str(), "Mail");
        assert!(kept.take_events().is_empty());
    }

    #[test]
    fn a_mask_shows_no_more_than_half() {
        for (value, shown) in [
            ("", "••••"),
            ("abcd", "••••"),
            ("abcdefg", "••••"),
            ("abcdefgh", "••••efgh"),
            ("correct horse", "••••orse"),
            ("ççççççção!", "••••ção!"),
        ] {
            assert_eq!(masked(&SecretString::from(value)), shown);
        }
    }
}
