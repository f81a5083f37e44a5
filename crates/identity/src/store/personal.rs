//! What the tables of this context hold of one person beside the user: read as a whole, and taken out as a whole.

use contracts::identity::UserId;
use db::{DbError, Row, Scope, Sql, UnitOfWork, Value, values};
use kernel::{Id as _, OrganizationId, Timestamp};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::domain::Email;

const EXTERNAL: Sql = Sql::tenant(
    "SELECT issuer, subject, created_at FROM external_identities WHERE organization_id = $1 AND user_id = $2 ORDER BY id",
);
const SESSIONS: Sql = Sql::tenant(
    "SELECT id, user_agent, ip, created_at, last_used_at, expires_at, revoked_at FROM sessions \
     WHERE organization_id = $1 AND user_id = $2 ORDER BY created_at, id",
);
const INVITATIONS: Sql = Sql::tenant(
    "SELECT id, email, role_ids, created_at, expires_at FROM invitations \
     WHERE organization_id = $1 AND (user_id = $2 OR email = $3) ORDER BY created_at, id",
);
const API_KEYS: Sql = Sql::tenant(
    "SELECT id, name, prefix, ip_allowlist, created_at, expires_at, last_used_at, revoked_at FROM api_keys \
     WHERE organization_id = $1 AND maker_id = $2 ORDER BY created_at, id",
);
const MAILS: Sql = Sql::tenant(
    "SELECT kind, recipient, recipient_name, params, state, created_at FROM mail_queue \
     WHERE organization_id = $1 AND (user_id = $2 OR recipient = $3) ORDER BY created_at, id",
);

const FORGET_EXTERNAL: Sql = Sql::tenant("DELETE FROM external_identities WHERE organization_id = $1 AND user_id = $2");
const FORGET_CHALLENGES: Sql = Sql::tenant("DELETE FROM mfa_challenges WHERE organization_id = $1 AND user_id = $2");
const FORGET_LINKS: Sql = Sql::tenant("DELETE FROM one_time_tokens WHERE organization_id = $1 AND user_id = $2");
const FORGET_DEVICES: Sql =
    Sql::tenant("UPDATE sessions SET user_agent = NULL, ip = NULL WHERE organization_id = $1 AND user_id = $2");
const FORGET_KEY_SECRETS: Sql = Sql::tenant(
    "DELETE FROM api_key_secrets WHERE organization_id = $1 AND api_key_id IN \
     (SELECT k.id FROM api_keys k WHERE k.organization_id = $1 AND k.maker_id = $2)",
);
const FORGET_INVITATIONS: Sql =
    Sql::tenant("DELETE FROM invitations WHERE organization_id = $1 AND (user_id = $2 OR email = $3)");
const FORGET_MAILS: Sql =
    Sql::tenant("DELETE FROM mail_queue WHERE organization_id = $1 AND (user_id = $2 OR recipient = $3)");

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[
    EXTERNAL,
    SESSIONS,
    INVITATIONS,
    API_KEYS,
    MAILS,
    FORGET_EXTERNAL,
    FORGET_CHALLENGES,
    FORGET_LINKS,
    FORGET_DEVICES,
    FORGET_KEY_SECRETS,
    FORGET_INVITATIONS,
    FORGET_MAILS,
];

type Instant = Option<Timestamp>;

/// Whom other systems know the person as.
pub(crate) async fn external_identities(scope: Scope<'_>, user: UserId) -> Result<Vec<Json>, DbError> {
    let read = |row: &Row<'_>| {
        Ok(json!({
            "issuer": row.get::<String>(0)?,
            "subject": row.get::<String>(1)?,
            "createdAt": row.get::<Timestamp>(2)?,
        }))
    };
    scope.all(&EXTERNAL, &[Value::id(user)], read).await
}

/// The person's logins, also those that ended, as long as they are kept.
pub(crate) async fn sessions(scope: Scope<'_>, user: UserId) -> Result<Vec<Json>, DbError> {
    let read = |row: &Row<'_>| {
        Ok(json!({
            "id": row.get::<Uuid>(0)?,
            "userAgent": row.get::<Option<String>>(1)?,
            "ip": row.get::<Option<String>>(2)?,
            "createdAt": row.get::<Timestamp>(3)?,
            "lastUsedAt": row.get::<Timestamp>(4)?,
            "expiresAt": row.get::<Timestamp>(5)?,
            "revokedAt": row.get::<Instant>(6)?,
        }))
    };
    scope.all(&SESSIONS, &[Value::id(user)], read).await
}

/// Invitations of the person that were neither accepted nor revoked.
pub(crate) async fn invitations(scope: Scope<'_>, user: UserId, email: &Email) -> Result<Vec<Json>, DbError> {
    let read = |row: &Row<'_>| {
        Ok(json!({
            "id": row.get::<Uuid>(0)?,
            "email": row.get::<String>(1)?,
            "roleIds": written(row, 2)?,
            "createdAt": row.get::<Timestamp>(3)?,
            "expiresAt": row.get::<Timestamp>(4)?,
        }))
    };
    scope
        .all(&INVITATIONS, &values![user.as_uuid(), email.as_str()], read)
        .await
}

/// The keys that the person made, without anything secret.
pub(crate) async fn api_keys(scope: Scope<'_>, user: UserId) -> Result<Vec<Json>, DbError> {
    let read = |row: &Row<'_>| {
        Ok(json!({
            "id": row.get::<Uuid>(0)?,
            "name": row.get::<String>(1)?,
            "prefix": row.get::<String>(2)?,
            "ipAllowlist": written(row, 3)?,
            "createdAt": row.get::<Timestamp>(4)?,
            "expiresAt": row.get::<Instant>(5)?,
            "lastUsedAt": row.get::<Instant>(6)?,
            "revokedAt": row.get::<Instant>(7)?,
        }))
    };
    scope.all(&API_KEYS, &[Value::id(user)], read).await
}

/// Mails to the person, as long as they are kept.
pub(crate) async fn mails(scope: Scope<'_>, user: UserId, email: &Email) -> Result<Vec<Json>, DbError> {
    let read = |row: &Row<'_>| {
        Ok(json!({
            "kind": row.get::<String>(0)?,
            "recipient": row.get::<String>(1)?,
            "recipientName": row.get::<Option<String>>(2)?,
            "params": written(row, 3)?,
            "state": row.get::<String>(4)?,
            "createdAt": row.get::<Timestamp>(5)?,
        }))
    };
    scope.all(&MAILS, &values![user.as_uuid(), email.as_str()], read).await
}

fn written(row: &Row<'_>, column: usize) -> Result<Json, DbError> {
    serde_json::from_str(&row.get::<String>(column)?).map_err(|_| row.inconsistency(column))
}

/// Takes the person out of all tables of this context but `users`, `user_mfa` and what counts failed logins. Sessions stay, without
/// their devices, so that ending them tells every node.
pub(crate) async fn forget(
    uow: &UnitOfWork,
    organization: OrganizationId,
    user: UserId,
    email: &Email,
) -> Result<(), DbError> {
    let scope = uow.scope(organization);
    for sql in [
        &FORGET_EXTERNAL,
        &FORGET_CHALLENGES,
        &FORGET_LINKS,
        &FORGET_DEVICES,
        &FORGET_KEY_SECRETS,
    ] {
        scope.send(sql, &[Value::id(user)]).await?;
    }
    for sql in [&FORGET_INVITATIONS, &FORGET_MAILS] {
        scope.send(sql, &values![user.as_uuid(), email.as_str()]).await?;
    }
    Ok(())
}
