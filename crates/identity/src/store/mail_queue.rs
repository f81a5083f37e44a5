//! The table `mail_queue`.

use std::time::Duration;

use db::{DbError, Row, Scope, Sql, UnitOfWork, Value, values};
use kernel::{Locale, OrganizationId, Timestamp};

use crate::mail::letter::{Letter, MailId, Recipient};

/// So many letters that anybody may ask for go to one address in [`WINDOW`]; more are not queued, and nobody is told.
const MOST_TO_ONE_ADDRESS: i64 = 5;
/// The time in which those letters count.
const WINDOW: Duration = Duration::from_secs(60 * 60);

const ADD: Sql = Sql::tenant(
    "INSERT INTO mail_queue (organization_id, id, kind, recipient, recipient_name, user_id, params, locale, state, attempts, \
     next_attempt_at, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'queued', 0, $9, $9)",
);
const RECENT: Sql = Sql::tenant(
    "SELECT count(*) FROM mail_queue WHERE organization_id = $1 AND recipient = $2 AND kind = $3 AND created_at > $4",
);
const ORGANIZATIONS: Sql = Sql::system(
    "SELECT DISTINCT m.organization_id FROM mail_queue m WHERE m.state = 'queued' AND m.next_attempt_at <= $1 AND NOT EXISTS \
     (SELECT 1 FROM organizations o WHERE o.id = m.organization_id AND o.frozen_at IS NOT NULL) LIMIT 64",
);
const CLAIM: Sql = Sql::tenant(
    "SELECT id, recipient, recipient_name, user_id, params, locale, attempts, created_at FROM mail_queue \
     WHERE organization_id = $1 AND state = 'queued' AND next_attempt_at <= $2 ORDER BY next_attempt_at LIMIT 8 \
     FOR UPDATE SKIP LOCKED",
)
.on_sqlite(
    "SELECT id, recipient, recipient_name, user_id, params, locale, attempts, created_at FROM mail_queue \
     WHERE organization_id = $1 AND state = 'queued' AND next_attempt_at <= $2 ORDER BY next_attempt_at LIMIT 8",
);
const LEASE: Sql = Sql::tenant(
    "UPDATE mail_queue SET attempts = attempts + 1, next_attempt_at = $3 WHERE organization_id = $1 AND id = $2",
);
const SENT: Sql =
    Sql::tenant("UPDATE mail_queue SET state = 'sent', last_error = NULL WHERE organization_id = $1 AND id = $2");
const AGAIN: Sql =
    Sql::tenant("UPDATE mail_queue SET next_attempt_at = $3, last_error = $4 WHERE organization_id = $1 AND id = $2");
const DEAD: Sql = Sql::tenant(
    "UPDATE mail_queue SET state = 'dead', last_error = $3 WHERE organization_id = $1 AND id = $2 AND state = 'queued'",
);
const REMOVE: Sql = Sql::tenant("DELETE FROM mail_queue WHERE organization_id = $1 AND id = $2");
const WITHDRAW: Sql = Sql::tenant(
    "DELETE FROM mail_queue WHERE organization_id = $1 AND user_id = $2 AND kind = $3 AND state = 'queued'",
);
const OLD: Sql = Sql::tenant(
    "DELETE FROM mail_queue WHERE organization_id = $1 AND ((state = 'sent' AND created_at < $2) \
     OR (state = 'dead' AND created_at < $3))",
);

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[
    ADD,
    RECENT,
    ORGANIZATIONS,
    CLAIM,
    LEASE,
    SENT,
    AGAIN,
    DEAD,
    REMOVE,
    WITHDRAW,
    OLD,
];

/// A mail that waits.
pub(crate) struct Waiting {
    pub(crate) id: MailId,
    pub(crate) recipient: Recipient,
    pub(crate) letter: Letter,
    /// How often it was tried before.
    pub(crate) attempts: u32,
    pub(crate) created_at: Timestamp,
}

/// Queues a letter. One that anybody may ask for is dropped when its address has had enough of them.
pub(crate) async fn add(
    uow: &UnitOfWork,
    organization: OrganizationId,
    recipient: &Recipient,
    letter: &Letter,
) -> Result<(), DbError> {
    let scope = uow.scope(organization);
    if letter.is_asked_for_by_anybody() {
        let since = uow.now().minus(WINDOW);
        let recent = values![recipient.email.as_str(), letter.kind(), since];
        let recent: i64 = scope.reads().one(&RECENT, &recent, |row| row.get(0)).await?;
        if recent >= MOST_TO_ONE_ADDRESS {
            return Ok(());
        }
    }
    let params = serde_json::to_string(letter)
        .map_err(|error| DbError::Internal(format!("a letter cannot be written down: {error}")))?;
    let row = [
        Value::id(uow.generators().id::<MailId>()),
        letter.kind().into(),
        recipient.email.as_str().into(),
        recipient.name.as_deref().into(),
        recipient.user.map(kernel::Id::as_uuid).into(),
        Value::Json(params.into()),
        recipient.locale.map(Locale::as_str).into(),
        uow.now().into(),
    ];
    scope.send(&ADD, &row).await
}

/// Organizations with mails that are due.
pub(crate) async fn organizations(scope: Scope<'_>, now: Timestamp) -> Result<Vec<OrganizationId>, DbError> {
    scope.all(&ORGANIZATIONS, &values![now], |row| row.id(0)).await
}

/// Takes the mails that are due for oneself, until `lease` ends: another node takes over then.
pub(crate) async fn claim(
    uow: &UnitOfWork,
    organization: OrganizationId,
    lease: Timestamp,
) -> Result<Vec<Waiting>, DbError> {
    let scope = uow.scope(organization);
    let due = scope.reads().all(&CLAIM, &values![uow.now()], waiting).await?;
    for mail in &due {
        scope.send(&LEASE, &[Value::id(mail.id), lease.into()]).await?;
    }
    Ok(due)
}

fn waiting(row: &Row<'_>) -> Result<Waiting, DbError> {
    let locale = row.get::<Option<String>>(5)?;
    Ok(Waiting {
        id: row.id(0)?,
        recipient: Recipient {
            email: row.get(1)?,
            name: row.get(2)?,
            user: row.optional_id(3)?,
            locale: locale
                .map(|tag| tag.parse().map_err(|_| row.inconsistency(5)))
                .transpose()?,
        },
        letter: serde_json::from_str(&row.get::<String>(4)?).map_err(|_| row.inconsistency(4))?,
        attempts: u32::try_from(row.get::<i64>(6)?).map_err(|_| row.inconsistency(6))?,
        created_at: row.get(7)?,
    })
}

/// It was taken.
pub(crate) async fn sent(uow: &UnitOfWork, organization: OrganizationId, id: MailId) -> Result<(), DbError> {
    uow.scope(organization).send(&SENT, &[Value::id(id)]).await
}

/// It was not taken, and is tried again.
pub(crate) async fn again(
    uow: &UnitOfWork,
    organization: OrganizationId,
    id: MailId,
    at: Timestamp,
    error: &str,
) -> Result<(), DbError> {
    let row = [Value::id(id), at.into(), error.into()];
    uow.scope(organization).send(&AGAIN, &row).await
}

/// It is given up. False when it was, or was sent, meanwhile.
pub(crate) async fn dead(
    uow: &UnitOfWork,
    organization: OrganizationId,
    id: MailId,
    error: &str,
) -> Result<bool, DbError> {
    let row = [Value::id(id), error.into()];
    Ok(uow.scope(organization).execute(&DEAD, &row).await? > 0)
}

/// There is nobody to send it to.
pub(crate) async fn remove(uow: &UnitOfWork, organization: OrganizationId, id: MailId) -> Result<(), DbError> {
    uow.scope(organization).send(&REMOVE, &[Value::id(id)]).await
}

/// Takes back what waits for a user of this kind.
pub(crate) async fn withdraw(
    uow: &UnitOfWork,
    organization: OrganizationId,
    user: contracts::identity::UserId,
    kind: &'static str,
) -> Result<(), DbError> {
    let row = [Value::id(user), kind.into()];
    uow.scope(organization).send(&WITHDRAW, &row).await
}

/// Removes what was sent before one instant and what died before another; how many.
pub(crate) async fn remove_old(
    uow: &UnitOfWork,
    organization: OrganizationId,
    sent_before: Timestamp,
    dead_before: Timestamp,
) -> Result<u64, DbError> {
    uow.scope(organization)
        .execute(&OLD, &values![sent_before, dead_before])
        .await
}
