//! The organization as others know it.

use db::{DbError, UnitOfWork};
use futures_util::future::BoxFuture;
use kernel::{OrganizationId, RuleViolation, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// The slug of the platform organization, whose members operate the installation.
pub const PLATFORM_SLUG: &str = "platform";

/// An organization as the API shows it, and as `organization.*` events carry it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Organization, rename_all = "camelCase")]
pub struct OrganizationView {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    pub id: OrganizationId,
    /// Its name, 2 to 120 characters.
    pub name: String,
    /// Its name in addresses, unique in the installation.
    pub slug: String,
    /// Its CNPJ, bare and in upper case.
    pub document: Option<String>,
    /// Whether it may act.
    pub is_active: bool,
    /// The package it has contracted.
    pub package_code: Option<String>,
    /// When it was created.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

/// What others have to know of an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationSummary {
    /// Which one.
    pub id: OrganizationId,
    /// Its name.
    pub name: String,
    /// Its name in addresses.
    pub slug: String,
    /// Whether it may act.
    pub is_active: bool,
}

/// Tells which organizations there are. Provided by organization.
pub trait Organizations: Send + Sync {
    /// The organization with the id.
    ///
    /// # Errors
    /// [`DbError`].
    fn find(&self, id: OrganizationId) -> BoxFuture<'_, Result<Option<OrganizationSummary>, DbError>>;

    /// The organization with the slug.
    ///
    /// # Errors
    /// [`DbError`].
    fn find_by_slug<'a>(&'a self, slug: &'a str) -> BoxFuture<'a, Result<Option<OrganizationSummary>, DbError>>;
}

/// What it takes to make an organization, as somebody wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOrganization {
    /// What people call it.
    pub name: String,
    /// What it is called in addresses.
    pub slug: String,
    /// Its CNPJ, with or without punctuation.
    pub document: Option<String>,
}

/// Makes and changes organizations for other contexts. Provided by organization.
pub trait OrganizationRegistry: Send + Sync {
    /// What is wrong with it, each problem at its field; nothing is done.
    ///
    /// # Errors
    /// Every violation.
    fn check(&self, new: &NewOrganization) -> Result<(), Vec<RuleViolation>>;

    /// Makes it inside the unit of work, which must have been opened for all organizations; the event and the audit entries are
    /// recorded in it. What was not [`check`](Self::check)ed before is [`DbError::Internal`].
    ///
    /// # Errors
    /// [`DbError`], a taken slug or document among it, at the latest when the unit commits.
    fn create<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        new: &'a NewOrganization,
        package_code: Option<&'a str>,
    ) -> BoxFuture<'a, Result<OrganizationView, DbError>>;

    /// The organization as the unit of work sees it, held against other changes of it until the unit ends.
    ///
    /// # Errors
    /// [`DbError`].
    fn lock<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        id: OrganizationId,
    ) -> BoxFuture<'a, Result<Option<OrganizationView>, DbError>>;

    /// Writes the code of the package that the organization is on, where clients see it. Who puts it on the package records that.
    ///
    /// # Errors
    /// [`DbError`].
    fn note_package<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        id: OrganizationId,
        package_code: &'a str,
    ) -> BoxFuture<'a, Result<(), DbError>>;
}

/// A job as `job.*` events carry it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = JobSummary)]
pub struct JobSummary {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    pub id: Uuid,
    /// Its name.
    pub name: String,
}
