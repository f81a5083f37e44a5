//! Who there is, for other contexts.

use std::sync::Arc;

use authz::snapshot::Principal;
use contracts::identity::{HeadCounts, PrincipalRows, Principals, UserId, UserSummary};
use db::{Db, DbError, UnitOfWork};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use kernel::OrganizationId;

use super::own_acts::NAMED;
use crate::domain::User;
use crate::service::Service;
use crate::store::{api_keys, principals, users};

/// Reads them from the database.
pub(crate) struct Directory {
    db: Db,
}

impl Directory {
    pub(crate) fn new(service: &Arc<Service>) -> Self {
        Self { db: service.db.clone() }
    }
}

impl Principals for Directory {
    fn rows<'a>(
        &'a self,
        organization: OrganizationId,
        only: Option<&'a [Principal]>,
    ) -> BoxFuture<'a, Result<PrincipalRows, DbError>> {
        let scope = self.db.scope(organization);
        async move {
            match only {
                None => principals::all(scope).await,
                Some(only) => principals::only(scope, only).await,
            }
        }
        .boxed()
    }

    fn user(&self, organization: OrganizationId, id: UserId) -> BoxFuture<'_, Result<Option<UserSummary>, DbError>> {
        async move {
            let user = users::lookup(self.db.scope(organization), &NAMED, id).await?;
            Ok(user.as_ref().map(summary))
        }
        .boxed()
    }

    fn user_in<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        organization: OrganizationId,
        id: UserId,
    ) -> BoxFuture<'a, Result<Option<UserSummary>, DbError>> {
        async move {
            let user = users::lookup(uow.scope(organization).reads(), &NAMED, id).await?;
            Ok(user.as_ref().map(summary))
        }
        .boxed()
    }
}

impl HeadCounts for Directory {
    fn active_users<'a>(&'a self, organizations: &'a [OrganizationId]) -> BoxFuture<'a, Result<Vec<u64>, DbError>> {
        async move {
            let mut counts = Vec::with_capacity(organizations.len());
            for organization in organizations {
                counts.push(users::count_active(self.db.scope(*organization)).await?);
            }
            Ok(counts)
        }
        .boxed()
    }

    fn keys_of_module<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        organization: OrganizationId,
        module: &'a str,
    ) -> BoxFuture<'a, Result<u64, DbError>> {
        api_keys::count_of_module(uow.scope(organization).reads(), module).boxed()
    }
}

fn summary(user: &User) -> UserSummary {
    let state = user.state();
    UserSummary {
        id: state.id,
        name: state.name.as_str().to_owned(),
        email: state.email.as_str().to_owned(),
        is_active: state.is_active,
    }
}
