//! Why a use case did not happen.

use authz::Denial;
use contracts::NotAdmitted;
use contracts::access::JudgeError;
use contracts::usage::ReserveError;
use db::DbError;
use kernel::RuleViolation;

use crate::domain::{AccountInactive, KeyRevoked, NotAMaker};

/// Why not.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// There is no such object in the organization.
    NotFound,
    /// A field does not fit what it names.
    Invalid(RuleViolation),
    /// It is not as the client last saw it.
    Stale,
    /// The address belongs to another user of the organization.
    EmailTaken,
    /// The condition of the actor's grant does not hold of the object.
    Denied(Denial),
    /// It goes beyond what the actor holds, or would leave nobody to administer the organization.
    Judged(JudgeError),
    /// It goes beyond a quota.
    Quota(ReserveError),
    /// Keys are not made by keys.
    NotAMaker,
    /// It was ended for good before.
    Ended,
    /// The storage refused, or failed.
    Storage(DbError),
}

impl From<Denial> for Refusal {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

impl From<JudgeError> for Refusal {
    fn from(error: JudgeError) -> Self {
        Self::Judged(error)
    }
}

impl From<ReserveError> for Refusal {
    fn from(error: ReserveError) -> Self {
        Self::Quota(error)
    }
}

impl From<NotAMaker> for Refusal {
    fn from(_: NotAMaker) -> Self {
        Self::NotAMaker
    }
}

impl From<KeyRevoked> for Refusal {
    fn from(_: KeyRevoked) -> Self {
        Self::Ended
    }
}

impl From<AccountInactive> for Refusal {
    fn from(_: AccountInactive) -> Self {
        Self::Ended
    }
}

impl From<DbError> for Refusal {
    fn from(error: DbError) -> Self {
        Self::Storage(error)
    }
}

impl From<NotAdmitted> for Refusal {
    fn from(error: NotAdmitted) -> Self {
        match error {
            NotAdmitted::Denied(denial) => Self::Denied(denial),
            NotAdmitted::Storage(error) => Self::Storage(error),
        }
    }
}
