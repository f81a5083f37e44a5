//! The service that decides: the snapshots of the organizations in use, fresh as the change feed tells.

use std::collections::HashMap;
use std::sync::Arc;

use authz::snapshot::{Explanation, Snapshot, Touched};
use authz::store::{Limits, Store};
use authz::{Decider, Decision, Loading, PermissionInfo, Undecided};
use db::{AccessChange, ChangeKind, Db, DbError};
use http::Foundation;
use kernel::{Actor, ActorKind, Generators, OrganizationId, Timestamp};
use tokio::sync::Mutex;

use super::reader::Reader;

/// What the snapshots may take.
const LIMITS: Limits = Limits {
    organizations: 10_000,
    bytes: 256 << 20,
};
/// Judged changes of different organizations seldom wait for each other; a power of two.
const TURNS: usize = 256;

/// The context's service, and what every request's permission is decided by.
pub(crate) struct Access {
    pub(super) db: Db,
    pub(super) generators: Generators,
    pub(super) platform: OrganizationId,
    snapshots: Store<Reader>,
    /// Where judged changes of this node take turns, by their organization.
    pub(super) turns: Vec<Arc<Mutex<()>>>,
}

impl Access {
    /// Starts it: from here on it hears of every change.
    pub(crate) fn start(foundation: &Foundation) -> Arc<Self> {
        let reader = Reader::new(
            foundation.db.clone(),
            foundation.generators.clone(),
            Arc::downgrade(&foundation.ports),
            foundation.platform,
        );
        let access = Arc::new(Self {
            db: foundation.db.clone(),
            generators: foundation.generators.clone(),
            platform: foundation.platform,
            snapshots: Store::new(reader, LIMITS),
            turns: (0..TURNS).map(|_| Arc::default()).collect(),
        });
        // Weak: the feed belongs to the database, which this service holds.
        let told = Arc::downgrade(&access);
        foundation.db.feed().subscribe(move |changes| {
            if let Some(access) = told.upgrade() {
                access.told(changes);
            }
        });
        access
    }

    /// What decides in an organization, read if need be.
    ///
    /// # Errors
    /// [`DbError`].
    pub(crate) async fn snapshot(&self, organization: OrganizationId) -> Result<Arc<Snapshot>, DbError> {
        self.snapshots
            .get(organization)
            .await
            .map_err(|error| DbError::clone(&error))
    }

    /// Drops what changes outdate.
    fn told(&self, changes: &[AccessChange]) {
        let mut touched: HashMap<OrganizationId, Vec<Touched>> = HashMap::new();
        let mut all_touched = false;
        for change in changes {
            if change.kind == ChangeKind::Catalogue {
                self.snapshots.loader().catalogue_changed();
                all_touched = true;
                continue;
            }
            let Some(what) = touched_by(change) else { continue };
            match change.organization_id {
                Some(organization) => touched.entry(organization).or_default().push(what),
                None => all_touched = true,
            }
        }
        if all_touched {
            self.snapshots.invalidate_all();
            return;
        }
        for (organization, touched) in touched {
            self.snapshots.invalidate(organization, &touched);
        }
    }

    /// Whether the actor may be a service account of the platform that acts in another organization.
    fn may_be_guest(&self, actor: &Actor, organization: OrganizationId) -> bool {
        actor.kind == ActorKind::ServiceAccount && organization != self.platform
    }
}

/// The decision from these snapshots: of the organization acted in, and of the platform's for its service accounts.
pub(super) fn decide_by(
    snapshot: &Snapshot,
    platform: Option<&Snapshot>,
    actor: &Actor,
    permission: &'static PermissionInfo,
    now: Timestamp,
) -> Decision {
    let decision = snapshot.check(actor, permission, now);
    match platform {
        Some(platform) if !decision.is_allowed() => platform.check_in(snapshot, actor, permission, now),
        _ => decision,
    }
}

/// What of an organization's snapshot a change outdates; `None` when nothing.
fn touched_by(change: &AccessChange) -> Option<Touched> {
    let subject = |touched: fn(uuid::Uuid) -> Touched| change.subject.map_or(Touched::Everything, touched);
    match change.kind {
        ChangeKind::Role => Some(subject(Touched::Role)),
        ChangeKind::Group => Some(subject(Touched::Group)),
        ChangeKind::User => Some(subject(Touched::User)),
        ChangeKind::ServiceAccount => Some(subject(Touched::ServiceAccount)),
        ChangeKind::ApiKey => Some(subject(Touched::ApiKey)),
        ChangeKind::Entitlements => Some(Touched::Entitlements),
        ChangeKind::Catalogue => Some(Touched::Everything),
        ChangeKind::Organization
        | ChangeKind::Session
        | ChangeKind::Credential
        | ChangeKind::SigningKeys
        | ChangeKind::Settings
        | ChangeKind::Quotas => None,
    }
}

impl Decider for Access {
    fn decide(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        permission: &'static PermissionInfo,
    ) -> Option<Decision> {
        let snapshot = self.snapshots.peek(organization)?;
        if !self.may_be_guest(actor, organization) {
            return Some(decide_by(&snapshot, None, actor, permission, self.generators.now()));
        }
        let platform = self.snapshots.peek(self.platform)?;
        Some(decide_by(
            &snapshot,
            Some(&platform),
            actor,
            permission,
            self.generators.now(),
        ))
    }

    fn load_and_decide<'a>(
        &'a self,
        actor: &'a Actor,
        organization: OrganizationId,
        permission: &'static PermissionInfo,
    ) -> Loading<'a> {
        Box::pin(async move {
            let undecided = |error: DbError| Undecided(error.to_string());
            let snapshot = self.snapshot(organization).await.map_err(undecided)?;
            let platform = if self.may_be_guest(actor, organization) {
                Some(self.snapshot(self.platform).await.map_err(undecided)?)
            } else {
                None
            };
            Ok(decide_by(
                &snapshot,
                platform.as_deref(),
                actor,
                permission,
                self.generators.now(),
            ))
        })
    }

    fn explain(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        permission: &'static PermissionInfo,
    ) -> Option<Explanation> {
        let snapshot = self.snapshots.peek(organization)?;
        snapshot.explain_declared(actor.into(), permission, self.generators.now())
    }
}
