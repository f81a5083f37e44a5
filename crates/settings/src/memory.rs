//! The settings and the branding of organizations in memory: others ask for them at every login, mail and request, and they
//! seldom change.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use contracts::settings::{Branding, OrganizationSettings, Settings};
use contracts::usage::StoredBytes;
use db::{ChangeKind, Db, DbError, UnitOfWork};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use kernel::OrganizationId;
use parking_lot::{Mutex, RwLock};

use crate::store::{assets, branding, settings};
use crate::view::{BrandingView, Links};

/// Organizations remembered at most; past it the memory starts anew, which costs each its next point read.
const REMEMBERED: usize = 10_000;

/// Remembers settings and branding until the change feed says that they changed.
#[derive(Clone)]
pub(crate) struct Memory {
    db: Db,
    links: Links,
    settings: Arc<Kept<OrganizationSettings>>,
    brandings: Arc<Kept<Branding>>,
    /// Whose settings are being read because somebody asked who could not wait.
    reading: Arc<Mutex<HashSet<OrganizationId>>>,
}

/// Something remembered of each organization.
struct Kept<T> {
    known: RwLock<Known<T>>,
}

struct Known<T> {
    values: HashMap<OrganizationId, Arc<T>>,
    /// Counts changes, so that what was read before a change is not remembered after it.
    generation: u64,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        let known = Known {
            values: HashMap::new(),
            generation: 0,
        };
        Self {
            known: RwLock::new(known),
        }
    }
}

impl<T> Kept<T> {
    fn get(&self, organization: OrganizationId) -> Option<Arc<T>> {
        self.known.read().values.get(&organization).cloned()
    }

    /// Reads it, and remembers it unless it changed meanwhile.
    async fn read(
        &self,
        organization: OrganizationId,
        reading: impl Future<Output = Result<T, DbError>>,
    ) -> Result<Arc<T>, DbError> {
        let generation = self.known.read().generation;
        let found = Arc::new(reading.await?);
        let mut known = self.known.write();
        if known.generation == generation {
            if known.values.len() >= REMEMBERED {
                known.values.clear();
            }
            known.values.insert(organization, Arc::clone(&found));
        }
        Ok(found)
    }

    fn forget(&self, organization: Option<OrganizationId>) {
        let mut known = self.known.write();
        known.generation += 1;
        match organization {
            Some(id) => {
                known.values.remove(&id);
            }
            None => known.values.clear(),
        }
    }
}

impl Memory {
    /// A memory that follows the change feed of `db`; links begin with `base_url`.
    pub(crate) fn new(db: &Db, base_url: &str) -> Self {
        let memory = Self {
            db: db.clone(),
            links: Links::new(base_url),
            settings: Arc::default(),
            brandings: Arc::default(),
            reading: Arc::default(),
        };
        let (settings, brandings) = (Arc::clone(&memory.settings), Arc::clone(&memory.brandings));
        db.feed().subscribe(move |changes| {
            for change in changes.iter().filter(|change| change.kind == ChangeKind::Settings) {
                settings.forget(change.organization_id);
                brandings.forget(change.organization_id);
            }
        });
        memory
    }

    async fn read_settings(&self, organization: OrganizationId) -> Result<Arc<OrganizationSettings>, DbError> {
        let reading = settings::lookup(self.db.scope(organization));
        self.settings.read(organization, reading).await
    }

    async fn read_branding(&self, organization: OrganizationId) -> Result<Arc<Branding>, DbError> {
        let reading = async {
            let found = branding::lookup(self.db.scope(organization), organization).await?;
            Ok(Branding::from(BrandingView::new(&found, &self.links)))
        };
        self.brandings.read(organization, reading).await
    }
}

impl From<BrandingView> for Branding {
    fn from(view: BrandingView) -> Self {
        Self {
            display_name: view.display_name,
            logo_url: view.logo_url,
            primary_color: view.primary_color,
            on_primary_color: view.on_primary_color,
            support_email: view.support_email,
            support_url: view.support_url,
        }
    }
}

impl Settings for Memory {
    fn of(&self, organization: OrganizationId) -> BoxFuture<'_, Result<Arc<OrganizationSettings>, DbError>> {
        match self.settings.get(organization) {
            Some(settings) => std::future::ready(Ok(settings)).boxed(),
            None => self.read_settings(organization).boxed(),
        }
    }

    fn hold<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        organization: OrganizationId,
    ) -> BoxFuture<'a, Result<OrganizationSettings, DbError>> {
        async move { Ok(settings::lock(uow, organization).await?.values().clone()) }.boxed()
    }

    fn known(&self, organization: OrganizationId) -> Option<Arc<OrganizationSettings>> {
        let remembered = self.settings.get(organization);
        if remembered.is_none() && self.reading.lock().insert(organization) {
            let memory = self.clone();
            tokio::spawn(async move {
                if let Err(error) = memory.read_settings(organization).await {
                    tracing::warn!(error = %error, "the settings of an organization could not be read");
                }
                memory.reading.lock().remove(&organization);
            });
        }
        remembered
    }

    fn branding(&self, organization: OrganizationId) -> BoxFuture<'_, Result<Arc<Branding>, DbError>> {
        match self.brandings.get(organization) {
            Some(branding) => std::future::ready(Ok(branding)).boxed(),
            None => self.read_branding(organization).boxed(),
        }
    }
}

/// Every other byte that organizations store is a row of theirs; pictures are what they bring along.
impl StoredBytes for Memory {
    fn stored_bytes<'a>(&'a self, organizations: &'a [OrganizationId]) -> BoxFuture<'a, Result<Vec<u64>, DbError>> {
        async move {
            let mut counts = Vec::with_capacity(organizations.len());
            for organization in organizations {
                let bytes = assets::stored(self.db.scope(*organization)).await?;
                counts.push(u64::try_from(bytes).unwrap_or_default());
            }
            Ok(counts)
        }
        .boxed()
    }
}
