//! The tables `audit_seals` and `audit_sealed`.

use db::{DbError, Row, Scope, Sql, UnitOfWork, Value, values};
use kernel::{OrganizationId, Timestamp};
use serde_json::json;
use uuid::Uuid;

use super::entries::{Entry, entry_at};
use crate::domain::{Commitments, Hash, SALT, SealedBatch};

const HEAD: Sql = Sql::tenant(
    "SELECT sequence, previous, root, count, low, key_id, seal, sealed_at FROM audit_seals WHERE organization_id = $1 \
     ORDER BY sequence DESC LIMIT 1",
)
.point();
const AFTER: Sql = Sql::tenant(
    "SELECT sequence, previous, root, count, low, key_id, seal, sealed_at FROM audit_seals WHERE organization_id = $1 \
     AND sequence > $2 ORDER BY sequence LIMIT 100",
)
.point();
const AT: Sql = Sql::tenant("SELECT seal FROM audit_seals WHERE organization_id = $1 AND sequence = $2").point();
const ADD_SEAL: Sql = Sql::tenant(
    "INSERT INTO audit_seals (organization_id, sequence, previous, root, count, low, key_id, seal, sealed_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
);
const BOUND: Sql =
    Sql::tenant("SELECT low FROM audit_seals WHERE organization_id = $1 AND low <= $2 ORDER BY sequence DESC LIMIT 1")
        .point();
// The places of a whole batch at once. Bytes travel as hexadecimal text, which both engines read.
const ADD_SEALED: Sql = Sql::tenant(
    "INSERT INTO audit_sealed (organization_id, entry_id, sequence, position, salt, commitments, leaf) \
     SELECT s.organization_id, (place->>'entry')::uuid, s.sequence, (place->>'position')::bigint, \
     decode(place->>'salt', 'hex'), decode(place->>'commitments', 'hex'), decode(place->>'leaf', 'hex') \
     FROM json_array_elements($3) AS places(place) JOIN audit_seals s ON s.organization_id = $1 AND s.sequence = $2",
)
.on_sqlite(
    "INSERT INTO audit_sealed (organization_id, entry_id, sequence, position, salt, commitments, leaf) \
     SELECT s.organization_id, unhex(places.value->>'entry'), s.sequence, places.value->>'position', \
     unhex(places.value->>'salt'), unhex(places.value->>'commitments'), unhex(places.value->>'leaf') \
     FROM json_each($3) AS places JOIN audit_seals s ON s.organization_id = $1 AND s.sequence = $2",
);
const UNSEALED: Sql = Sql::tenant(
    "SELECT a.id, a.occurred_at, a.actor_kind, a.actor_id, a.actor_name, a.action, a.target_kind, a.target_id, a.changes, \
     a.request_id, a.ip, a.user_agent, a.count FROM audit_entries a WHERE a.organization_id = $1 AND a.id >= $2 \
     AND NOT EXISTS (SELECT 1 FROM audit_sealed s WHERE s.organization_id = $1 AND s.entry_id = a.id) ORDER BY a.id LIMIT $3",
);
const COUNT_UNSEALED: Sql = Sql::tenant(
    "SELECT count(*) FROM audit_entries a WHERE a.organization_id = $1 AND a.id >= $2 \
     AND NOT EXISTS (SELECT 1 FROM audit_sealed s WHERE s.organization_id = $1 AND s.entry_id = a.id)",
);
const INTRUDER: Sql = Sql::tenant(
    "SELECT a.id FROM audit_entries a WHERE a.organization_id = $1 AND a.id < $2 \
     AND NOT EXISTS (SELECT 1 FROM audit_sealed s WHERE s.organization_id = $1 AND s.entry_id = a.id) ORDER BY a.id LIMIT 1",
);
const BATCH: Sql = Sql::tenant(
    "SELECT s.entry_id, s.position, s.salt, s.commitments, s.leaf, e.id, e.occurred_at, e.actor_kind, e.actor_id, \
     e.actor_name, e.action, e.target_kind, e.target_id, e.changes, e.request_id, e.ip, e.user_agent, e.count \
     FROM audit_sealed s LEFT JOIN audit_entries e ON e.organization_id = s.organization_id AND e.id = s.entry_id \
     WHERE s.organization_id = $1 AND s.sequence = $2 ORDER BY s.position",
);
// The entries that can be unsealed are those after the last seal's bound: few, however long the trail is.
const WAITING: Sql = Sql::system(
    "SELECT o.id FROM organizations o WHERE EXISTS (SELECT 1 FROM audit_entries a WHERE a.organization_id = o.id \
     AND a.id >= coalesce((SELECT h.low FROM audit_seals h WHERE h.organization_id = o.id AND h.low <= $1 \
     ORDER BY h.sequence DESC LIMIT 1), $2) AND NOT EXISTS (SELECT 1 FROM audit_sealed s WHERE s.organization_id = a.organization_id AND s.entry_id = a.id))",
);

// At most one row an organization is looked at: its first seal.
const SEALED_ORGANIZATIONS: Sql = Sql::system(
    "SELECT o.id FROM organizations o WHERE EXISTS (SELECT 1 FROM audit_seals s WHERE s.organization_id = o.id)",
);

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[
    HEAD,
    AFTER,
    AT,
    BOUND,
    ADD_SEAL,
    ADD_SEALED,
    UNSEALED,
    COUNT_UNSEALED,
    INTRUDER,
    BATCH,
    WAITING,
    SEALED_ORGANIZATIONS,
];

/// A seal as it was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredSeal {
    pub(crate) batch: SealedBatch,
    pub(crate) key_id: String,
    pub(crate) seal: Vec<u8>,
    pub(crate) sealed_at: Timestamp,
}

/// The place of an entry in the chain, as it is made.
pub(crate) struct NewPlace {
    pub(crate) entry: Uuid,
    pub(crate) salt: [u8; SALT],
    pub(crate) commitments: Commitments,
    pub(crate) leaf: Hash,
}

/// The place of an entry in the chain, with the entry if it is still there.
pub(crate) struct Place {
    pub(crate) entry_id: Uuid,
    pub(crate) position: i64,
    pub(crate) salt: Option<Vec<u8>>,
    pub(crate) commitments: Vec<u8>,
    pub(crate) leaf: Vec<u8>,
    pub(crate) entry: Option<Entry>,
}

/// Organizations with entries that no seal covers yet, from [`bound`] on.
pub(crate) async fn waiting(system: Scope<'_>, highest: Uuid) -> Result<Vec<OrganizationId>, DbError> {
    system
        .all(&WAITING, &values![highest, Uuid::nil()], |row| row.id(0))
        .await
}

/// Organizations that have a chain.
pub(crate) async fn sealed_organizations(system: Scope<'_>) -> Result<Vec<OrganizationId>, DbError> {
    system.all(&SEALED_ORGANIZATIONS, &[], |row| row.id(0)).await
}

/// The last seal.
pub(crate) async fn head(scope: Scope<'_>, organization: OrganizationId) -> Result<Option<StoredSeal>, DbError> {
    scope.optional(&HEAD, &[], |row| seal(row, organization)).await
}

/// Below which id no entry may appear any more: the bound of the last seal, of those whose bound is not above the highest that a
/// seal could have now.
pub(crate) async fn bound(scope: Scope<'_>, highest: Uuid) -> Result<Uuid, DbError> {
    let bound = scope.optional(&BOUND, &values![highest], |row| row.get(0)).await?;
    Ok(bound.unwrap_or_default())
}

/// The seal with the number.
pub(crate) async fn at(scope: Scope<'_>, sequence: i64) -> Result<Option<Vec<u8>>, DbError> {
    scope.optional(&AT, &values![sequence], |row| row.get(0)).await
}

/// At most a hundred seals after one.
pub(crate) async fn after(
    scope: Scope<'_>,
    organization: OrganizationId,
    sequence: i64,
) -> Result<Vec<StoredSeal>, DbError> {
    scope
        .all(&AFTER, &values![sequence], |row| seal(row, organization))
        .await
}

/// Entries that no seal covers, from an id on, in the order of their ids.
pub(crate) async fn unsealed(scope: Scope<'_>, low: Uuid, limit: i64) -> Result<Vec<Entry>, DbError> {
    scope.all(&UNSEALED, &values![low, limit], |row| entry_at(row, 0)).await
}

/// How many there are.
pub(crate) async fn count_unsealed(scope: Scope<'_>, low: Uuid) -> Result<i64, DbError> {
    scope.one(&COUNT_UNSEALED, &values![low], |row| row.get(0)).await
}

/// The first entry that appeared behind the bound of the last seal.
pub(crate) async fn intruder(scope: Scope<'_>, low: Uuid) -> Result<Option<Uuid>, DbError> {
    scope.optional(&INTRUDER, &values![low], |row| row.get(0)).await
}

/// The entries of a seal, in their order.
pub(crate) async fn batch(scope: Scope<'_>, sequence: i64) -> Result<Vec<Place>, DbError> {
    scope.all(&BATCH, &values![sequence], place).await
}

/// Adds a seal and the places of its entries. Of two sealers the second is refused by the key of the table.
pub(crate) async fn add(
    uow: &UnitOfWork,
    batch: &SealedBatch,
    key_id: &str,
    seal: &Hash,
    places: &[NewPlace],
) -> Result<(), DbError> {
    let scope = uow.scope(batch.organization);
    let row = values![
        batch.sequence,
        batch.previous.as_slice(),
        batch.root.as_slice(),
        batch.count,
        batch.low,
        key_id,
        seal.as_slice(),
        uow.now()
    ];
    scope.send(&ADD_SEAL, &row).await?;
    let places: Vec<_> = places
        .iter()
        .zip(0_i64..)
        .map(|(place, position)| {
            json!({
                "entry": place.entry.simple().to_string(),
                "position": position,
                "salt": kernel::hexadecimal(&place.salt),
                "commitments": kernel::hexadecimal(&place.commitments),
                "leaf": kernel::hexadecimal(&place.leaf),
            })
        })
        .collect();
    let places = serde_json::Value::Array(places).to_string();
    let row: [Value<'_>; 2] = [batch.sequence.into(), Value::Json(places.into())];
    scope.send(&ADD_SEALED, &row).await
}

fn hash(row: &Row<'_>, index: usize) -> Result<Hash, DbError> {
    Hash::try_from(row.get::<Vec<u8>>(index)?).map_err(|_| row.inconsistency(index))
}

fn seal(row: &Row<'_>, organization: OrganizationId) -> Result<StoredSeal, DbError> {
    Ok(StoredSeal {
        batch: SealedBatch {
            organization,
            sequence: row.get(0)?,
            previous: hash(row, 1)?,
            root: hash(row, 2)?,
            count: row.get(3)?,
            low: row.get(4)?,
        },
        key_id: row.get(5)?,
        seal: row.get(6)?,
        sealed_at: row.get(7)?,
    })
}

fn place(row: &Row<'_>) -> Result<Place, DbError> {
    let present: Option<Uuid> = row.get(5)?;
    Ok(Place {
        entry_id: row.get(0)?,
        position: row.get(1)?,
        salt: row.get(2)?,
        commitments: row.get(3)?,
        leaf: row.get(4)?,
        entry: present.map(|_| entry_at(row, 5)).transpose()?,
    })
}
