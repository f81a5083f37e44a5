//! A package: a named plan of modules, withheld permissions and quotas.

use contracts::catalog::{ModuleId, PackageId, PermissionId, QuotaPeriod};
use kernel::{DomainEvent, FieldValue, Rule, RuleViolation, Timestamp};

use super::{Description, Name, PackageCode, Terms};
use crate::manifest::{PACKAGE_CREATED, PACKAGE_DELETED, PACKAGE_UPDATED};

/// A module by id and code.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NamedModule {
    pub(crate) code: String,
    pub(crate) id: ModuleId,
}

/// A permission by id and code.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NamedPermission {
    pub(crate) code: String,
    pub(crate) id: PermissionId,
}

/// What a package holds, each part in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    pub(crate) modules: Vec<NamedModule>,
    pub(crate) withheld: Vec<NamedPermission>,
    pub(crate) quotas: Vec<Terms>,
}

/// What it takes to make a package.
#[derive(Debug, Clone)]
pub(crate) struct NewPackage {
    pub(crate) code: PackageCode,
    pub(crate) name: Name,
    pub(crate) description: Option<Description>,
    pub(crate) contents: Contents,
}

/// What to change; what is `None` stays. The code never changes.
#[derive(Debug, Clone, Default)]
pub(crate) struct PackageChanges {
    pub(crate) name: Option<Name>,
    pub(crate) description: Option<Option<Description>>,
    pub(crate) modules: Option<Vec<NamedModule>>,
    pub(crate) withheld: Option<Vec<NamedPermission>>,
    pub(crate) quotas: Option<Vec<Terms>>,
}

/// A package. It records what happens to it; whoever stores it takes the events along.
#[derive(Debug, Clone)]
pub(crate) struct Package {
    stored: StoredPackage,
    events: Vec<DomainEvent>,
}

/// Its state, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredPackage {
    pub(crate) id: PackageId,
    pub(crate) code: String,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) contents: Contents,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

impl From<StoredPackage> for Package {
    fn from(stored: StoredPackage) -> Self {
        Self {
            stored,
            events: Vec::new(),
        }
    }
}

/// What is wrong with quotas: of one metric and period there is one.
///
/// # Errors
/// The second of each two about the same, at its place in `field`.
pub(crate) fn one_for_each<'t>(
    field: &str,
    terms: impl Iterator<Item = (&'t str, QuotaPeriod)>,
) -> Result<(), Vec<RuleViolation>> {
    let mut seen = std::collections::HashSet::new();
    let repeated: Vec<_> = terms
        .enumerate()
        .filter(|(_, about)| !seen.insert(*about))
        .map(|(place, _)| RuleViolation::new(format!("{field}[{place}].metric"), Rule::DuplicateField))
        .collect();
    if repeated.is_empty() { Ok(()) } else { Err(repeated) }
}

fn codes<'c>(codes: impl Iterator<Item = &'c str>) -> FieldValue {
    FieldValue::List(codes.map(FieldValue::from).collect())
}

fn module_codes(modules: &[NamedModule]) -> FieldValue {
    codes(modules.iter().map(|module| module.code.as_str()))
}

fn permission_codes(permissions: &[NamedPermission]) -> FieldValue {
    codes(permissions.iter().map(|permission| permission.code.as_str()))
}

/// Quotas as the trail tells them: `api.requests <= 1000/day (hard)`.
pub(crate) fn quota_texts<'t>(terms: impl Iterator<Item = &'t Terms>) -> FieldValue {
    let text = |terms: &Terms| {
        let (period, mode) = (terms.period.as_str(), terms.mode.as_str());
        FieldValue::Text(format!("{} <= {}/{period} ({mode})", terms.metric, terms.limit))
    };
    FieldValue::List(terms.map(text).collect())
}

impl Contents {
    /// The same in the order in which it is stored and shown.
    pub(crate) fn ordered(mut self) -> Self {
        self.modules.sort_unstable();
        self.withheld.sort_unstable();
        self.quotas
            .sort_by(|a, b| (&a.metric, a.period).cmp(&(&b.metric, b.period)));
        self
    }
}

impl Package {
    /// Makes a package.
    pub(crate) fn create(id: PackageId, new: NewPackage, now: Timestamp) -> Self {
        let stored = StoredPackage {
            id,
            code: new.code.as_str().to_owned(),
            name: new.name.as_str().to_owned(),
            description: new.description.map(|description| description.as_str().to_owned()),
            contents: new.contents.ordered(),
            created_at: now,
            updated_at: now,
        };
        let event = DomainEvent::new(PACKAGE_CREATED, id)
            .changed("code", FieldValue::Null, stored.code.as_str())
            .changed("name", FieldValue::Null, stored.name.as_str())
            .changed("description", FieldValue::Null, stored.description.as_deref())
            .changed("modules", FieldValue::Null, module_codes(&stored.contents.modules))
            .changed(
                "withheldPermissions",
                FieldValue::Null,
                permission_codes(&stored.contents.withheld),
            )
            .changed("quotas", FieldValue::Null, quota_texts(stored.contents.quotas.iter()));
        Self {
            stored,
            events: vec![event],
        }
    }

    /// Its state.
    pub(crate) fn state(&self) -> &StoredPackage {
        &self.stored
    }

    /// Changes what differs; nothing is recorded when nothing does.
    pub(crate) fn change(&mut self, changes: PackageChanges, now: Timestamp) {
        let stored = &mut self.stored;
        let mut event = DomainEvent::new(PACKAGE_UPDATED, stored.id);
        if let Some(name) = changes.name {
            event = event.changed("name", stored.name.as_str(), name.as_str());
            name.as_str().clone_into(&mut stored.name);
        }
        if let Some(description) = changes.description {
            let description = description.map(|description| description.as_str().to_owned());
            event = event.changed("description", stored.description.as_deref(), description.as_deref());
            stored.description = description;
        }
        let before = stored.contents.clone();
        let after = Contents {
            modules: changes.modules.unwrap_or_else(|| before.modules.clone()),
            withheld: changes.withheld.unwrap_or_else(|| before.withheld.clone()),
            quotas: changes.quotas.unwrap_or_else(|| before.quotas.clone()),
        }
        .ordered();
        event = event
            .changed("modules", module_codes(&before.modules), module_codes(&after.modules))
            .changed(
                "withheldPermissions",
                permission_codes(&before.withheld),
                permission_codes(&after.withheld),
            )
            .changed(
                "quotas",
                quota_texts(before.quotas.iter()),
                quota_texts(after.quotas.iter()),
            );
        stored.contents = after;
        if !event.changes.is_empty() {
            stored.updated_at = now;
            self.events.push(event);
        }
    }

    /// Says that modules of it which had been switched off for the installation are on again for its organizations.
    pub(crate) fn renew(&mut self, now: Timestamp) {
        if self.events.is_empty() {
            self.stored.updated_at = now;
            self.events.push(DomainEvent::new(PACKAGE_UPDATED, self.stored.id));
        }
    }

    /// Says that it is being deleted.
    pub(crate) fn delete(&mut self) {
        let code = self.stored.code.as_str();
        self.events
            .push(DomainEvent::new(PACKAGE_DELETED, self.stored.id).changed("code", code, FieldValue::Null));
    }

    /// Hands over what happened since the last time.
    pub(crate) fn take_events(&mut self) -> Vec<DomainEvent> {
        std::mem::take(&mut self.events)
    }
}

#[cfg(test)]
mod tests {
    use contracts::catalog::QuotaMode;
    use kernel::Id as _;

    use super::*;

    const MADE: Timestamp = Timestamp::from_micros(1_000_000);
    const LATER: Timestamp = Timestamp::from_micros(2_000_000);

    fn module(number: u128, code: &str) -> NamedModule {
        NamedModule {
            code: code.to_owned(),
            id: ModuleId::from_uuid(uuid::Uuid::from_u128(number)),
        }
    }

    fn terms(metric: &str, period: QuotaPeriod, limit: i64) -> Terms {
        Terms {
            metric: metric.to_owned(),
            period,
            limit,
            mode: QuotaMode::Hard,
        }
    }

    fn package() -> Package {
        let new = NewPackage {
            code: PackageCode::new("starter").unwrap(),
            name: Name::new("Starter").unwrap(),
            description: None,
            contents: Contents {
                modules: vec![module(2, "SALES"), module(1, "FINANCE")],
                withheld: Vec::new(),
                quotas: vec![terms("users.active", QuotaPeriod::Total, 5)],
            },
        };
        let mut made = Package::create(PackageId::from_uuid(uuid::Uuid::from_u128(9)), new, MADE);
        assert_eq!(made.take_events().len(), 1);
        made
    }

    #[test]
    fn the_order_in_which_contents_are_given_is_no_change() {
        let mut made = package();
        let changes = PackageChanges {
            modules: Some(vec![module(1, "FINANCE"), module(2, "SALES")]),
            ..PackageChanges::default()
        };
        made.change(changes, LATER);
        assert!(made.take_events().is_empty());
        assert_eq!(made.state().updated_at, MADE);
    }

    #[test]
    fn a_change_of_contents_tells_what_was_and_what_is() {
        let mut made = package();
        let changes = PackageChanges {
            quotas: Some(vec![terms("users.active", QuotaPeriod::Total, 6)]),
            ..PackageChanges::default()
        };
        made.change(changes, LATER);
        let events = made.take_events();
        assert_eq!(events[0].changes.len(), 1);
        assert_eq!(
            events[0].changes[0].to,
            FieldValue::List(vec![FieldValue::Text("users.active <= 6/total (hard)".to_owned())])
        );
    }

    #[test]
    fn of_one_metric_and_period_there_is_one_quota() {
        let about = [
            ("a", QuotaPeriod::Day),
            ("a", QuotaPeriod::Month),
            ("b", QuotaPeriod::Day),
            ("a", QuotaPeriod::Day),
        ];
        let problems = one_for_each("quotas", about.into_iter()).unwrap_err();
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].field, "quotas[3].metric");
        assert!(one_for_each("quotas", about.into_iter().take(3)).is_ok());
    }
}
