//! Reads snapshots from the tables and the other contexts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use authz::snapshot::{
    AmendError, Catalogue, Principal, Rows, Snapshot, SystemRole, TooLarge, Touched, UserRoleRow, UserRow,
};
use authz::store::{Base, Loader};
use contracts::Ports;
use contracts::catalog::Entitlements;
use contracts::identity::{GuestRow, Principals};
use db::{Db, DbError};
use kernel::{Generators, OrganizationId};
use parking_lot::RwLock;

use crate::store::grants;

/// From so many touched things on reading all rows is cheaper than asking for each.
const MOST_TOUCHED: usize = 16;

/// What snapshots are read from.
pub(crate) struct Reader {
    db: Db,
    generators: Generators,
    // Weak: the service that owns this is a port itself.
    ports: Weak<Ports>,
    platform: OrganizationId,
    catalogue: RwLock<Option<(u64, Arc<Catalogue>)>>,
    /// How often the catalogue changed since the program started.
    catalogue_generation: AtomicU64,
}

impl Reader {
    pub(crate) fn new(db: Db, generators: Generators, ports: Weak<Ports>, platform: OrganizationId) -> Self {
        Self {
            db,
            generators,
            ports,
            platform,
            catalogue: RwLock::new(None),
            catalogue_generation: AtomicU64::new(0),
        }
    }

    /// The permissions and system roles changed: what is read from here on has them.
    pub(crate) fn catalogue_changed(&self) {
        self.catalogue_generation.fetch_add(1, Ordering::AcqRel);
    }

    /// The permissions and system roles there are.
    ///
    /// # Errors
    /// [`DbError`].
    pub(crate) async fn catalogue(&self) -> Result<Arc<Catalogue>, DbError> {
        // Before it is read: a change meanwhile makes it outdated.
        let generation = self.catalogue_generation.load(Ordering::Acquire);
        if let Some((known, catalogue)) = &*self.catalogue.read()
            && *known == generation
        {
            return Ok(Arc::clone(catalogue));
        }
        let permissions = self.port::<dyn Entitlements>()?.permissions().await?;
        let system_roles = grants::system_roles(self.db.global()).await?;
        let catalogue = Arc::new(Catalogue::new(permissions, system_roles).map_err(too_large)?);
        *self.catalogue.write() = Some((generation, Arc::clone(&catalogue)));
        Ok(catalogue)
    }

    fn port<T: ?Sized + Send + Sync + 'static>(&self) -> Result<Arc<T>, DbError> {
        let ports = self
            .ports
            .upgrade()
            .ok_or_else(|| DbError::Unavailable("the program is stopping".into()))?;
        Ok(ports.get::<T>()?)
    }

    /// All rows of the organization.
    async fn everything(&self, organization: OrganizationId) -> Result<Rows, DbError> {
        let mut rows = grants::all(self.db.scope(organization), self.generators.now()).await?;
        self.add_entitlements(organization, &mut rows).await?;
        self.add_principals(organization, None, &mut rows).await?;
        Ok(rows)
    }

    /// The rows of what was touched, and of roles and groups that come with it: a new one is told of by nobody before something has it,
    /// or is in it.
    async fn amendment(
        &self,
        organization: OrganizationId,
        snapshot: &Snapshot,
        touched: &mut Vec<Touched>,
    ) -> Result<Rows, DbError> {
        let mut rows = self.touched(organization, touched).await?;
        loop {
            let mut unheard = snapshot.unheard(&rows);
            // One that was asked for already and has no row was deleted meanwhile.
            unheard.retain(|one| !touched.contains(one));
            if unheard.is_empty() {
                return Ok(rows);
            }
            grants::add(&mut rows, self.db.scope(organization), &unheard, self.generators.now()).await?;
            touched.extend(unheard);
        }
    }

    /// The rows of what was touched.
    async fn touched(&self, organization: OrganizationId, touched: &[Touched]) -> Result<Rows, DbError> {
        let mut rows = grants::of(self.db.scope(organization), touched, self.generators.now()).await?;
        if touched.contains(&Touched::Entitlements) {
            self.add_entitlements(organization, &mut rows).await?;
        }
        let principals: Vec<Principal> = touched
            .iter()
            .filter_map(|touched| match *touched {
                Touched::User(id) => Some(Principal::user(id)),
                Touched::ServiceAccount(id) => Some(Principal::service_account(id)),
                Touched::ApiKey(id) => Some(Principal::api_key(id)),
                Touched::Everything | Touched::Entitlements | Touched::Role(_) | Touched::Group(_) => None,
            })
            .collect();
        if !principals.is_empty() {
            self.add_principals(organization, Some(&principals), &mut rows).await?;
            // A user who is gone has no grants either, or they would dangle.
            let is_there = |id| rows.users.iter().any(|user| user.id == id);
            rows.members.retain(|member| is_there(member.user));
            rows.user_roles.retain(|granted| is_there(granted.user));
        }
        Ok(rows)
    }

    async fn add_entitlements(&self, organization: OrganizationId, rows: &mut Rows) -> Result<(), DbError> {
        let entitled = self.port::<dyn Entitlements>()?.rows(organization).await?;
        rows.package = entitled.package;
        rows.modules = entitled.modules;
        rows.withheld = entitled.withheld;
        Ok(())
    }

    async fn add_principals(
        &self,
        organization: OrganizationId,
        only: Option<&[Principal]>,
        rows: &mut Rows,
    ) -> Result<(), DbError> {
        let found = self.port::<dyn Principals>()?.rows(organization, only).await?;
        rows.users = found.users;
        rows.accounts = found.accounts;
        rows.account_permissions = found.account_permissions;
        rows.keys = found.keys;
        rows.key_permissions = found.key_permissions;
        if !found.guests.is_empty() {
            let catalogue = self.catalogue().await?;
            found
                .guests
                .into_iter()
                .for_each(|guest| add_guest(rows, &catalogue, guest));
        }
        Ok(())
    }
}

impl Loader for Reader {
    type Error = DbError;

    async fn load(&self, organization: OrganizationId, base: Option<Base>) -> Result<Snapshot, DbError> {
        let catalogue = self.catalogue().await?;
        if let Some(base) = base
            && base.touched.len() <= MOST_TOUCHED
            && !base.touched.contains(&Touched::Everything)
            && !base.snapshot.is_worn()
            && Arc::ptr_eq(base.snapshot.catalogue(), &catalogue)
        {
            let Base { snapshot, mut touched } = base;
            let rows = self.amendment(organization, &snapshot, &mut touched).await?;
            match snapshot.amended(&touched, &rows) {
                Ok(amended) => return Ok(amended),
                // Something else changed too, and will be told in a moment: everything is read.
                Err(AmendError::Dangling) => {}
                Err(AmendError::TooLarge(error)) => return Err(too_large(error)),
            }
        }
        let rows = self.everything(organization).await?;
        let is_platform = organization == self.platform;
        let snapshot = Snapshot::build(organization, is_platform, catalogue, &rows).map_err(too_large)?;
        if snapshot.dangling() > 0 {
            // The rows were read one after the other, and something changed in between; the change is told, and read again.
            tracing::debug!(%organization, dangling = snapshot.dangling(), "grants name what is not there");
        }
        Ok(snapshot)
    }
}

/// A guest is a user with one grant that ends, of a system role: no table has it.
fn add_guest(rows: &mut Rows, catalogue: &Catalogue, guest: GuestRow) {
    let role = if guest.can_write {
        SystemRole::OrgAdmin
    } else {
        SystemRole::Viewer
    };
    rows.users.push(UserRow {
        id: guest.id,
        is_active: true,
    });
    rows.guests.push(guest.id);
    rows.user_roles
        .extend(catalogue.system_role_id(role).map(|role| UserRoleRow {
            user: guest.id,
            role,
            module: None,
            expires_at: Some(guest.expires_at),
        }));
}

fn too_large(error: TooLarge) -> DbError {
    DbError::Internal(error.to_string())
}
