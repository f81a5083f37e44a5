//! Which organizations there are, for other contexts.

use contracts::organization::{OrganizationSummary, OrganizationView, Organizations};
use db::{Db, DbError};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use kernel::OrganizationId;

use crate::store::organizations;

/// Reads them from the database.
pub(crate) struct Directory {
    db: Db,
}

impl Directory {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }
}

impl Organizations for Directory {
    fn find(&self, id: OrganizationId) -> BoxFuture<'_, Result<Option<OrganizationSummary>, DbError>> {
        async move {
            let found = organizations::lookup(self.db.global(), id).await?;
            Ok(found.map(summary))
        }
        .boxed()
    }

    fn find_by_slug<'a>(&'a self, slug: &'a str) -> BoxFuture<'a, Result<Option<OrganizationSummary>, DbError>> {
        async move {
            let found = organizations::find_by_slug(self.db.global(), slug).await?;
            Ok(found.map(|organization| summary(OrganizationView::from(&organization))))
        }
        .boxed()
    }
}

fn summary(view: OrganizationView) -> OrganizationSummary {
    OrganizationSummary {
        id: view.id,
        name: view.name,
        slug: view.slug,
        is_active: view.is_active,
    }
}
