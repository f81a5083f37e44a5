//! What these use cases ask of other contexts.

use std::sync::Arc;

use contracts::Ports;
use contracts::access::{AccessControl, GrantCount, GrantCounts};
use contracts::identity::HeadCounts;
use contracts::organization::{OrganizationRegistry, OrganizationView, Organizations, PLATFORM_SLUG};
use db::{DbError, UnitOfWork};
use kernel::OrganizationId;

use super::Refusal;
use crate::views::AffectedView;

/// The ports of other contexts. A program without people or grants has nobody to count and nothing to make for them.
#[derive(Clone)]
pub(crate) struct Neighbours {
    directory: Arc<dyn Organizations>,
    organizations: Arc<dyn OrganizationRegistry>,
    access: Option<Arc<dyn AccessControl>>,
    grants: Option<Arc<dyn GrantCounts>>,
    heads: Option<Arc<dyn HeadCounts>>,
}

impl Neighbours {
    /// Those that the program has.
    ///
    /// # Errors
    /// [`DbError::Internal`] without organizations.
    pub(crate) fn of(ports: &Ports) -> Result<Self, DbError> {
        Ok(Self {
            directory: ports.get()?,
            organizations: ports.get()?,
            access: ports.find(),
            grants: ports.find(),
            heads: ports.find(),
        })
    }

    /// Whether there is such an organization.
    ///
    /// # Errors
    /// [`DbError`].
    pub(crate) async fn knows(&self, id: OrganizationId) -> Result<bool, DbError> {
        Ok(self.directory.find(id).await?.is_some())
    }

    /// The platform organization, where work is booked that belongs to no customer.
    ///
    /// # Errors
    /// [`DbError::Internal`] where it is missing.
    pub(crate) async fn platform(&self) -> Result<OrganizationId, DbError> {
        let found = self.directory.find_by_slug(PLATFORM_SLUG).await?;
        let missing = || DbError::Internal("the platform organization is missing".into());
        Ok(found.ok_or_else(missing)?.id)
    }

    /// The organization, held against other changes of what it may use until the unit ends.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub(crate) async fn lock(&self, uow: &UnitOfWork, id: OrganizationId) -> Result<OrganizationView, Refusal> {
        self.organizations.lock(uow, id).await?.ok_or(Refusal::NotFound)
    }

    /// Shows clients which package the organization is on.
    ///
    /// # Errors
    /// [`DbError`].
    pub(crate) async fn note_package(&self, uow: &UnitOfWork, id: OrganizationId, code: &str) -> Result<(), DbError> {
        self.organizations.note_package(uow, id, code).await
    }

    /// Makes what comes with a module that the organization has for the first time.
    ///
    /// # Errors
    /// [`DbError`].
    pub(crate) async fn module_activated(
        &self,
        uow: &UnitOfWork,
        organization: OrganizationId,
        code: &str,
    ) -> Result<(), DbError> {
        match &self.access {
            Some(access) => access.module_activated(uow, organization, code).await,
            None => Ok(()),
        }
    }

    /// Who would miss the module.
    ///
    /// # Errors
    /// [`DbError`].
    pub(crate) async fn affected(
        &self,
        uow: &UnitOfWork,
        organization: OrganizationId,
        code: &str,
    ) -> Result<AffectedView, DbError> {
        let GrantCount { users, roles, groups } = match &self.grants {
            Some(grants) => grants.of_module(uow, organization, code).await?,
            None => GrantCount::default(),
        };
        let api_keys = match &self.heads {
            Some(heads) => heads.keys_of_module(uow, organization, code).await?,
            None => 0,
        };
        Ok(AffectedView {
            users,
            roles,
            groups,
            api_keys,
        })
    }

    /// How many active users the organizations have together.
    ///
    /// # Errors
    /// [`DbError`].
    pub(crate) async fn active_users(&self, organizations: &[OrganizationId]) -> Result<u64, DbError> {
        match &self.heads {
            Some(heads) if !organizations.is_empty() => Ok(heads.active_users(organizations).await?.iter().sum()),
            _ => Ok(0),
        }
    }
}
