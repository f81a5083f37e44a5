//! The settings of organizations in memory: others ask for them at every login and every request, and they seldom change.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use contracts::settings::{Branding, OrganizationSettings, Settings};
use db::{ChangeKind, Db, DbError};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use kernel::OrganizationId;
use parking_lot::{Mutex, RwLock};

use crate::store::settings;

/// Organizations remembered at most; past it the memory starts anew, which costs each its next point read.
const REMEMBERED: usize = 10_000;

/// Remembers settings until the change feed says that they changed.
#[derive(Clone)]
pub(crate) struct Memory {
    db: Db,
    known: Arc<RwLock<Known>>,
    /// Being read, because somebody asked who could not wait.
    reading: Arc<Mutex<HashSet<OrganizationId>>>,
}

#[derive(Default)]
struct Known {
    settings: HashMap<OrganizationId, Arc<OrganizationSettings>>,
    /// Counts changes, so that what was read before a change is not remembered after it.
    generation: u64,
}

impl Known {
    fn forget(&mut self, organization: Option<OrganizationId>) {
        self.generation += 1;
        match organization {
            Some(id) => {
                self.settings.remove(&id);
            }
            None => self.settings.clear(),
        }
    }
}

impl Memory {
    /// A memory that follows the change feed of `db`.
    pub(crate) fn new(db: &Db) -> Self {
        let known = Arc::<RwLock<Known>>::default();
        let outdated = Arc::clone(&known);
        db.feed().subscribe(move |changes| {
            let mut known = outdated.write();
            for change in changes.iter().filter(|change| change.kind == ChangeKind::Settings) {
                known.forget(change.organization_id);
            }
        });
        Self {
            db: db.clone(),
            known,
            reading: Arc::default(),
        }
    }

    async fn read(&self, organization: OrganizationId) -> Result<Arc<OrganizationSettings>, DbError> {
        let generation = self.known.read().generation;
        let found = Arc::new(settings::lookup(self.db.scope(organization)).await?);
        let mut known = self.known.write();
        if known.generation == generation {
            if known.settings.len() >= REMEMBERED {
                known.settings.clear();
            }
            known.settings.insert(organization, Arc::clone(&found));
        }
        Ok(found)
    }
}

impl Settings for Memory {
    fn of(&self, organization: OrganizationId) -> BoxFuture<'_, Result<Arc<OrganizationSettings>, DbError>> {
        let remembered = self.known.read().settings.get(&organization).cloned();
        match remembered {
            Some(settings) => std::future::ready(Ok(settings)).boxed(),
            None => self.read(organization).boxed(),
        }
    }

    fn known(&self, organization: OrganizationId) -> Option<Arc<OrganizationSettings>> {
        let remembered = self.known.read().settings.get(&organization).cloned();
        if remembered.is_none() && self.reading.lock().insert(organization) {
            let memory = self.clone();
            tokio::spawn(async move {
                if let Err(error) = memory.read(organization).await {
                    tracing::warn!(error = %error, "the settings of an organization could not be read");
                }
                memory.reading.lock().remove(&organization);
            });
        }
        remembered
    }

    fn branding(&self, _: OrganizationId) -> BoxFuture<'_, Result<Arc<Branding>, DbError>> {
        std::future::ready(Ok(Arc::default())).boxed()
    }
}
