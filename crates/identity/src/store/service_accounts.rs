//! The tables `service_accounts`, `service_account_permissions` and `client_secrets`.

use authz::conditions::{Column, ColumnKind, Object, Value as FieldOf};
use contracts::catalog::PermissionId;
use contracts::identity::{ServiceAccountId, ServiceAccountView};
use contracts::{Admits, Narrowed};
use db::list::{List, Listed, Start};
use db::{DbError, Row, Scope, Sql, UnitOfWork, Value, values};
use kernel::{Direction, OrganizationId, PageRequest, Timestamp, fold};

use crate::crypto::SecretDigest;
use crate::domain::{ClientSecretId, CredentialName, ServiceAccount, StoredServiceAccount};

/// What accounts look like where they are read: with the codes of their lists.
macro_rules! account {
    ($rest:literal) => {
        concat!(
            "SELECT a.id, a.organization_id, a.name, \
             coalesce((SELECT string_agg(p.code, ',' ORDER BY p.code) FROM service_account_permissions l \
             JOIN permissions p ON p.id = l.permission_id \
             WHERE l.organization_id = a.organization_id AND l.service_account_id = a.id), '') AS permissions, \
             a.is_active, a.last_used_at, a.created_at, a.name_folded FROM service_accounts a WHERE a.organization_id = $1",
            $rest
        )
    };
}

const COLUMNS: &str = "id, organization_id, name, permissions, is_active, last_used_at, created_at";
const LISTED: &str = concat!("(", account!(""), ") AS accounts");

/// What conditions on service accounts can ask for.
pub(crate) const FIELDS: [Column; 6] = [
    Column::new("id", "id", ColumnKind::Id),
    Column::new("clientId", "id", ColumnKind::Id),
    Column::new("name", "name", ColumnKind::Text),
    Column::new("isActive", "is_active", ColumnKind::Bool),
    Column::new("lastUsedAt", "last_used_at", ColumnKind::Time),
    Column::new("createdAt", "created_at", ColumnKind::Time),
];

const LOOKUP: Sql = Sql::tenant(account!(" AND a.id = $2")).point();
const LOCK: Sql = Sql::tenant(account!(" AND a.id = $2 FOR UPDATE")).on_sqlite(account!(" AND a.id = $2"));
const ADD: Sql = Sql::tenant(
    "INSERT INTO service_accounts (organization_id, id, name, name_folded, is_active, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6)",
);
const SAVE: Sql = Sql::tenant("UPDATE service_accounts SET is_active = $3 WHERE organization_id = $1 AND id = $2");
const ADD_TO_LIST: Sql = Sql::tenant(
    "INSERT INTO service_account_permissions (organization_id, service_account_id, permission_id) VALUES ($1, $2, $3)",
);
const ADD_SECRET: Sql = Sql::tenant(
    "INSERT INTO client_secrets (organization_id, id, service_account_id, digest, valid_until, created_at) \
     VALUES ($1, $2, $3, $4, NULL, $5)",
);
/// Those that would end later, if they ended at all, end then.
const END_SECRETS: Sql = Sql::tenant(
    "UPDATE client_secrets SET valid_until = $3 WHERE organization_id = $1 AND service_account_id = $2 \
     AND (valid_until IS NULL OR valid_until > $3) RETURNING id",
);
const FORGET_SECRETS: Sql = Sql::tenant(
    "DELETE FROM client_secrets WHERE organization_id = $1 AND service_account_id = $2 AND valid_until <= $3",
);
const FIND_BY_SECRET: Sql = Sql::tenant(
    "SELECT a.id, a.name, a.last_used_at, s.id, s.valid_until FROM client_secrets s \
     JOIN service_accounts a ON a.organization_id = s.organization_id AND a.id = s.service_account_id \
     WHERE s.organization_id = $1 AND s.digest = $2 AND a.is_active",
)
.point();
const FIND_BY_SECRET_ID: Sql = Sql::tenant(
    "SELECT a.id, a.name, a.last_used_at, s.id, s.valid_until FROM client_secrets s \
     JOIN service_accounts a ON a.organization_id = s.organization_id AND a.id = s.service_account_id \
     WHERE s.organization_id = $1 AND s.id = $2 AND a.is_active",
)
.point();
/// At most once a minute, however many nodes there are.
const NOTE_USE: Sql = Sql::tenant(
    "UPDATE service_accounts SET last_used_at = $3 WHERE organization_id = $1 AND id = $2 \
     AND (last_used_at IS NULL OR last_used_at <= $4)",
);

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[
    LOOKUP,
    LOCK,
    ADD,
    SAVE,
    ADD_TO_LIST,
    ADD_SECRET,
    END_SECRETS,
    FORGET_SECRETS,
    FIND_BY_SECRET,
    FIND_BY_SECRET_ID,
    NOTE_USE,
];

/// What a list is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Name,
    CreatedAt,
}

/// What is known of an active account by one of its secrets.
pub(crate) struct Presented {
    pub(crate) id: ServiceAccountId,
    pub(crate) name: String,
    pub(crate) last_used_at: Option<Timestamp>,
    pub(crate) secret: ClientSecretId,
    /// When the secret ends, if another has taken its place.
    pub(crate) valid_until: Option<Timestamp>,
}

/// A service account of the organization.
pub(crate) async fn lookup<A: Admits>(
    scope: Scope<'_>,
    by: &A,
    id: ServiceAccountId,
) -> Result<Option<ServiceAccount>, A::Error> {
    by.admitted(scope.optional(&LOOKUP, &[Value::id(id)], |row| account(row, 0)).await?)
}

/// Reads a service account for a change, and holds it until the unit ends.
pub(crate) async fn lock<A: Admits>(
    uow: &UnitOfWork,
    by: &A,
    organization: OrganizationId,
    id: ServiceAccountId,
) -> Result<Option<ServiceAccount>, A::Error> {
    let scope = uow.scope(organization).reads();
    by.admitted(scope.optional(&LOCK, &[Value::id(id)], |row| account(row, 0)).await?)
}

/// The active account with the secret.
pub(crate) async fn find_by_secret(scope: Scope<'_>, digest: SecretDigest) -> Result<Option<Presented>, DbError> {
    scope
        .optional(&FIND_BY_SECRET, &values![digest.as_bytes().as_slice()], presented)
        .await
}

/// The active account with the secret of this id.
pub(crate) async fn find_by_secret_id(scope: Scope<'_>, id: ClientSecretId) -> Result<Option<Presented>, DbError> {
    scope.optional(&FIND_BY_SECRET_ID, &[Value::id(id)], presented).await
}

fn presented(row: &Row<'_>) -> Result<Presented, DbError> {
    Ok(Presented {
        id: row.id(0)?,
        name: row.get(1)?,
        last_used_at: row.get(2)?,
        secret: row.id(3)?,
        valid_until: row.get(4)?,
    })
}

/// A page of service accounts.
pub(crate) async fn list(
    scope: Scope<'_>,
    reached: Narrowed,
    text: Option<&str>,
    order: Order,
    direction: Direction,
    page: &PageRequest,
    start: Start<'_>,
) -> Result<Listed<ServiceAccount>, DbError> {
    // The list's first column is the total.
    reached
        .apply(listing(text, order, direction))
        .fetch(scope, page, start, |row| account(row, 1))
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
    for text in [None, Some("importer")] {
        for order in [Order::Name, Order::CreatedAt] {
            texts.extend(listing(text, order, Direction::Ascending).texts(&PageRequest::default()));
        }
    }
    texts
}

/// Stores a new account with its list.
pub(crate) async fn add<A: Admits>(
    uow: &UnitOfWork,
    by: &A,
    account: &mut ServiceAccount,
    permissions: &[PermissionId],
) -> Result<(), A::Error> {
    by.admits(|| &*account)?;
    record(uow, account)?;
    let state = account.state();
    let scope = uow.scope(state.organization);
    let row = [
        Value::id(state.id),
        state.name.as_str().into(),
        fold(state.name.as_str()).into(),
        state.is_active.into(),
        state.created_at.into(),
    ];
    scope.send(&ADD, &row).await?;
    for permission in permissions {
        let row = [Value::id(state.id), Value::id(*permission)];
        scope.send(&ADD_TO_LIST, &row).await?;
    }
    Ok(())
}

/// Stores whether an account is active, with what happened to it.
pub(crate) async fn save<A: Admits>(uow: &UnitOfWork, by: &A, account: &mut ServiceAccount) -> Result<(), A::Error> {
    by.admits(|| &*account)?;
    record(uow, account)?;
    let state = account.state();
    let row = [Value::id(state.id), state.is_active.into()];
    Ok(uow.scope(state.organization).send(&SAVE, &row).await?)
}

/// Gives an account another secret.
pub(crate) async fn add_secret(
    uow: &UnitOfWork,
    account: &ServiceAccount,
    id: ClientSecretId,
    secret: SecretDigest,
) -> Result<(), DbError> {
    let state = account.state();
    let row = [
        Value::id(id),
        Value::id(state.id),
        secret.as_bytes().as_slice().into(),
        uow.now().into(),
    ];
    uow.scope(state.organization).send(&ADD_SECRET, &row).await
}

/// Ends the secrets of an account then, forgets those that have ended, and tells which end earlier than they would have.
pub(crate) async fn end_secrets(
    uow: &UnitOfWork,
    account: &ServiceAccount,
    until: Timestamp,
) -> Result<Vec<ClientSecretId>, DbError> {
    let state = account.state();
    let scope = uow.scope(state.organization);
    let ended = scope
        .reads()
        .all(&END_SECRETS, &[Value::id(state.id), until.into()], |row| row.id(0))
        .await?;
    scope
        .send(&FORGET_SECRETS, &[Value::id(state.id), uow.now().into()])
        .await?;
    Ok(ended)
}

/// Notes that the account was used, unless that was noted after `noted_before` already.
pub(crate) async fn note_use(
    uow: &UnitOfWork,
    organization: OrganizationId,
    id: ServiceAccountId,
    noted_before: Timestamp,
) -> Result<(), DbError> {
    let row = [Value::id(id), uow.now().into(), noted_before.into()];
    uow.scope(organization).send(&NOTE_USE, &row).await
}

/// Hands what happened to the unit of work, with the account as the API shows it.
fn record(uow: &UnitOfWork, account: &mut ServiceAccount) -> Result<(), DbError> {
    let events = account.take_events();
    uow.record_all(
        account.state().organization,
        events,
        &ServiceAccountView::from(&*account),
    )?;
    Ok(())
}

/// Reads an account from columns that begin at `first`.
fn account(row: &Row<'_>, first: usize) -> Result<ServiceAccount, DbError> {
    let at = |place: usize| first + place;
    Ok(ServiceAccount::from(StoredServiceAccount {
        id: row.id(at(0))?,
        organization: row.id(at(1))?,
        name: CredentialName::new(&row.get::<String>(at(2))?).map_err(|_| row.inconsistency(at(2)))?,
        permissions: super::permission_list(row, at(3))?,
        is_active: row.get(at(4))?,
        last_used_at: row.get(at(5))?,
        created_at: row.get(at(6))?,
    }))
}

impl From<&ServiceAccount> for ServiceAccountView {
    fn from(account: &ServiceAccount) -> Self {
        let state = account.state();
        Self {
            id: state.id,
            name: state.name.as_str().to_owned(),
            client_id: state.id.to_string(),
            permissions: state.permissions.codes().to_vec(),
            is_active: state.is_active,
            last_used_at: state.last_used_at,
            created_at: state.created_at,
        }
    }
}

impl Object for ServiceAccount {
    fn value(&self, field: &str) -> Option<FieldOf<'_>> {
        let state = self.state();
        match field {
            "id" | "clientId" => Some(FieldOf::id(state.id)),
            "name" => Some(state.name.as_str().into()),
            "isActive" => Some(state.is_active.into()),
            "lastUsedAt" => state.last_used_at.map(FieldOf::from),
            "createdAt" => Some(state.created_at.into()),
            _ => None,
        }
    }
}
