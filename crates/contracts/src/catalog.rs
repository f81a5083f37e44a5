//! Modules, packages and entitlements as others know them.

use authz::snapshot::{ModuleRow, Period, PermissionRow, WithheldRow};
use db::{DbError, UnitOfWork};
use futures_util::future::BoxFuture;
use kernel::OrganizationId;

kernel::id!(
    /// A module.
    pub struct ModuleId = "module";
    /// A permission of the catalogue.
    pub struct PermissionId = "permission";
    /// A package.
    pub struct PackageId = "package";
);

/// What one organization may use: the codes of active modules and withheld permissions, with their periods.
#[derive(Debug, Clone, Default)]
pub struct EntitlementRows {
    /// The code of its package.
    pub package: Option<String>,
    /// Every module of the catalogue.
    pub modules: Vec<ModuleRow>,
    /// Permissions that its package or an override withholds.
    pub withheld: Vec<WithheldRow>,
}

/// Tells what organizations may use. Provided by catalog.
pub trait Entitlements: Send + Sync {
    /// What the organization may use now and later.
    ///
    /// # Errors
    /// [`DbError`].
    fn rows(&self, organization: OrganizationId) -> BoxFuture<'_, Result<EntitlementRows, DbError>>;

    /// Every permission of the catalogue, in the order of their ids.
    ///
    /// # Errors
    /// [`DbError`].
    fn permissions(&self) -> BoxFuture<'_, Result<Vec<PermissionRow>, DbError>>;

    /// The quotas of the organization after package and overrides, those of later periods of time among them: of one metric and
    /// [`QuotaPeriod`] at most one is in force at an instant. What is held of them is outdated by a change of the kind
    /// [`Quotas`](db::ChangeKind::Quotas), of this organization or of none in particular (a package was edited).
    ///
    /// # Errors
    /// [`DbError`].
    fn quotas(&self, organization: OrganizationId) -> BoxFuture<'_, Result<Vec<Quota>, DbError>>;

    /// As [`quotas`](Self::quotas), as the unit of work sees them: who reserves holds to the limits that its own transaction
    /// reads, so that no node ever counts against one that is outdated.
    ///
    /// # Errors
    /// [`DbError`].
    fn quotas_in<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        organization: OrganizationId,
    ) -> BoxFuture<'a, Result<Vec<Quota>, DbError>>;
}

/// The period that a quota counts in, of the UTC calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum QuotaPeriod {
    /// Each hour.
    Hour,
    /// Each day.
    Day,
    /// Each month.
    Month,
    /// Ever.
    Total,
}

impl QuotaPeriod {
    /// Every period.
    pub const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Month, Self::Total];

    /// Its name in the API and in storage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
            Self::Total => "total",
        }
    }

    /// The period with the name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|period| period.as_str() == name)
    }
}

/// What is done when a quota is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QuotaMode {
    /// What goes beyond is refused.
    Hard,
    /// What goes beyond is counted.
    Soft,
}

impl QuotaMode {
    /// Its name in the API and in storage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hard => "hard",
            Self::Soft => "soft",
        }
    }

    /// The mode with the name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        [Self::Hard, Self::Soft].into_iter().find(|mode| mode.as_str() == name)
    }
}

/// A quota in force for one organization: one per metric and period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// What is counted.
    pub metric: String,
    /// How much, at least 0.
    pub limit: i64,
    /// In which period.
    pub period: QuotaPeriod,
    /// What happens beyond it.
    pub mode: QuotaMode,
    /// Whether an override made it, or else the package.
    pub is_override: bool,
    /// When it is in force: an override's end needs no event.
    pub in_force: Period,
}

/// Puts an organization on a package, inside the unit of work that makes it. Provided by catalog.
pub trait Packages: Send + Sync {
    /// Whether there is a package with the code.
    ///
    /// # Errors
    /// [`DbError`].
    fn exists<'a>(&'a self, code: &'a str) -> BoxFuture<'a, Result<bool, DbError>>;

    /// Assigns the package and switches its modules on; the codes of the business modules that are on after it. `None` when
    /// there is no such package.
    ///
    /// # Errors
    /// [`DbError`].
    fn assign<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        organization: OrganizationId,
        package: &'a str,
    ) -> BoxFuture<'a, Result<Option<Vec<String>>, DbError>>;
}
