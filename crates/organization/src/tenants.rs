//! Which organizations may act: asked at every request, so answered from memory and outdated by the change feed.

use std::collections::HashMap;
use std::sync::Arc;

use db::{ChangeKind, Db};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{ApiError, TenantState, Tenants};
use kernel::OrganizationId;
use parking_lot::RwLock;

use crate::store::organizations;

/// Organizations remembered at most; past it the memory starts anew, which costs each its next point read.
const REMEMBERED: usize = 100_000;

/// Remembers the state of organizations.
pub struct TenantDirectory {
    db: Db,
    known: Arc<RwLock<Known>>,
}

#[derive(Default)]
struct Known {
    states: HashMap<OrganizationId, bool>,
    /// Counts changes, so that a state read before a change is not remembered after it.
    generation: u64,
}

impl TenantDirectory {
    /// A directory that follows the change feed of `db`.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        let known = Arc::<RwLock<Known>>::default();
        let outdated = Arc::clone(&known);
        db.feed().subscribe(move |changes| {
            let mut known = outdated.write();
            for change in changes.iter().filter(|change| change.kind == ChangeKind::Organization) {
                known.generation += 1;
                match change.organization_id {
                    Some(id) => {
                        known.states.remove(&id);
                    }
                    None => known.states.clear(),
                }
            }
        });
        Self { db: db.clone(), known }
    }

    async fn read(&self, id: OrganizationId) -> Result<TenantState, ApiError> {
        let generation = self.known.read().generation;
        // An id that no organization has is not remembered: strangers could fill the memory with them.
        let Some(is_active) = organizations::is_active(self.db.global(), id).await? else {
            return Ok(TenantState::Unknown);
        };
        let mut known = self.known.write();
        if known.generation == generation {
            if known.states.len() >= REMEMBERED {
                known.states.clear();
            }
            known.states.insert(id, is_active);
        }
        Ok(state(is_active))
    }
}

impl Tenants for TenantDirectory {
    fn state(&self, id: OrganizationId) -> BoxFuture<'_, Result<TenantState, ApiError>> {
        let remembered = self.known.read().states.get(&id).copied();
        match remembered {
            Some(is_active) => std::future::ready(Ok(state(is_active))).boxed(),
            None => self.read(id).boxed(),
        }
    }
}

const fn state(is_active: bool) -> TenantState {
    if is_active {
        TenantState::Active
    } else {
        TenantState::Inactive
    }
}
