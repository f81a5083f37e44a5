//! Judges and grants for other contexts.

use std::sync::Arc;

use authz::snapshot::SystemRole;
use contracts::OwnAct;
use contracts::access::{
    AccessControl, GrantCount, GrantCounts, Judge, MODULE_MANAGER, ORG_ADMIN, RoleId, RoleView, Turn,
};
use contracts::catalog::PermissionId;
use contracts::identity::UserId;
use db::{DbError, UnitOfWork};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, try_join, try_join_all};
use kernel::{Actor, Id as _, OrganizationId};

use super::judge::Judged;
use super::service::Access;
use crate::app::{changes, readers_code};
use crate::domain::{Code, Group, GroupId, Name, NewGroup, NewRole, Role};
use crate::store::{groups, lock, memberships, permissions, role_parents, role_permissions, roles, system_roles};
use crate::view::UserRoleView;

/// Who makes the roles and groups that customers begin with, and those that come with modules.
const MADE: OwnAct = OwnAct::because("what comes with a customer or a module");
/// The code of the role and the group that onboarding makes for the customer's administrators.
const ADM_CLIENTE: &str = "ADM_CLIENTE";

impl Access {
    /// What decides in the organization, at least as new as everything that was committed when this was called.
    ///
    /// # Errors
    /// [`DbError`].
    pub(crate) async fn judged(&self, organization: OrganizationId) -> Result<Judged, DbError> {
        // First the version, then whatever the feed tells, then the snapshot: so the snapshot has all that the version counts, and
        // under the lock an equal version says that it has nothing less than all there is.
        let version = lock::version(self.db.scope(organization)).await?;
        self.db.poll().await?;
        let snapshot = self.snapshot(organization).await?;
        let platform = if organization == self.platform {
            None
        } else {
            Some(self.snapshot(self.platform).await?)
        };
        Ok(Judged {
            organization,
            snapshot,
            platform,
            version,
        })
    }
}

impl AccessControl for Access {
    fn turn(&self, organization: OrganizationId) -> BoxFuture<'_, Turn> {
        async move {
            let (high, low) = organization.as_uuid().as_u64_pair();
            let place = usize::try_from(high ^ low).unwrap_or(usize::MAX) % self.turns.len().max(1);
            match self.turns.get(place) {
                Some(turn) => Box::new(Arc::clone(turn).lock_owned().await) as Turn,
                None => Box::new(()),
            }
        }
        .boxed()
    }

    fn judge(&self, organization: OrganizationId) -> BoxFuture<'_, Result<Arc<dyn Judge>, DbError>> {
        async move { Ok(Arc::new(self.judged(organization).await?) as Arc<dyn Judge>) }.boxed()
    }

    fn widest_system_role(
        &self,
        organization: OrganizationId,
        user: UserId,
    ) -> BoxFuture<'_, Result<Option<&'static str>, DbError>> {
        async move {
            let snapshot = self.snapshot(organization).await?;
            let widest = snapshot.widest_system_role(user.as_uuid(), self.generators.now());
            Ok(widest.map(SystemRole::code))
        }
        .boxed()
    }

    fn grant_roles<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        organization: OrganizationId,
        user: UserId,
        roles: &'a [RoleId],
        assigned_by: &'a Actor,
    ) -> BoxFuture<'a, Result<(), DbError>> {
        async move {
            for &id in roles {
                let role = roles::lookup_in(uow, organization, id).await?;
                // It was judged before, and may have been deleted since: then there is nothing to grant.
                let Some(role) = role else { continue };
                grant(uow, organization, user, role, assigned_by).await?;
            }
            Ok(())
        }
        .boxed()
    }

    fn grant_system_role<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        organization: OrganizationId,
        user: UserId,
        code: &'static str,
    ) -> BoxFuture<'a, Result<(), DbError>> {
        async move {
            if code == MODULE_MANAGER {
                return Err(DbError::Internal("a module manager needs a module".to_owned()));
            }
            let id = system_roles::find(uow, code).await?;
            let role = roles::lookup_in(uow, organization, id).await?;
            let role = role.ok_or_else(|| DbError::Internal(format!("the system role {code} disappeared")))?;
            grant(uow, organization, user, role, &uow.context().actor().clone()).await
        }
        .boxed()
    }

    fn onboard<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        organization: OrganizationId,
        administrator: UserId,
        modules: &'a [String],
    ) -> BoxFuture<'a, Result<(), DbError>> {
        async move {
            // The organization is new: of what is made here nothing is there, and nothing needs to be looked for.
            let scope = uow.global().reads();
            let reads = try_join_all(modules.iter().map(|module| permissions::reads_of_module(scope, module)));
            let (parent, reads) = try_join(system_roles::find(uow, ORG_ADMIN), reads).await?;
            let role = make_role(uow, organization, ADM_CLIENTE, "Administrador do cliente").await?;
            role_parents::put_system(uow, organization, role, parent).await?;
            changes::role(uow, organization, role);
            let group = make_group(uow, organization, ADM_CLIENTE, "Administradores do cliente").await?;
            memberships::put_role(uow, organization, group, role).await?;
            memberships::put_member(uow, organization, group, administrator).await?;
            changes::group(uow, organization, group);
            changes::user(uow, organization, administrator);
            for (module, reads) in modules.iter().zip(reads) {
                let role = make_readers_role(uow, organization, module, &reads).await?;
                make_readers_group(uow, organization, module, role).await?;
            }
            Ok(())
        }
        .boxed()
    }

    fn module_activated<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        organization: OrganizationId,
        module: &'a str,
    ) -> BoxFuture<'a, Result<(), DbError>> {
        add_readers(uow, organization, module).boxed()
    }
}

impl GrantCounts for Access {
    fn of_module<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        organization: OrganizationId,
        module: &'a str,
    ) -> BoxFuture<'a, Result<GrantCount, DbError>> {
        async move {
            let readers = readers_code(module);
            let counts = memberships::count_of_module(uow, organization, module, &readers).await?;
            let [users, roles, groups] = counts.map(|count| u64::try_from(count).unwrap_or_default());
            Ok(GrantCount { users, roles, groups })
        }
        .boxed()
    }
}

/// Grants a role without expiry; a user who has it keeps it as it is.
async fn grant(
    uow: &UnitOfWork,
    organization: OrganizationId,
    user: UserId,
    role: RoleView,
    assigned_by: &Actor,
) -> Result<(), DbError> {
    const BY: OwnAct =
        OwnAct::because("the roles of an invitation, a customer or a deployment, judged where they were chosen");
    let granted = UserRoleView {
        role,
        assigned_by: assigned_by.into(),
        scope: None,
        expires_at: None,
        created_at: uow.now(),
    };
    crate::app::give(uow, &BY, organization, user, &granted).await?;
    Ok(())
}

/// The role and the group `<MODULE>_READERS`, unless they are there.
async fn add_readers(uow: &UnitOfWork, organization: OrganizationId, module: &str) -> Result<(), DbError> {
    let code = readers_code(module);
    let (role, group) = try_join(
        roles::find_by_code(uow, organization, &code),
        groups::find_by_code(uow, organization, &code),
    )
    .await?;
    let role = match role {
        Some(role) => role,
        None => {
            let reads = permissions::reads_of_module(uow.global().reads(), module).await?;
            make_readers_role(uow, organization, module, &reads).await?
        }
    };
    if group.is_none() {
        make_readers_group(uow, organization, module, role).await?;
    }
    Ok(())
}

async fn make_readers_role(
    uow: &UnitOfWork,
    organization: OrganizationId,
    module: &str,
    reads: &[PermissionId],
) -> Result<RoleId, DbError> {
    let role = make_role(uow, organization, &readers_code(module), &readers_name(module)).await?;
    for permission in reads {
        role_permissions::put(uow, organization, role, *permission, None).await?;
    }
    changes::role(uow, organization, role);
    Ok(role)
}

async fn make_readers_group(
    uow: &UnitOfWork,
    organization: OrganizationId,
    module: &str,
    role: RoleId,
) -> Result<(), DbError> {
    let group = make_group(uow, organization, &readers_code(module), &readers_name(module)).await?;
    memberships::put_role(uow, organization, group, role).await?;
    changes::group(uow, organization, group);
    Ok(())
}

fn readers_name(module: &str) -> String {
    format!("Leitores de {module}")
}

async fn make_role(uow: &UnitOfWork, organization: OrganizationId, code: &str, name: &str) -> Result<RoleId, DbError> {
    let new = NewRole {
        code: Code::new(code).map_err(|_| unfit(code))?,
        name: Name::new(name).map_err(|_| unfit(name))?,
        description: None,
    };
    let mut role = Role::create(organization, uow.generators().id(), new, uow.now());
    roles::add(uow, &MADE, &mut role).await?;
    Ok(role.state().id)
}

async fn make_group(
    uow: &UnitOfWork,
    organization: OrganizationId,
    code: &str,
    name: &str,
) -> Result<GroupId, DbError> {
    let new = NewGroup {
        code: Code::new(code).map_err(|_| unfit(code))?,
        name: Name::new(name).map_err(|_| unfit(name))?,
        description: None,
    };
    let mut group = Group::create(organization, uow.generators().id(), new, uow.now());
    groups::add(uow, &MADE, &mut group).await?;
    Ok(group.state().id)
}

/// The codes of modules are shorter than those of roles, by more than what is added here.
fn unfit(text: &str) -> DbError {
    DbError::Internal(format!("{text} is not fit for a role or a group"))
}
