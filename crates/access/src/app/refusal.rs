//! Why a use case did not happen.

use authz::Denial;
use contracts::NotAdmitted;
use contracts::access::JudgeError;
use db::DbError;
use kernel::RuleViolation;

/// Why not.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// There is no such object.
    NotFound,
    /// It is a system role, which nobody changes.
    SystemRole,
    /// The code is a system role's.
    ReservedCode,
    /// It is not as the client last saw it.
    Stale,
    /// It is there already; the field that says which.
    Duplicate(&'static str),
    /// A role would inherit from itself, along the roles with these codes.
    Cycle(Vec<String>),
    /// The permission is one that the program declares.
    Declared,
    /// A value makes no sense here.
    Invalid(RuleViolation),
    /// The condition of the actor's grant does not hold of the object.
    Denied(Denial),
    /// What the actor holds does not allow it, or nobody would administer the organization.
    Judged(JudgeError),
    /// The storage refused: a code that is taken, or a failure.
    Storage(DbError),
}

impl From<DbError> for Refusal {
    fn from(error: DbError) -> Self {
        Self::Storage(error)
    }
}

impl From<JudgeError> for Refusal {
    fn from(error: JudgeError) -> Self {
        Self::Judged(error)
    }
}

impl From<Denial> for Refusal {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
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
