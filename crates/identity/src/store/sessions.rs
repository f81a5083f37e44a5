//! The table `sessions`.

use std::net::IpAddr;

use contracts::identity::{SessionId, UserId};
use db::list::{List, Listed, Start};
use db::{DbError, Row, Scope, Sql, UnitOfWork, Value, values};
use kernel::{Direction, OrganizationId, PageRequest, Timestamp};

use crate::domain::{Device, Generation, RotationState, Session, StoredSession};
use crate::view::{SessionFact, SessionView};

const LOCK: Sql = Sql::tenant(
    "SELECT id, organization_id, user_id, user_agent, ip, generation, rotated_at, created_at, last_used_at, expires_at, ends_at, \
     revoked_at, revocation_reason FROM sessions WHERE organization_id = $1 AND id = $2 FOR UPDATE",
)
.on_sqlite(
    "SELECT id, organization_id, user_id, user_agent, ip, generation, rotated_at, created_at, last_used_at, expires_at, ends_at, \
     revoked_at, revocation_reason FROM sessions WHERE organization_id = $1 AND id = $2",
);
const LOCK_LIVE: Sql = Sql::tenant(
    "SELECT id, organization_id, user_id, user_agent, ip, generation, rotated_at, created_at, last_used_at, expires_at, ends_at, \
     revoked_at, revocation_reason FROM sessions WHERE organization_id = $1 AND user_id = $2 AND revoked_at IS NULL \
     AND expires_at > $3 ORDER BY created_at, id FOR UPDATE",
)
.on_sqlite(
    "SELECT id, organization_id, user_id, user_agent, ip, generation, rotated_at, created_at, last_used_at, expires_at, ends_at, \
     revoked_at, revocation_reason FROM sessions WHERE organization_id = $1 AND user_id = $2 AND revoked_at IS NULL \
     AND expires_at > $3 ORDER BY created_at, id",
);
const HOLDER: Sql = Sql::tenant(
    "SELECT s.revoked_at IS NULL, s.expires_at, s.last_used_at, u.name, u.is_active, u.id FROM sessions s \
     JOIN users u ON u.organization_id = s.organization_id AND u.id = s.user_id \
     WHERE s.organization_id = $1 AND s.id = $2",
)
.point();
const ADD: Sql = Sql::tenant(
    "INSERT INTO sessions (organization_id, id, user_id, user_agent, ip, generation, rotated_at, created_at, last_used_at, \
     expires_at, ends_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
);
const SAVE: Sql = Sql::tenant(
    "UPDATE sessions SET generation = $3, rotated_at = $4, last_used_at = $5, expires_at = $6, revoked_at = $7, \
     revocation_reason = $8 WHERE organization_id = $1 AND id = $2",
);
const KNOWS_DEVICE: Sql = Sql::tenant(
    "SELECT EXISTS (SELECT 1 FROM sessions WHERE organization_id = $1 AND user_id = $2 AND coalesce(user_agent, '') = $3)",
);
const TOUCH: Sql =
    Sql::tenant("UPDATE sessions SET last_used_at = $3 WHERE organization_id = $1 AND id = $2 AND last_used_at < $3");
const REMOVE_ENDED: Sql = Sql::tenant("DELETE FROM sessions WHERE organization_id = $1 AND expires_at < $2");

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[LOCK, LOCK_LIVE, HOLDER, ADD, SAVE, KNOWS_DEVICE, TOUCH, REMOVE_ENDED];

/// The columns that clients see, and the condition that a session lives.
const VIEW: &str = "id, user_agent, ip, created_at, last_used_at, expires_at";

/// What has to be known of a session whose token is presented.
#[derive(Debug, Clone)]
pub(crate) struct Holder {
    /// Whose it is.
    pub(crate) user: UserId,
    /// The name of its user.
    pub(crate) name: String,
    /// Whether it lets its user act.
    pub(crate) is_live: bool,
    /// When it was last used, as far as that is stored.
    pub(crate) last_used_at: Timestamp,
    /// When it ends unless it is refreshed.
    pub(crate) expires_at: Timestamp,
}

/// Reads a session for a change, and holds it until the unit ends.
pub(crate) async fn lock(
    uow: &UnitOfWork,
    organization: OrganizationId,
    id: SessionId,
) -> Result<Option<Session>, DbError> {
    uow.scope(organization)
        .reads()
        .optional(&LOCK, &[Value::id(id)], session)
        .await
}

/// Reads a user's live sessions for a change, and holds them until the unit ends.
pub(crate) async fn lock_live(
    uow: &UnitOfWork,
    organization: OrganizationId,
    user: UserId,
) -> Result<Vec<Session>, DbError> {
    let values = [Value::id(user), uow.now().into()];
    uow.scope(organization).reads().all(&LOCK_LIVE, &values, session).await
}

/// Whose session it is, and whether it and its user may act.
pub(crate) async fn holder(scope: Scope<'_>, id: SessionId, now: Timestamp) -> Result<Option<Holder>, DbError> {
    let read = |row: &Row<'_>| {
        let expires_at = row.get::<Timestamp>(1)?;
        let is_live = row.get::<bool>(0)? && now < expires_at && row.get::<bool>(4)?;
        Ok(Holder {
            user: row.id(5)?,
            name: row.get(3)?,
            is_live,
            last_used_at: row.get(2)?,
            expires_at,
        })
    };
    scope.optional(&HOLDER, &[Value::id(id)], read).await
}

/// A page of a user's live sessions, as that user sees them from the session `current`.
pub(crate) async fn list(
    scope: Scope<'_>,
    user: UserId,
    current: Option<SessionId>,
    now: Timestamp,
    direction: Direction,
    page: &PageRequest,
    start: Start<'_>,
) -> Result<Listed<SessionView>, DbError> {
    let read = |row: &Row<'_>| {
        // The list's first column is the total.
        let id = row.id(1)?;
        Ok(SessionView {
            id,
            current: current == Some(id),
            user_agent: row.get(2)?,
            ip: row.get(3)?,
            created_at: row.get(4)?,
            last_used_at: row.get(5)?,
            expires_at: row.get(6)?,
        })
    };
    listing(user, now, direction).fetch(scope, page, start, read).await
}

fn listing<'v>(user: UserId, now: Timestamp, direction: Direction) -> List<'v> {
    List::tenant_view(
        "(SELECT organization_id, user_id, id, user_agent, ip, created_at, last_used_at, expires_at FROM sessions \
         WHERE organization_id = $1 AND revoked_at IS NULL) AS live",
        VIEW,
    )
    .equal("user_id", Some(Value::id(user)))
    .at_least("expires_at", Some(now))
    .order("created_at", direction)
}

/// The texts of the list, for the statement test.
pub(crate) fn lists() -> Vec<String> {
    use kernel::Id as _;
    let nobody = UserId::from_uuid(uuid::Uuid::nil());
    listing(nobody, Timestamp::UNIX_EPOCH, Direction::Descending)
        .texts(&PageRequest::default())
        .to_vec()
}

pub(crate) async fn add(uow: &UnitOfWork, session: &mut Session) -> Result<(), DbError> {
    record(uow, session)?;
    let state = session.state();
    let row = [
        Value::id(state.id),
        Value::id(state.user),
        state.device.user_agent().into(),
        state.device.ip().map(|ip| ip.to_string()).into(),
        state.rotation.newest.number().into(),
        state.rotation.rotated_at.into(),
        state.created_at.into(),
        state.last_used_at.into(),
        state.expires_at.into(),
        state.ends_at.into(),
    ];
    uow.scope(state.organization).send(&ADD, &row).await
}

/// Stores a session as it is now, with what happened to it.
pub(crate) async fn save(uow: &UnitOfWork, session: &mut Session) -> Result<(), DbError> {
    record(uow, session)?;
    let state = session.state();
    let row = [
        Value::id(state.id),
        state.rotation.newest.number().into(),
        state.rotation.rotated_at.into(),
        state.last_used_at.into(),
        state.expires_at.into(),
        state.revoked.map(|(at, _)| at).into(),
        state.revoked.map(|(_, reason)| reason.as_str()).into(),
    ];
    uow.scope(state.organization).send(&SAVE, &row).await
}

/// Notes that a session was used.
pub(crate) async fn touch(
    uow: &UnitOfWork,
    organization: OrganizationId,
    id: SessionId,
    at: Timestamp,
) -> Result<(), DbError> {
    let values = [Value::id(id), at.into()];
    uow.scope(organization).send(&TOUCH, &values).await
}

/// Whether a session of the user was opened with such a device, as far back as sessions are kept.
pub(crate) async fn knows_device(
    uow: &UnitOfWork,
    organization: OrganizationId,
    user: UserId,
    device: &Device,
) -> Result<bool, DbError> {
    let values = [Value::id(user), device.user_agent().unwrap_or_default().into()];
    let scope = uow.scope(organization).reads();
    scope.one(&KNOWS_DEVICE, &values, |row| row.get(0)).await
}

/// Removes the sessions of one organization that ended before `before`.
pub(crate) async fn remove_ended(
    uow: &UnitOfWork,
    organization: OrganizationId,
    before: Timestamp,
) -> Result<u64, DbError> {
    uow.scope(organization).execute(&REMOVE_ENDED, &values![before]).await
}

fn record(uow: &UnitOfWork, session: &mut Session) -> Result<(), DbError> {
    let events = session.take_events();
    if events.is_empty() {
        return Ok(());
    }
    let state = session.state();
    let fact = SessionFact {
        id: state.id,
        user_id: state.user,
        user_agent: state.device.user_agent().map(str::to_owned),
        ip: state.device.ip().map(|ip| ip.to_string()),
        created_at: state.created_at,
        last_used_at: state.last_used_at,
        expires_at: state.expires_at,
    };
    uow.record_all(state.organization, events, &fact)?;
    Ok(())
}

fn session(row: &Row<'_>) -> Result<Session, DbError> {
    let ip = row.get::<Option<String>>(4)?;
    let ip = ip
        .map(|ip| ip.parse::<IpAddr>().map_err(|_| row.inconsistency(4)))
        .transpose()?;
    let generation = u32::try_from(row.get::<i64>(5)?).ok().and_then(Generation::new);
    let reason = row.get::<Option<String>>(12)?;
    let reason = reason
        .map(|reason| reason.parse().map_err(|_| row.inconsistency(12)))
        .transpose()?;
    Ok(Session::from(StoredSession {
        id: row.id(0)?,
        organization: row.id(1)?,
        user: row.id(2)?,
        device: Device::new(row.get::<Option<String>>(3)?.as_deref(), ip),
        rotation: RotationState {
            newest: generation.ok_or_else(|| row.inconsistency(5))?,
            rotated_at: row.get(6)?,
        },
        created_at: row.get(7)?,
        last_used_at: row.get(8)?,
        expires_at: row.get(9)?,
        ends_at: row.get(10)?,
        revoked: row.get::<Option<Timestamp>>(11)?.zip(reason),
    }))
}
