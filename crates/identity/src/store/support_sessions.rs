//! The table `support_sessions`.

use contracts::identity::{GuestRow, PreparedSupport, SessionId, SupportSessionId, UserId};
use db::{DbError, Row, Scope, Sql, UnitOfWork, Value, values};
use kernel::{Id as _, OrganizationId, Timestamp};
use uuid::Uuid;

const ADD: Sql = Sql::tenant(
    "INSERT INTO support_sessions (organization_id, id, user_id, login_id, reason, can_write, created_at, expires_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
);
const LIVE: Sql = Sql::tenant(
    "SELECT user_id, login_id, reason, can_write, expires_at FROM support_sessions \
     WHERE organization_id = $1 AND id = $2 AND expires_at > $3 AND ended_at IS NULL",
)
.point();
const END: Sql = Sql::tenant(
    "UPDATE support_sessions SET ended_at = $3 WHERE organization_id = $1 AND id = $2 AND expires_at > $3 AND ended_at IS NULL",
);
const GUESTS: Sql = Sql::tenant(
    "SELECT id, can_write, expires_at FROM support_sessions WHERE organization_id = $1 AND ended_at IS NULL",
);
const GUEST: Sql = Sql::tenant(
    "SELECT id, can_write, expires_at FROM support_sessions WHERE organization_id = $1 AND id = $2 AND ended_at IS NULL",
)
.point();
const REMOVE_ENDED: Sql = Sql::tenant("DELETE FROM support_sessions WHERE organization_id = $1 AND expires_at < $2");

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[ADD, LIVE, END, GUESTS, GUEST, REMOVE_ENDED];

/// A support session that has not ended.
#[derive(Debug, Clone)]
pub(crate) struct LiveSupport {
    /// Who acts.
    pub(crate) user: UserId,
    /// The login that it was opened from.
    pub(crate) login: SessionId,
    /// Why.
    pub(crate) reason: String,
    /// Whether it may change things.
    pub(crate) can_write: bool,
    /// When it ends.
    pub(crate) expires_at: Timestamp,
}

/// Stores a new one, which ends then.
pub(crate) async fn add(uow: &UnitOfWork, prepared: &PreparedSupport, expires_at: Timestamp) -> Result<(), DbError> {
    let new = &prepared.new;
    let row = [
        Value::id(prepared.id),
        Value::id(new.user),
        Value::id(new.login),
        new.reason.as_str().into(),
        new.can_write.into(),
        uow.now().into(),
        expires_at.into(),
    ];
    uow.scope(new.organization).send(&ADD, &row).await
}

/// The session, unless it has ended or there is none.
pub(crate) async fn live(
    scope: Scope<'_>,
    id: SupportSessionId,
    now: Timestamp,
) -> Result<Option<LiveSupport>, DbError> {
    let read = |row: &Row<'_>| {
        Ok(LiveSupport {
            user: row.id(0)?,
            login: row.id(1)?,
            reason: row.get(2)?,
            can_write: row.get(3)?,
            expires_at: row.get(4)?,
        })
    };
    scope.optional(&LIVE, &[Value::id(id), now.into()], read).await
}

/// Ends it before its time; whether it lived.
pub(crate) async fn end(uow: &UnitOfWork, organization: OrganizationId, id: SupportSessionId) -> Result<bool, DbError> {
    let row = values![id.as_uuid(), uow.now()];
    Ok(uow.scope(organization).execute(&END, &row).await? > 0)
}

/// Everybody who acts in the organization as a guest.
pub(crate) async fn guests(scope: Scope<'_>) -> Result<Vec<GuestRow>, DbError> {
    scope.all(&GUESTS, &[], guest).await
}

/// The guest with the id, if there is one.
pub(crate) async fn find_guest(scope: Scope<'_>, id: Uuid) -> Result<Option<GuestRow>, DbError> {
    scope.optional(&GUEST, &values![id], guest).await
}

/// Removes the sessions of one organization that ended by themselves before `before`.
pub(crate) async fn remove_ended(
    uow: &UnitOfWork,
    organization: OrganizationId,
    before: Timestamp,
) -> Result<u64, DbError> {
    uow.scope(organization).execute(&REMOVE_ENDED, &values![before]).await
}

fn guest(row: &Row<'_>) -> Result<GuestRow, DbError> {
    Ok(GuestRow {
        id: row.get(0)?,
        can_write: row.get(1)?,
        expires_at: row.get(2)?,
    })
}
