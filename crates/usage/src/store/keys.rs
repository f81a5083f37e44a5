//! The table `usage_keys`: which events were reported before.

use std::collections::HashSet;

use db::{DbError, Sql, UnitOfWork, values};
use kernel::{OrganizationId, Timestamp};

use super::{SLICE, expanded};

// A key that is remembered too long already is as good as forgotten: the clean-up need not have come by.
const CLAIM: Sql = Sql::tenant(
    "INSERT INTO usage_keys (organization_id, key, recorded_at) \
     SELECT $1::uuid, k.key, $3::timestamptz FROM json_array_elements_text($2) AS k(key) ORDER BY k.key \
     ON CONFLICT (organization_id, key) DO UPDATE SET recorded_at = excluded.recorded_at \
     WHERE usage_keys.recorded_at < $4 RETURNING key",
)
.on_sqlite(
    "INSERT INTO usage_keys (organization_id, key, recorded_at) \
     SELECT $1, k.value, $3 FROM json_each($2) AS k WHERE true \
     ON CONFLICT (organization_id, key) DO UPDATE SET recorded_at = excluded.recorded_at \
     WHERE usage_keys.recorded_at < $4 RETURNING key",
);
const FORGET: Sql = Sql::tenant(
    "DELETE FROM usage_keys WHERE organization_id = $1 AND key IN \
     (SELECT key FROM usage_keys WHERE organization_id = $1 AND recorded_at < $2 ORDER BY recorded_at LIMIT 5000)",
);

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[CLAIM, FORGET];

/// Takes down the keys, which differ from each other; those that were not known yet.
pub(crate) async fn claim(
    uow: &UnitOfWork,
    organization: OrganizationId,
    keys: &[&str],
    forgotten_before: Timestamp,
) -> Result<HashSet<String>, DbError> {
    if keys.is_empty() {
        return Ok(HashSet::new());
    }
    let values = [expanded(keys)?, uow.now().into(), forgotten_before.into()];
    let scope = uow.scope(organization).reads();
    Ok(scope
        .all(&CLAIM, &values, |row| row.get(0))
        .await?
        .into_iter()
        .collect())
}

/// Forgets keys that were recorded before; how many, and whether there are more.
pub(crate) async fn forget(
    uow: &UnitOfWork,
    organization: OrganizationId,
    before: Timestamp,
) -> Result<(u64, bool), DbError> {
    let done = uow.scope(organization).execute(&FORGET, &values![before]).await?;
    Ok((done, done >= SLICE as u64))
}
