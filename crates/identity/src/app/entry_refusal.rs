//! Why nobody came in by a link, an invitation or a registration.

use contracts::access::{JudgeError, Judged};
use contracts::usage::ReserveError;
use db::DbError;
use kernel::RuleViolation;

use super::Refusal;
use crate::service::CryptoRefusal;

/// Why not.
#[derive(Debug)]
pub(crate) enum EntryRefusal {
    /// The token is spent, expired, forged, or what it was for is gone: nobody is told which.
    Spent,
    /// What is wrong with what was entered.
    Violations(Vec<RuleViolation>),
    /// The organization takes no registrations, or not this one, or there is none.
    RegistrationClosed,
    /// As of every use case.
    Refused(Refusal),
    /// Too much is waiting, or there is no memory for it.
    Crypto(CryptoRefusal),
}

impl From<Refusal> for EntryRefusal {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<DbError> for EntryRefusal {
    fn from(error: DbError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<ReserveError> for EntryRefusal {
    fn from(error: ReserveError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<JudgeError> for EntryRefusal {
    fn from(error: JudgeError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<CryptoRefusal> for EntryRefusal {
    fn from(refusal: CryptoRefusal) -> Self {
        Self::Crypto(refusal)
    }
}

impl From<Vec<RuleViolation>> for EntryRefusal {
    fn from(violations: Vec<RuleViolation>) -> Self {
        Self::Violations(violations)
    }
}

impl Judged for EntryRefusal {
    fn is_outdated(&self) -> bool {
        matches!(self, Self::Refused(Refusal::Judged(JudgeError::Outdated)))
    }
}
