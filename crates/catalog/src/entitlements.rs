//! What organizations may use, told to other contexts.

use authz::PermissionScope;
use authz::snapshot::PermissionRow;
use contracts::catalog::{EntitlementRows, Entitlements, Packages, Quota};
use db::{Db, DbError, UnitOfWork};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, try_join};
use kernel::OrganizationId;

use crate::app::assign_new;
use crate::store::{modules, packages, permissions, standings};

/// Reads it from the database, anew each time: who asks remembers it until the change feed says otherwise.
pub(crate) struct Reader {
    db: Db,
}

impl Reader {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }
}

impl Entitlements for Reader {
    fn rows(&self, organization: OrganizationId) -> BoxFuture<'_, Result<EntitlementRows, DbError>> {
        async move {
            let (modules, standing) = try_join!(
                modules::facts(self.db.global()),
                standings::load(self.db.scope(organization)),
            )?;
            Ok(EntitlementRows {
                modules: standing.module_rows(&modules),
                withheld: standing.withheld_rows(),
                package: standing.package.map(|package| package.code),
            })
        }
        .boxed()
    }

    fn permissions(&self) -> BoxFuture<'_, Result<Vec<PermissionRow>, DbError>> {
        permissions::rows(self.db.global()).boxed()
    }

    fn quotas(&self, organization: OrganizationId) -> BoxFuture<'_, Result<Vec<Quota>, DbError>> {
        async move { Ok(standings::load_quotas(self.db.scope(organization)).await?.quota_rows()) }.boxed()
    }

    fn quotas_in<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        organization: OrganizationId,
    ) -> BoxFuture<'a, Result<Vec<Quota>, DbError>> {
        async move {
            let standing = standings::load_quotas(uow.scope(organization).reads()).await?;
            Ok(standing.quota_rows())
        }
        .boxed()
    }
}

impl Packages for Reader {
    fn exists<'a>(&'a self, code: &'a str) -> BoxFuture<'a, Result<bool, DbError>> {
        packages::exists(self.db.global(), code).boxed()
    }

    fn assign<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        organization: OrganizationId,
        package: &'a str,
    ) -> BoxFuture<'a, Result<Option<Vec<String>>, DbError>> {
        assign_new(uow, organization, package).boxed()
    }
}

/// The scope of a permission by its name in storage.
pub(crate) fn scope_named(name: &str) -> Option<PermissionScope> {
    [PermissionScope::Tenant, PermissionScope::Platform]
        .into_iter()
        .find(|scope| scope.as_str() == name)
}
