//! The table `signing_keys`.

use db::{DbError, Row, Scope, Sql, UnitOfWork, Value, values};
use http::SealedColumn;
use kernel::{Id as _, Timestamp};
use vault::SealContext;

use crate::crypto::{Jwk, SigningAlgorithm};

kernel::id!(
    /// A key that signs access tokens.
    pub struct SigningKeyId = "signing_key"
);

const PUBLISHED: Sql = Sql::global(
    "SELECT id, signs IS NOT NULL, algorithm, public_key, sealed_key, verifies_until FROM signing_keys \
     WHERE verifies_until IS NULL OR verifies_until > $1 ORDER BY created_at DESC, id DESC",
);
const ADD: Sql = Sql::global(
    "INSERT INTO signing_keys (id, signs, algorithm, public_key, sealed_key, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
);
const RETIRE: Sql = Sql::global("UPDATE signing_keys SET signs = NULL, verifies_until = $2 WHERE signs = $1");
const WITHDRAW: Sql = Sql::global("DELETE FROM signing_keys WHERE algorithm = $1 AND signs IS NULL");
const REMOVE_OVER: Sql = Sql::global("DELETE FROM signing_keys WHERE verifies_until < $1");

const NEXT: Sql = Sql::global("SELECT id, sealed_key FROM signing_keys WHERE id > $1 ORDER BY id LIMIT 100");
const RESEAL: Sql = Sql::global("UPDATE signing_keys SET sealed_key = $2 WHERE id = $1 AND sealed_key = $3");

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[PUBLISHED, ADD, RETIRE, WITHDRAW, REMOVE_OVER, NEXT, RESEAL];

/// What a private key is sealed for, beside its id.
const PURPOSE: &str = "signing key";

/// The private keys, for when the master key changes.
pub(crate) const SEALED: SealedColumn = SealedColumn::global("signing keys", PURPOSE, NEXT, RESEAL);

/// Where a private key is sealed for.
pub(crate) fn place(id: SigningKeyId) -> SealContext {
    SealContext::global(PURPOSE, id.as_uuid())
}

/// A key as it is stored.
pub(crate) struct StoredKey {
    pub(crate) id: SigningKeyId,
    /// Whether it signs now, or only verifies what it signed.
    pub(crate) signs: bool,
    pub(crate) algorithm: SigningAlgorithm,
    pub(crate) public: Jwk,
    /// The private key, sealed for its id.
    pub(crate) sealed: Vec<u8>,
    /// When its last token has ended; `None` while it signs.
    pub(crate) verifies_until: Option<Timestamp>,
}

/// The keys whose tokens are accepted at `now`, the newest first.
pub(crate) async fn published(scope: Scope<'_>, now: Timestamp) -> Result<Vec<StoredKey>, DbError> {
    scope.all(&PUBLISHED, &values![now], key).await
}

/// Adds a key that signs. Where another signs with its algorithm already this is [`DbError::Unique`], at the latest when the unit
/// commits.
pub(crate) async fn add(uow: &UnitOfWork, id: SigningKeyId, public: &Jwk, sealed: &[u8]) -> Result<(), DbError> {
    let text = serde_json::to_string(public)
        .map_err(|error| DbError::Internal(format!("a public key cannot be rendered: {error}")))?;
    let row = [
        Value::id(id),
        public.algorithm().as_str().into(),
        public.algorithm().as_str().into(),
        Value::Json(text.into()),
        sealed.into(),
        uow.now().into(),
    ];
    uow.global().send(&ADD, &row).await
}

/// Ends the signing of the key that signs with the algorithm; what it signed is accepted until then.
pub(crate) async fn retire(
    uow: &UnitOfWork,
    algorithm: SigningAlgorithm,
    verifies_until: Timestamp,
) -> Result<u64, DbError> {
    let values = values![algorithm.as_str(), verifies_until];
    uow.global().execute(&RETIRE, &values).await
}

/// Forgets the algorithm's keys that do not sign any more, and with them what they signed.
pub(crate) async fn withdraw(uow: &UnitOfWork, algorithm: SigningAlgorithm) -> Result<u64, DbError> {
    uow.global().execute(&WITHDRAW, &values![algorithm.as_str()]).await
}

/// Removes the keys whose last token has ended.
pub(crate) async fn remove_over(uow: &UnitOfWork) -> Result<u64, DbError> {
    uow.global().execute(&REMOVE_OVER, &values![uow.now()]).await
}

fn key(row: &Row<'_>) -> Result<StoredKey, DbError> {
    Ok(StoredKey {
        id: row.id(0)?,
        signs: row.get(1)?,
        algorithm: row.get::<String>(2)?.parse().map_err(|_| row.inconsistency(2))?,
        public: serde_json::from_str(&row.get::<String>(3)?).map_err(|_| row.inconsistency(3))?,
        sealed: row.get(4)?,
        verifies_until: row.get(5)?,
    })
}
