//! Why a use case did not happen.

use db::DbError;
use kernel::{Rule, RuleViolation};

use crate::domain::CoreModule;
use crate::views::AffectedView;

/// Why not.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// There is no such module, package or organization.
    NotFound,
    /// It is not as the client last saw it.
    Stale,
    /// What was asked for names what there is not, or contradicts itself.
    Invalid(Vec<RuleViolation>),
    /// A core module is always on.
    CoreModule,
    /// The module is off for the whole installation.
    GloballyInactive,
    /// An organization is on the package.
    PackageInUse,
    /// Somebody would miss the module.
    Missed(AffectedView),
    /// The storage refused: a code that is taken, or a failure.
    Storage(DbError),
}

impl Refusal {
    /// A code that names nothing known.
    pub(crate) fn unknown(field: &'static str) -> Self {
        Self::Invalid(vec![RuleViolation::new(field, Rule::UnknownCode)])
    }
}

impl From<CoreModule> for Refusal {
    fn from(_: CoreModule) -> Self {
        Self::CoreModule
    }
}

impl From<DbError> for Refusal {
    fn from(error: DbError) -> Self {
        Self::Storage(error)
    }
}
