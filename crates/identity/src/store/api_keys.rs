//! The tables `api_keys`, `api_key_secrets` and `api_key_permissions`.

use std::str::FromStr as _;

use authz::conditions::{Column, ColumnKind, Object, Value as FieldOf};
use contracts::catalog::PermissionId;
use contracts::identity::{ApiKeyId, ApiKeyView, MakerView};
use contracts::{Admits, Narrowed};
use db::list::{List, Listed, Start};
use db::{DbError, Row, Scope, Sql, UnitOfWork, Value, values};
use kernel::{Actor, ActorKind, Direction, OrganizationId, PageRequest, Timestamp, fold};

use crate::crypto::SecretDigest;
use crate::domain::{ApiKey, CredentialName, IpAllowlist, Network, StoredApiKey};

/// What keys look like where they are read: with the codes of their lists, and whether their makers may still act.
macro_rules! key {
    ($rest:literal) => {
        concat!(
            "SELECT k.id, k.organization_id, k.name, k.prefix, \
             coalesce((SELECT string_agg(p.code, ',' ORDER BY p.code) FROM api_key_permissions l \
             JOIN permissions p ON p.id = l.permission_id \
             WHERE l.organization_id = k.organization_id AND l.api_key_id = k.id), '') AS permissions, \
             k.maker_kind, k.maker_id, k.maker_name, \
             (EXISTS (SELECT 1 FROM users u WHERE u.organization_id = k.organization_id AND u.id = k.maker_id AND u.is_active) \
             OR EXISTS (SELECT 1 FROM service_accounts a \
             WHERE a.organization_id = k.organization_id AND a.id = k.maker_id AND a.is_active)) AS is_maker_active, \
             k.expires_at, k.ip_allowlist, k.last_used_at, k.revoked_at, k.created_at, k.name_folded FROM api_keys k \
             WHERE k.organization_id = $1",
            $rest
        )
    };
}

const COLUMNS: &str = "id, organization_id, name, prefix, permissions, maker_kind, maker_id, maker_name, is_maker_active, \
     expires_at, ip_allowlist, last_used_at, revoked_at, created_at";
const LISTED: &str = concat!("(", key!(""), ") AS keys");

/// What conditions on keys can ask for: what a key is by itself. Its lists have no order and no single value, and whether it is
/// active hangs on its maker and the time.
pub(crate) const FIELDS: [Column; 9] = [
    Column::new("id", "id", ColumnKind::Id),
    Column::new("name", "name", ColumnKind::Text),
    Column::new("prefix", "prefix", ColumnKind::Text),
    Column::new("createdBy.type", "maker_kind", ColumnKind::Text),
    Column::new("createdBy.id", "maker_id", ColumnKind::Id),
    Column::new("createdBy.name", "maker_name", ColumnKind::Text),
    Column::new("expiresAt", "expires_at", ColumnKind::Time),
    Column::new("lastUsedAt", "last_used_at", ColumnKind::Time),
    Column::new("createdAt", "created_at", ColumnKind::Time),
];

const LOOKUP: Sql = Sql::tenant(key!(" AND k.id = $2")).point();
const LOCK: Sql = Sql::tenant(key!(" AND k.id = $2 FOR UPDATE")).on_sqlite(key!(" AND k.id = $2"));
const ADD: Sql = Sql::tenant(
    "INSERT INTO api_keys (organization_id, id, name, name_folded, prefix, maker_kind, maker_id, maker_name, expires_at, \
     ip_allowlist, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
);
const SAVE: Sql = Sql::tenant(
    "UPDATE api_keys SET name = $3, name_folded = $4, prefix = $5, expires_at = $6, ip_allowlist = $7, revoked_at = $8 \
     WHERE organization_id = $1 AND id = $2",
);
const CLEAR_LIST: Sql = Sql::tenant("DELETE FROM api_key_permissions WHERE organization_id = $1 AND api_key_id = $2");
const ADD_TO_LIST: Sql =
    Sql::tenant("INSERT INTO api_key_permissions (organization_id, api_key_id, permission_id) VALUES ($1, $2, $3)");
const ADD_SECRET: Sql = Sql::tenant(
    "INSERT INTO api_key_secrets (organization_id, digest, api_key_id, valid_until, created_at) VALUES ($1, $2, $3, NULL, $4)",
);
/// Those that would end later, if they ended at all, end then.
const END_SECRETS: Sql = Sql::tenant(
    "UPDATE api_key_secrets SET valid_until = $3 WHERE organization_id = $1 AND api_key_id = $2 \
     AND (valid_until IS NULL OR valid_until > $3)",
);
const FORGET_SECRETS: Sql =
    Sql::tenant("DELETE FROM api_key_secrets WHERE organization_id = $1 AND api_key_id = $2 AND valid_until <= $3");
const FIND_BY_SECRET: Sql = Sql::tenant(
    "SELECT k.id, k.name, k.maker_id, \
     (EXISTS (SELECT 1 FROM users u WHERE u.organization_id = k.organization_id AND u.id = k.maker_id AND u.is_active) \
     OR EXISTS (SELECT 1 FROM service_accounts a \
     WHERE a.organization_id = k.organization_id AND a.id = k.maker_id AND a.is_active)), \
     k.expires_at, k.ip_allowlist, k.last_used_at, s.valid_until \
     FROM api_key_secrets s JOIN api_keys k ON k.organization_id = s.organization_id AND k.id = s.api_key_id \
     WHERE s.organization_id = $1 AND s.digest = $2 AND k.revoked_at IS NULL",
)
.point();
/// At most once a minute, however many nodes there are.
const NOTE_USE: Sql = Sql::tenant(
    "UPDATE api_keys SET last_used_at = $3 WHERE organization_id = $1 AND id = $2 \
     AND (last_used_at IS NULL OR last_used_at <= $4)",
);
const COUNT_OF_MODULE: Sql = Sql::tenant(
    "SELECT count(DISTINCT k.id) FROM modules m JOIN permissions p ON p.module_id = m.id \
     JOIN api_key_permissions l ON l.permission_id = p.id AND l.organization_id = $1 \
     JOIN api_keys k ON k.organization_id = l.organization_id AND k.id = l.api_key_id \
     WHERE k.organization_id = $1 AND k.revoked_at IS NULL AND m.code = $2",
);

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[
    LOOKUP,
    LOCK,
    ADD,
    SAVE,
    CLEAR_LIST,
    ADD_TO_LIST,
    ADD_SECRET,
    END_SECRETS,
    FORGET_SECRETS,
    FIND_BY_SECRET,
    NOTE_USE,
    COUNT_OF_MODULE,
];

/// What a list is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Name,
    CreatedAt,
}

/// What is known of a key that was presented.
pub(crate) struct Presented {
    pub(crate) id: ApiKeyId,
    pub(crate) name: String,
    pub(crate) maker: uuid::Uuid,
    pub(crate) is_maker_active: bool,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) ip_allowlist: IpAllowlist,
    pub(crate) last_used_at: Option<Timestamp>,
    /// When this secret of it ends, if another has taken its place.
    pub(crate) valid_until: Option<Timestamp>,
}

/// A key of the organization.
pub(crate) async fn lookup<A: Admits>(scope: Scope<'_>, by: &A, id: ApiKeyId) -> Result<Option<ApiKey>, A::Error> {
    by.admitted(scope.optional(&LOOKUP, &[Value::id(id)], |row| key(row, 0)).await?)
}

/// Reads a key for a change, and holds it until the unit ends.
pub(crate) async fn lock<A: Admits>(
    uow: &UnitOfWork,
    by: &A,
    organization: OrganizationId,
    id: ApiKeyId,
) -> Result<Option<ApiKey>, A::Error> {
    let scope = uow.scope(organization).reads();
    by.admitted(scope.optional(&LOCK, &[Value::id(id)], |row| key(row, 0)).await?)
}

/// The key with the secret, unless it was revoked.
pub(crate) async fn find_by_secret(scope: Scope<'_>, digest: SecretDigest) -> Result<Option<Presented>, DbError> {
    scope
        .optional(&FIND_BY_SECRET, &values![digest.as_bytes().as_slice()], |row| {
            Ok(Presented {
                id: row.id(0)?,
                name: row.get(1)?,
                maker: row.get(2)?,
                is_maker_active: row.get(3)?,
                expires_at: row.get(4)?,
                ip_allowlist: ip_allowlist(row, 5)?,
                last_used_at: row.get(6)?,
                valid_until: row.get(7)?,
            })
        })
        .await
}

/// A page of the keys that the grant reaches.
pub(crate) async fn list(
    scope: Scope<'_>,
    reached: Narrowed,
    text: Option<&str>,
    order: Order,
    direction: Direction,
    page: &PageRequest,
    start: Start<'_>,
) -> Result<Listed<ApiKey>, DbError> {
    // The list's first column is the total.
    reached
        .apply(listing(text, order, direction))
        .fetch(scope, page, start, |row| key(row, 1))
        .await
}

fn listing<'t>(text: Option<&str>, order: Order, direction: Direction) -> List<'t> {
    let column = match order {
        Order::Name => "name_folded",
        Order::CreatedAt => "created_at",
    };
    List::tenant_view(LISTED, COLUMNS)
        .containing(&["name_folded"], text)
        .order(column, direction)
}

/// The texts of the list in every order, without and with its search, for the statement test.
pub(crate) fn lists() -> Vec<String> {
    let mut texts = Vec::new();
    for text in [None, Some("ci")] {
        for order in [Order::Name, Order::CreatedAt] {
            texts.extend(listing(text, order, Direction::Ascending).texts(&PageRequest::default()));
        }
    }
    texts
}

/// Stores a new key with its first secret. `permissions` are the ids of its list.
pub(crate) async fn add<A: Admits>(
    uow: &UnitOfWork,
    by: &A,
    key: &mut ApiKey,
    permissions: &[PermissionId],
    secret: SecretDigest,
) -> Result<(), A::Error> {
    by.admits(|| &*key)?;
    record(uow, key)?;
    let state = key.state();
    let row = [
        Value::id(state.id),
        state.name.as_str().into(),
        fold(state.name.as_str()).into(),
        state.prefix.as_str().into(),
        state.maker.kind.as_str().into(),
        state.maker.id.into(),
        state.maker.name.as_str().into(),
        state.expires_at.into(),
        written(&state.ip_allowlist)?,
        state.created_at.into(),
    ];
    uow.scope(state.organization).send(&ADD, &row).await?;
    add_list(uow, key, permissions).await?;
    Ok(add_secret(uow, key, secret).await?)
}

/// Stores a key as it is now, with what happened to it, if anything did. Its list stays.
pub(crate) async fn save<A: Admits>(uow: &UnitOfWork, by: &A, key: &mut ApiKey) -> Result<(), A::Error> {
    by.admits(|| &*key)?;
    if !record(uow, key)? {
        return Ok(());
    }
    let state = key.state();
    let row = [
        Value::id(state.id),
        state.name.as_str().into(),
        fold(state.name.as_str()).into(),
        state.prefix.as_str().into(),
        state.expires_at.into(),
        written(&state.ip_allowlist)?,
        state.revoked_at.into(),
    ];
    Ok(uow.scope(state.organization).send(&SAVE, &row).await?)
}

/// Replaces the list of a key by these permissions.
pub(crate) async fn replace_list(uow: &UnitOfWork, key: &ApiKey, permissions: &[PermissionId]) -> Result<(), DbError> {
    let state = key.state();
    uow.scope(state.organization)
        .send(&CLEAR_LIST, &[Value::id(state.id)])
        .await?;
    add_list(uow, key, permissions).await
}

async fn add_list(uow: &UnitOfWork, key: &ApiKey, permissions: &[PermissionId]) -> Result<(), DbError> {
    let state = key.state();
    for permission in permissions {
        let row = [Value::id(state.id), Value::id(*permission)];
        uow.scope(state.organization).send(&ADD_TO_LIST, &row).await?;
    }
    Ok(())
}

/// Gives a key another secret; those before it end at `previous_until`.
pub(crate) async fn replace_secret(
    uow: &UnitOfWork,
    key: &ApiKey,
    secret: SecretDigest,
    previous_until: Timestamp,
) -> Result<(), DbError> {
    end_secrets(uow, key, previous_until).await?;
    add_secret(uow, key, secret).await
}

/// Ends all secrets of a key then, and forgets those that have ended.
pub(crate) async fn end_secrets(uow: &UnitOfWork, key: &ApiKey, until: Timestamp) -> Result<(), DbError> {
    let state = key.state();
    let scope = uow.scope(state.organization);
    scope.send(&END_SECRETS, &[Value::id(state.id), until.into()]).await?;
    scope
        .send(&FORGET_SECRETS, &[Value::id(state.id), uow.now().into()])
        .await
}

async fn add_secret(uow: &UnitOfWork, key: &ApiKey, secret: SecretDigest) -> Result<(), DbError> {
    let state = key.state();
    let row = [
        secret.as_bytes().as_slice().into(),
        Value::id(state.id),
        uow.now().into(),
    ];
    uow.scope(state.organization).send(&ADD_SECRET, &row).await
}

/// Notes that the key was used, unless that was noted after `noted_before` already.
pub(crate) async fn note_use(
    uow: &UnitOfWork,
    organization: OrganizationId,
    id: ApiKeyId,
    noted_before: Timestamp,
) -> Result<(), DbError> {
    let row = [Value::id(id), uow.now().into(), noted_before.into()];
    uow.scope(organization).send(&NOTE_USE, &row).await
}

/// How many keys that are not revoked list a permission of the module.
pub(crate) async fn count_of_module(scope: Scope<'_>, module: &str) -> Result<u64, DbError> {
    let count = scope
        .one(&COUNT_OF_MODULE, &values![module], |row| row.get::<i64>(0))
        .await?;
    Ok(u64::try_from(count).unwrap_or_default())
}

/// Hands what happened to the unit of work, with the key as the API shows it; false when nothing did.
fn record(uow: &UnitOfWork, key: &mut ApiKey) -> Result<bool, DbError> {
    let events = key.take_events();
    uow.record_all(key.state().organization, events, &view(key, uow.now()))
}

fn written(list: &IpAllowlist) -> Result<Value<'static>, DbError> {
    let text = serde_json::to_string(&list.texts())
        .map_err(|error| DbError::Internal(format!("an allowlist cannot be rendered: {error}")))?;
    Ok(Value::Json(text.into()))
}

fn ip_allowlist(row: &Row<'_>, column: usize) -> Result<IpAllowlist, DbError> {
    let texts: Vec<String> =
        serde_json::from_str(&row.get::<String>(column)?).map_err(|_| row.inconsistency(column))?;
    let networks = texts.iter().map(|text| Network::new(text)).collect::<Result<_, _>>();
    networks
        .and_then(IpAllowlist::new)
        .map_err(|_| row.inconsistency(column))
}

/// Reads a key from columns that begin at `first`.
fn key(row: &Row<'_>, first: usize) -> Result<ApiKey, DbError> {
    let at = |place: usize| first + place;
    Ok(ApiKey::from(StoredApiKey {
        id: row.id(at(0))?,
        organization: row.id(at(1))?,
        name: CredentialName::new(&row.get::<String>(at(2))?).map_err(|_| row.inconsistency(at(2)))?,
        prefix: row.get(at(3))?,
        permissions: super::permission_list(row, at(4))?,
        maker: Actor {
            kind: ActorKind::from_str(&row.get::<String>(at(5))?).map_err(|_| row.inconsistency(at(5)))?,
            id: row.get(at(6))?,
            name: row.get(at(7))?,
        },
        is_maker_active: row.get(at(8))?,
        expires_at: row.get(at(9))?,
        ip_allowlist: ip_allowlist(row, at(10))?,
        last_used_at: row.get(at(11))?,
        revoked_at: row.get(at(12))?,
        created_at: row.get(at(13))?,
    }))
}

impl Object for ApiKey {
    fn value(&self, field: &str) -> Option<FieldOf<'_>> {
        let state = self.state();
        match field {
            "id" => Some(FieldOf::id(state.id)),
            "name" => Some(state.name.as_str().into()),
            "prefix" => Some(state.prefix.as_str().into()),
            "createdBy.type" => Some(state.maker.kind.as_str().into()),
            "createdBy.id" => Some(state.maker.id.into()),
            "createdBy.name" => Some(state.maker.name.as_str().into()),
            "expiresAt" => state.expires_at.map(FieldOf::from),
            "lastUsedAt" => state.last_used_at.map(FieldOf::from),
            "createdAt" => Some(state.created_at.into()),
            _ => None,
        }
    }
}

/// A key as the API shows it at `now`.
pub(crate) fn view(key: &ApiKey, now: Timestamp) -> ApiKeyView {
    let state = key.state();
    ApiKeyView {
        id: state.id,
        name: state.name.as_str().to_owned(),
        prefix: state.prefix.clone(),
        permissions: state.permissions.codes().to_vec(),
        created_by: MakerView {
            kind: state.maker.kind,
            id: state.maker.id,
            name: state.maker.name.clone(),
        },
        expires_at: state.expires_at,
        ip_allowlist: state.ip_allowlist.texts(),
        last_used_at: state.last_used_at,
        is_active: state.is_active(now),
        created_at: state.created_at,
    }
}
