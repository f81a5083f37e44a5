//! A module of the catalogue: a product area that customers contract, or a core module that is always on.

use contracts::catalog::ModuleId;
use kernel::{DomainEvent, FieldValue, Timestamp};

use super::{Description, Icon, ModuleCode, ModuleFacts, Name};
use crate::manifest::{MODULE_ACTIVATED, MODULE_CREATED, MODULE_DEACTIVATED, MODULE_UPDATED};

/// A core module was asked to be off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CoreModule;

/// What it takes to make a module.
#[derive(Debug, Clone)]
pub(crate) struct NewModule {
    pub(crate) code: ModuleCode,
    pub(crate) name: Name,
    pub(crate) description: Option<Description>,
    pub(crate) icon: Option<Icon>,
    pub(crate) sort_order: i64,
}

/// What to change; what is `None` stays. The code never changes.
#[derive(Debug, Clone, Default)]
pub(crate) struct ModuleChanges {
    pub(crate) name: Option<Name>,
    pub(crate) description: Option<Option<Description>>,
    pub(crate) icon: Option<Option<Icon>>,
    pub(crate) sort_order: Option<i64>,
}

/// A module. It records what happens to it; whoever stores it takes the events along.
#[derive(Debug, Clone)]
pub(crate) struct Module {
    stored: StoredModule,
    events: Vec<DomainEvent>,
}

/// Its state, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredModule {
    pub(crate) id: ModuleId,
    pub(crate) code: String,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) icon: Option<String>,
    pub(crate) is_active: bool,
    pub(crate) is_core: bool,
    pub(crate) sort_order: i64,
    pub(crate) off_epoch: i64,
    pub(crate) off_at: Option<Timestamp>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

impl StoredModule {
    /// What decides about it for every organization at once.
    pub(crate) fn facts(&self) -> ModuleFacts {
        ModuleFacts {
            id: self.id,
            code: self.code.clone(),
            is_active: self.is_active,
            is_core: self.is_core,
            off_epoch: self.off_epoch,
            off_at: self.off_at,
        }
    }
}

impl From<StoredModule> for Module {
    fn from(stored: StoredModule) -> Self {
        Self {
            stored,
            events: Vec::new(),
        }
    }
}

impl Module {
    /// Makes a module that is no core module, active for the installation and on for nobody yet.
    pub(crate) fn create(id: ModuleId, new: NewModule, now: Timestamp) -> Self {
        let stored = StoredModule {
            id,
            code: new.code.as_str().to_owned(),
            name: new.name.as_str().to_owned(),
            description: new.description.map(|description| description.as_str().to_owned()),
            icon: new.icon.map(|icon| icon.as_str().to_owned()),
            is_active: true,
            is_core: false,
            sort_order: new.sort_order,
            off_epoch: 0,
            off_at: None,
            created_at: now,
            updated_at: now,
        };
        let event = DomainEvent::new(MODULE_CREATED, id)
            .changed("code", FieldValue::Null, stored.code.as_str())
            .changed("name", FieldValue::Null, stored.name.as_str())
            .changed("description", FieldValue::Null, stored.description.as_deref())
            .changed("icon", FieldValue::Null, stored.icon.as_deref())
            .changed("sortOrder", FieldValue::Null, stored.sort_order);
        Self {
            stored,
            events: vec![event],
        }
    }

    /// Its state.
    pub(crate) fn state(&self) -> &StoredModule {
        &self.stored
    }

    /// Changes what differs; nothing is recorded when nothing does.
    pub(crate) fn change(&mut self, changes: ModuleChanges, now: Timestamp) {
        let stored = &mut self.stored;
        let mut event = DomainEvent::new(MODULE_UPDATED, stored.id);
        if let Some(name) = changes.name {
            event = event.changed("name", stored.name.as_str(), name.as_str());
            name.as_str().clone_into(&mut stored.name);
        }
        if let Some(description) = changes.description {
            let description = description.map(|description| description.as_str().to_owned());
            event = event.changed("description", stored.description.as_deref(), description.as_deref());
            stored.description = description;
        }
        if let Some(icon) = changes.icon {
            let icon = icon.map(|icon| icon.as_str().to_owned());
            event = event.changed("icon", stored.icon.as_deref(), icon.as_deref());
            stored.icon = icon;
        }
        if let Some(sort_order) = changes.sort_order {
            event = event.changed("sortOrder", stored.sort_order, sort_order);
            stored.sort_order = sort_order;
        }
        if !event.changes.is_empty() {
            self.record(event, now);
        }
    }

    /// Allows it to be on again. It is on for nobody: what was switched on before `epoch` counts for nothing. Nothing happens to
    /// one that is active.
    pub(crate) fn activate(&mut self, epoch: i64, now: Timestamp) {
        if !self.stored.is_active {
            self.stored.is_active = true;
            self.stored.off_epoch = epoch;
            let event = DomainEvent::new(MODULE_ACTIVATED, self.stored.id).changed("isActive", false, true);
            self.record(event, now);
        }
    }

    /// Switches it off for every organization. Nothing happens to one that is inactive.
    ///
    /// # Errors
    /// [`CoreModule`]: without it the platform does not work.
    pub(crate) fn deactivate(&mut self, epoch: i64, now: Timestamp) -> Result<(), CoreModule> {
        if self.stored.is_core {
            return Err(CoreModule);
        }
        if self.stored.is_active {
            self.stored.is_active = false;
            self.stored.off_epoch = epoch;
            self.stored.off_at = Some(now);
            let event = DomainEvent::new(MODULE_DEACTIVATED, self.stored.id).changed("isActive", true, false);
            self.record(event, now);
        }
        Ok(())
    }

    fn record(&mut self, event: DomainEvent, now: Timestamp) {
        self.stored.updated_at = now;
        self.events.push(event);
    }

    /// Hands over what happened since the last time.
    pub(crate) fn take_events(&mut self) -> Vec<DomainEvent> {
        std::mem::take(&mut self.events)
    }
}

#[cfg(test)]
mod tests {
    use kernel::Id as _;

    use super::*;

    const MADE: Timestamp = Timestamp::from_micros(1_000_000);
    const LATER: Timestamp = Timestamp::from_micros(2_000_000);

    fn module() -> Module {
        let new = NewModule {
            code: ModuleCode::new("FINANCE").unwrap(),
            name: Name::new("Financeiro").unwrap(),
            description: None,
            icon: Some(Icon::new("wallet").unwrap()),
            sort_order: 3,
        };
        let mut made = Module::create(ModuleId::from_uuid(uuid::Uuid::from_u128(1)), new, MADE);
        assert_eq!(made.take_events().len(), 1);
        made
    }

    #[test]
    fn a_change_records_only_what_differs() {
        let mut made = module();
        made.change(
            ModuleChanges {
                name: Some(Name::new("Financeiro").unwrap()),
                icon: Some(None),
                ..ModuleChanges::default()
            },
            LATER,
        );
        let events = made.take_events();
        let fields: Vec<_> = events[0].changes.iter().map(|change| change.field).collect();
        assert_eq!(fields, ["icon"]);
        assert_eq!(made.state().updated_at, LATER);
        made.change(ModuleChanges::default(), MADE);
        assert!(made.take_events().is_empty());
        assert_eq!(made.state().updated_at, LATER);
    }

    #[test]
    fn switching_happens_once_and_moves_the_epoch() {
        let mut made = module();
        made.deactivate(4, LATER).unwrap();
        made.deactivate(5, LATER).unwrap();
        assert_eq!(made.take_events().len(), 1);
        assert_eq!((made.state().is_active, made.state().off_epoch), (false, 4));
        made.activate(6, LATER);
        made.activate(7, LATER);
        assert_eq!(made.take_events().len(), 1);
        assert_eq!((made.state().is_active, made.state().off_epoch), (true, 6));
    }

    #[test]
    fn a_core_module_stays_on() {
        let mut core = Module::from(StoredModule {
            is_core: true,
            ..module().state().clone()
        });
        assert_eq!(core.deactivate(1, LATER), Err(CoreModule));
        assert!(core.take_events().is_empty());
        assert!(core.state().is_active);
    }
}
