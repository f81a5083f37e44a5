//! The tables `user_mfa` and `mfa_recovery_codes`: what an authenticator shares with the server, and what replaces it.

use contracts::identity::UserId;
use db::{DbError, Row, Sql, UnitOfWork, Value, values};
use http::SealedColumn;
use kernel::{Id as _, OrganizationId, Timestamp};
use uuid::Uuid;
use vault::SealContext;

use crate::domain::{RecoveryCode, TotpStep};

const LOCK: Sql = Sql::tenant(
    "SELECT user_id, sealed_secret, confirmed_at, last_step FROM user_mfa WHERE organization_id = $1 AND user_id = $2 \
     FOR UPDATE",
)
.on_sqlite(
    "SELECT user_id, sealed_secret, confirmed_at, last_step FROM user_mfa WHERE organization_id = $1 AND user_id = $2",
);
const PROPOSE: Sql = Sql::tenant(
    "INSERT INTO user_mfa (organization_id, user_id, sealed_secret, created_at) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (organization_id, user_id) DO UPDATE SET sealed_secret = excluded.sealed_secret, \
     created_at = excluded.created_at, last_step = NULL WHERE user_mfa.confirmed_at IS NULL",
);
const CONFIRM: Sql =
    Sql::tenant("UPDATE user_mfa SET confirmed_at = $3, last_step = $4 WHERE organization_id = $1 AND user_id = $2");
const USED: Sql = Sql::tenant("UPDATE user_mfa SET last_step = $3 WHERE organization_id = $1 AND user_id = $2");
const REMOVE: Sql = Sql::tenant("DELETE FROM user_mfa WHERE organization_id = $1 AND user_id = $2");
const ADD_CODE: Sql =
    Sql::tenant("INSERT INTO mfa_recovery_codes (organization_id, user_id, digest) VALUES ($1, $2, $3)");
const TAKE_CODE: Sql =
    Sql::tenant("DELETE FROM mfa_recovery_codes WHERE organization_id = $1 AND user_id = $2 AND digest = $3");
const REMOVE_CODES: Sql = Sql::tenant("DELETE FROM mfa_recovery_codes WHERE organization_id = $1 AND user_id = $2");

const NEXT: Sql = Sql::system(
    "SELECT organization_id, user_id, sealed_secret FROM user_mfa WHERE (organization_id, user_id) > ($1, $2) \
     ORDER BY organization_id, user_id LIMIT 100",
);
const RESEAL: Sql = Sql::system(
    "UPDATE user_mfa SET sealed_secret = $3 WHERE organization_id = $1 AND user_id = $2 AND sealed_secret = $4",
);

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[
    LOCK,
    PROPOSE,
    CONFIRM,
    USED,
    REMOVE,
    ADD_CODE,
    TAKE_CODE,
    REMOVE_CODES,
    NEXT,
    RESEAL,
];

/// What a user's secret is sealed for, beside its owner.
const PURPOSE: &str = "totp secret";

/// The secrets of users, for when the master key changes.
pub(crate) const SEALED: SealedColumn = SealedColumn::tenant("secrets of second factors", PURPOSE, NEXT, RESEAL);

/// A second factor as it is stored.
#[derive(Clone)]
pub(crate) struct StoredFactor {
    /// What the authenticator shares with the server, sealed for [`place`].
    pub(crate) sealed: Vec<u8>,
    /// When its owner proved to have it; before that it protects nothing.
    pub(crate) confirmed_at: Option<Timestamp>,
    /// The step of the last accepted code.
    pub(crate) last_step: Option<TotpStep>,
}

/// Where a user's secret is sealed for.
pub(crate) fn place(organization: OrganizationId, user: UserId) -> SealContext {
    SealContext::tenant(PURPOSE, organization, user.as_uuid())
}

/// The second factor of a user, held until the unit ends: of two uses of a code one comes first.
pub(crate) async fn lock(
    uow: &UnitOfWork,
    organization: OrganizationId,
    user: UserId,
) -> Result<Option<StoredFactor>, DbError> {
    let scope = uow.scope(organization).reads();
    scope.optional(&LOCK, &[Value::id(user)], factor).await
}

fn factor(row: &Row<'_>) -> Result<StoredFactor, DbError> {
    row.id::<UserId>(0)?;
    let step = row.get::<Option<i64>>(3)?;
    Ok(StoredFactor {
        sealed: row.get(1)?,
        confirmed_at: row.get(2)?,
        last_step: step
            .map(|step| u64::try_from(step).map(TotpStep::new).map_err(|_| row.inconsistency(3)))
            .transpose()?,
    })
}

/// Stores a secret that its owner has still to confirm, in place of another such one. False when there is a confirmed one.
pub(crate) async fn propose(
    uow: &UnitOfWork,
    organization: OrganizationId,
    user: UserId,
    sealed: &[u8],
) -> Result<bool, DbError> {
    let row = values![user.as_uuid(), sealed, uow.now()];
    Ok(uow.scope(organization).execute(&PROPOSE, &row).await? > 0)
}

/// Its owner proved to have it, with the code of this step.
pub(crate) async fn confirm(
    uow: &UnitOfWork,
    organization: OrganizationId,
    user: UserId,
    step: TotpStep,
) -> Result<(), DbError> {
    let row = values![user.as_uuid(), uow.now(), number(step)?];
    uow.scope(organization).send(&CONFIRM, &row).await
}

/// The code of this step was accepted.
pub(crate) async fn used(
    uow: &UnitOfWork,
    organization: OrganizationId,
    user: UserId,
    step: TotpStep,
) -> Result<(), DbError> {
    let row = values![user.as_uuid(), number(step)?];
    uow.scope(organization).send(&USED, &row).await
}

fn number(step: TotpStep) -> Result<i64, DbError> {
    i64::try_from(step.number()).map_err(|_| DbError::Internal("a step is beyond what is stored".into()))
}

/// Removes a user's second factor and recovery codes.
pub(crate) async fn remove(uow: &UnitOfWork, organization: OrganizationId, user: UserId) -> Result<(), DbError> {
    let key = [Value::Uuid(user.as_uuid())];
    uow.scope(organization).send(&REMOVE_CODES, &key).await?;
    uow.scope(organization).send(&REMOVE, &key).await
}

/// Gives a user these recovery codes, in place of those before.
pub(crate) async fn replace_codes(
    uow: &UnitOfWork,
    organization: OrganizationId,
    user: UserId,
    codes: &[RecoveryCode],
) -> Result<(), DbError> {
    let scope = uow.scope(organization);
    scope.send(&REMOVE_CODES, &[Value::id(user)]).await?;
    for code in codes {
        let digest = code.digest(user);
        let row: [Value<'_>; 2] = [Uuid::from(user).into(), digest.as_slice().into()];
        scope.send(&ADD_CODE, &row).await?;
    }
    Ok(())
}

/// Uses a recovery code up. False when it is none of the user's.
pub(crate) async fn take_code(
    uow: &UnitOfWork,
    organization: OrganizationId,
    user: UserId,
    code: &RecoveryCode,
) -> Result<bool, DbError> {
    let digest = code.digest(user);
    let row: [Value<'_>; 2] = [Uuid::from(user).into(), digest.as_slice().into()];
    Ok(uow.scope(organization).execute(&TAKE_CODE, &row).await? > 0)
}
