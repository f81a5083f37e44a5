//! The table `mfa_challenges`.

use contracts::identity::UserId;
use db::{DbError, Row, Scope, Sql, UnitOfWork, Value, values};
use kernel::{OrganizationId, Timestamp};

use crate::crypto::SecretDigest;

const ADD: Sql = Sql::tenant(
    "INSERT INTO mfa_challenges (organization_id, digest, user_id, purpose, tries, created_at, expires_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7)",
);
const FIND: Sql = Sql::tenant(
    "SELECT organization_id, digest, user_id, purpose, tries, created_at, expires_at FROM mfa_challenges \
     WHERE organization_id = $1 AND digest = $2 AND expires_at > $3",
)
.point();
const LOCK: Sql = Sql::tenant(
    "SELECT organization_id, digest, user_id, purpose, tries, created_at, expires_at FROM mfa_challenges \
     WHERE organization_id = $1 AND digest = $2 AND expires_at > $3 FOR UPDATE",
)
.on_sqlite(FIND.text(db::Engine::Sqlite));
const TRIED: Sql =
    Sql::tenant("UPDATE mfa_challenges SET tries = tries + 1 WHERE organization_id = $1 AND digest = $2");
const REMOVE: Sql = Sql::tenant("DELETE FROM mfa_challenges WHERE organization_id = $1 AND digest = $2");
const ENROLLED: Sql = Sql::tenant(
    "UPDATE mfa_challenges SET purpose = 'verify' WHERE organization_id = $1 AND user_id = $2 AND purpose = 'enrol'",
);
const FORGET: Sql = Sql::tenant("DELETE FROM mfa_challenges WHERE organization_id = $1 AND user_id = $2");
const REMOVE_ENDED: Sql = Sql::tenant("DELETE FROM mfa_challenges WHERE organization_id = $1 AND expires_at < $2");

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[ADD, FIND, LOCK, TRIED, REMOVE, ENROLLED, FORGET, REMOVE_ENDED];

/// What a challenge asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A code.
    Verify,
    /// To enrol first.
    Enrol,
}

impl Purpose {
    const ALL: [Self; 2] = [Self::Verify, Self::Enrol];

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

/// The challenge with the digest, if it has not ended.
pub(crate) async fn find(
    scope: Scope<'_>,
    digest: &SecretDigest,
    now: Timestamp,
) -> Result<Option<StoredChallenge>, DbError> {
    let key = [digest.as_bytes().as_slice().into(), now.into()];
    scope.optional(&FIND, &key, challenge).await
}

/// As [`find`], held until the unit ends.
pub(crate) async fn lock(
    uow: &UnitOfWork,
    organization: OrganizationId,
    digest: &SecretDigest,
    now: Timestamp,
) -> Result<Option<StoredChallenge>, DbError> {
    let key = [digest.as_bytes().as_slice().into(), now.into()];
    uow.scope(organization).reads().optional(&LOCK, &key, challenge).await
}

/// A wrong code was tried with it.
pub(crate) async fn tried(
    uow: &UnitOfWork,
    organization: OrganizationId,
    digest: &SecretDigest,
) -> Result<(), DbError> {
    uow.scope(organization)
        .send(&TRIED, &values![digest.as_bytes().as_slice()])
        .await
}

/// It has led to a session.
pub(crate) async fn remove(
    uow: &UnitOfWork,
    organization: OrganizationId,
    digest: &SecretDigest,
) -> Result<(), DbError> {
    uow.scope(organization)
        .send(&REMOVE, &values![digest.as_bytes().as_slice()])
        .await
}

/// The user has a second factor now: what asked for one asks for a code.
pub(crate) async fn enrolled(uow: &UnitOfWork, organization: OrganizationId, user: UserId) -> Result<(), DbError> {
    uow.scope(organization).send(&ENROLLED, &[Value::id(user)]).await
}

/// The user has no second factor any more, or another password: what asked for a code leads nowhere.
pub(crate) async fn forget(uow: &UnitOfWork, organization: OrganizationId, user: UserId) -> Result<(), DbError> {
    uow.scope(organization).send(&FORGET, &[Value::id(user)]).await
}

fn challenge(row: &Row<'_>) -> Result<StoredChallenge, DbError> {
    let purpose = row.get::<String>(3)?;
    Ok(StoredChallenge {
        organization: row.id(0)?,
        digest: SecretDigest::from_bytes(&row.get::<Vec<u8>>(1)?).ok_or_else(|| row.inconsistency(1))?,
        user: row.id(2)?,
        purpose: Purpose::ALL
            .into_iter()
            .find(|known| known.as_str() == purpose)
            .ok_or_else(|| row.inconsistency(3))?,
        tries: u32::try_from(row.get::<i64>(4)?).map_err(|_| row.inconsistency(4))?,
        created_at: row.get(5)?,
        expires_at: row.get(6)?,
    })
}

/// Removes the challenges of one organization that ended before `before`.
pub(crate) async fn remove_ended(
    uow: &UnitOfWork,
    organization: OrganizationId,
    before: Timestamp,
) -> Result<u64, DbError> {
    uow.scope(organization).execute(&REMOVE_ENDED, &values![before]).await
}
