//! The organization as others know it.

use db::DbError;
use futures_util::future::BoxFuture;
use kernel::{OrganizationId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

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
