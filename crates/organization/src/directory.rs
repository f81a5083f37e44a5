//! Which organizations there are, for other contexts.

use contracts::organization::{
    NewOrganization as Asked, OrganizationRegistry, OrganizationSummary, OrganizationView, Organizations,
};
use db::{Db, DbError, UnitOfWork};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use kernel::{OrganizationId, RuleViolation};

use crate::domain::{Document, Name, NewOrganization, Organization, Slug};
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

impl OrganizationRegistry for Directory {
    fn check(&self, new: &Asked) -> Result<(), Vec<RuleViolation>> {
        read(new).map(|_| ())
    }

    fn create<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        new: &'a Asked,
        package_code: Option<&'a str>,
    ) -> BoxFuture<'a, Result<OrganizationView, DbError>> {
        async move {
            let new = read(new).map_err(|violations| {
                let fields: Vec<_> = violations.iter().map(|violation| violation.field.as_ref()).collect();
                DbError::Internal(format!("an organization that was not checked: {}", fields.join(", ")))
            })?;
            let mut organization = Organization::create(uow.generators().id(), new, uow.now());
            organization.enter_on_package(package_code);
            organizations::add(uow, &mut organization).await?;
            Ok(OrganizationView::from(&organization))
        }
        .boxed()
    }

    fn lock<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        id: OrganizationId,
    ) -> BoxFuture<'a, Result<Option<OrganizationView>, DbError>> {
        async move {
            let found = organizations::lock(uow, id).await?;
            Ok(found.map(|organization| OrganizationView::from(&organization)))
        }
        .boxed()
    }

    fn note_package<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        id: OrganizationId,
        package_code: &'a str,
    ) -> BoxFuture<'a, Result<(), DbError>> {
        organizations::note_package(uow, id, package_code).boxed()
    }
}

/// The organization that somebody wrote, or everything that is wrong with it.
fn read(new: &Asked) -> Result<NewOrganization, Vec<RuleViolation>> {
    let name = Name::new(&new.name);
    let slug = Slug::new(&new.slug);
    let document = new.document.as_deref().map(Document::new).transpose();
    match (name, slug, document) {
        (Ok(name), Ok(slug), Ok(document)) => Ok(NewOrganization { name, slug, document }),
        (name, slug, document) => {
            let problems = [name.err(), slug.err(), document.err()];
            Err(problems.into_iter().flatten().collect())
        }
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
