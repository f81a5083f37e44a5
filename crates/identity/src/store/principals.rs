//! Who can hold permissions, as decisions are made of: rows of several tables of this context, without names.

use std::str::FromStr as _;

use authz::snapshot::{AccountPermissionRow, AccountRow, KeyPermissionRow, KeyRow, Principal, UserRow};
use contracts::identity::PrincipalRows;
use db::{DbError, Row, Scope, Sql, values};
use kernel::ActorKind;
use uuid::Uuid;

use super::support_sessions;

const USERS: Sql = Sql::tenant("SELECT id, is_active FROM users WHERE organization_id = $1");
const USER: Sql = Sql::tenant("SELECT id, is_active FROM users WHERE organization_id = $1 AND id = $2").point();

const ACCOUNTS: Sql = Sql::tenant("SELECT id, is_active FROM service_accounts WHERE organization_id = $1");
const ACCOUNT: Sql =
    Sql::tenant("SELECT id, is_active FROM service_accounts WHERE organization_id = $1 AND id = $2").point();
const ACCOUNT_LISTS: Sql =
    Sql::tenant("SELECT service_account_id, permission_id FROM service_account_permissions WHERE organization_id = $1");
const ACCOUNT_LIST: Sql = Sql::tenant(
    "SELECT service_account_id, permission_id FROM service_account_permissions WHERE organization_id = $1 \
     AND service_account_id = $2",
);

const KEYS: Sql = Sql::tenant(
    "SELECT id, maker_kind, maker_id, expires_at FROM api_keys WHERE organization_id = $1 AND revoked_at IS NULL",
);
const KEY: Sql = Sql::tenant(
    "SELECT id, maker_kind, maker_id, expires_at FROM api_keys WHERE organization_id = $1 AND id = $2 AND revoked_at IS NULL",
)
.point();
const KEY_LISTS: Sql = Sql::tenant(
    "SELECT l.api_key_id, l.permission_id FROM api_key_permissions l \
     JOIN api_keys k ON k.organization_id = l.organization_id AND k.id = l.api_key_id \
     WHERE l.organization_id = $1 AND k.revoked_at IS NULL",
);
const KEY_LIST: Sql = Sql::tenant(
    "SELECT l.api_key_id, l.permission_id FROM api_key_permissions l \
     JOIN api_keys k ON k.organization_id = l.organization_id AND k.id = l.api_key_id \
     WHERE l.organization_id = $1 AND l.api_key_id = $2 AND k.revoked_at IS NULL",
);

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[
    USERS,
    USER,
    ACCOUNTS,
    ACCOUNT,
    ACCOUNT_LISTS,
    ACCOUNT_LIST,
    KEYS,
    KEY,
    KEY_LISTS,
    KEY_LIST,
];

/// Everybody of the organization.
pub(crate) async fn all(scope: Scope<'_>) -> Result<PrincipalRows, DbError> {
    Ok(PrincipalRows {
        users: scope.all(&USERS, &[], user).await?,
        accounts: scope.all(&ACCOUNTS, &[], account).await?,
        account_permissions: scope.all(&ACCOUNT_LISTS, &[], account_permission).await?,
        keys: scope.all(&KEYS, &[], key).await?,
        key_permissions: scope.all(&KEY_LISTS, &[], key_permission).await?,
        guests: support_sessions::guests(scope).await?,
    })
}

/// Those of the principals that there are.
pub(crate) async fn only(scope: Scope<'_>, principals: &[Principal]) -> Result<PrincipalRows, DbError> {
    let mut rows = PrincipalRows::default();
    for principal in principals {
        let id = values![principal.id];
        match principal.kind {
            ActorKind::User => match scope.optional(&USER, &id, user).await? {
                Some(user) => rows.users.push(user),
                None => rows
                    .guests
                    .extend(support_sessions::find_guest(scope, principal.id).await?),
            },
            ActorKind::ServiceAccount => {
                rows.accounts.extend(scope.optional(&ACCOUNT, &id, account).await?);
                let list = scope.all(&ACCOUNT_LIST, &id, account_permission).await?;
                rows.account_permissions.extend(list);
            }
            ActorKind::ApiKey => {
                rows.keys.extend(scope.optional(&KEY, &id, key).await?);
                rows.key_permissions
                    .extend(scope.all(&KEY_LIST, &id, key_permission).await?);
            }
            // The server itself is nobody's member.
            ActorKind::System => {}
        }
    }
    Ok(rows)
}

fn user(row: &Row<'_>) -> Result<UserRow, DbError> {
    Ok(UserRow {
        id: row.get(0)?,
        is_active: row.get(1)?,
    })
}

fn account(row: &Row<'_>) -> Result<AccountRow, DbError> {
    Ok(AccountRow {
        id: row.get(0)?,
        is_active: row.get(1)?,
    })
}

fn account_permission(row: &Row<'_>) -> Result<AccountPermissionRow, DbError> {
    Ok(AccountPermissionRow {
        account: row.get(0)?,
        permission: row.get(1)?,
    })
}

fn key(row: &Row<'_>) -> Result<KeyRow, DbError> {
    Ok(KeyRow {
        id: row.get(0)?,
        maker: Principal {
            kind: ActorKind::from_str(&row.get::<String>(1)?).map_err(|_| row.inconsistency(1))?,
            id: row.get::<Uuid>(2)?,
        },
        expires_at: row.get(3)?,
    })
}

fn key_permission(row: &Row<'_>) -> Result<KeyPermissionRow, DbError> {
    Ok(KeyPermissionRow {
        key: row.get(0)?,
        permission: row.get(1)?,
    })
}
