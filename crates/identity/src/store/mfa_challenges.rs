//! The table `mfa_challenges`.

use contracts::identity::UserId;
use db::{DbError, Sql, UnitOfWork, Value, values};
use kernel::{OrganizationId, Timestamp};

use crate::crypto::SecretDigest;

const ADD: Sql = Sql::tenant(
    "INSERT INTO mfa_challenges (organization_id, digest, user_id, purpose, tries, created_at, expires_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7)",
);
const WITH_ENDED: Sql = Sql::system("SELECT DISTINCT organization_id FROM mfa_challenges WHERE expires_at < $1");
const REMOVE_ENDED: Sql = Sql::tenant("DELETE FROM mfa_challenges WHERE organization_id = $1 AND expires_at < $2");

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[ADD, WITH_ENDED, REMOVE_ENDED];

/// What a challenge asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A code.
    Verify,
    /// To enrol first.
    Enrol,
}

impl Purpose {
    /// Its name in storage.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Enrol => "enrol",
        }
    }
}

/// A challenge as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct StoredChallenge {
    pub(crate) organization: OrganizationId,
    pub(crate) digest: SecretDigest,
    pub(crate) user: UserId,
    pub(crate) purpose: Purpose,
    /// How many codes were tried with it.
    pub(crate) tries: u32,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

pub(crate) async fn add(uow: &UnitOfWork, challenge: &StoredChallenge) -> Result<(), DbError> {
    let row = [
        challenge.digest.as_bytes().as_slice().into(),
        Value::id(challenge.user),
        challenge.purpose.as_str().into(),
        challenge.tries.into(),
        challenge.created_at.into(),
        challenge.expires_at.into(),
    ];
    uow.scope(challenge.organization).send(&ADD, &row).await
}

/// The organizations with challenges that ended before `before`.
pub(crate) async fn organizations_with_ended(
    scope: db::Scope<'_>,
    before: Timestamp,
) -> Result<Vec<OrganizationId>, DbError> {
    scope.all(&WITH_ENDED, &values![before], |row| row.id(0)).await
}

/// Removes the challenges of one organization that ended before `before`.
pub(crate) async fn remove_ended(
    uow: &UnitOfWork,
    organization: OrganizationId,
    before: Timestamp,
) -> Result<u64, DbError> {
    uow.scope(organization).execute(&REMOVE_ENDED, &values![before]).await
}
