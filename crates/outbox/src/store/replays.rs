//! The table `webhook_replays`: dead letters that somebody wants delivered after all.

use db::{DbError, Row, Scope, Sql, UnitOfWork, Value};
use kernel::{OrganizationId, Timestamp};

use crate::domain::{EndpointId, ReplayId};

const ADD: Sql = Sql::tenant(
    "INSERT INTO webhook_replays (organization_id, id, webhook_id, from_at, to_at, requested_at) \
     VALUES ($1, $2, $3, $4, $5, $6)",
);
const WAITING: Sql = Sql::system(
    "SELECT r.organization_id, r.id, r.webhook_id, r.from_at, r.to_at, r.requested_at FROM webhook_replays r WHERE NOT EXISTS \
     (SELECT 1 FROM organizations o WHERE o.id = r.organization_id AND o.frozen_at IS NOT NULL) AND r.id > $1 ORDER BY r.id LIMIT $2",
);
// Held, so that one node at a time does a part of it.
const HOLD: Sql =
    Sql::tenant("SELECT id FROM webhook_replays WHERE organization_id = $1 AND id = $2 FOR UPDATE SKIP LOCKED")
        .on_sqlite("SELECT id FROM webhook_replays WHERE organization_id = $1 AND id = $2");
const REMOVE: Sql = Sql::tenant("DELETE FROM webhook_replays WHERE organization_id = $1 AND id = $2");

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[ADD, WAITING, HOLD, REMOVE];

/// Which dead letters, of those that were dead when it was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Replay {
    pub(crate) organization_id: OrganizationId,
    pub(crate) id: ReplayId,
    pub(crate) webhook_id: Option<EndpointId>,
    pub(crate) from: Option<Timestamp>,
    pub(crate) to: Option<Timestamp>,
    pub(crate) requested_at: Timestamp,
}

pub(crate) async fn add(uow: &UnitOfWork, replay: &Replay) -> Result<(), DbError> {
    let row = [
        Value::id(replay.id),
        replay.webhook_id.map_or(Value::Null, Value::id),
        replay.from.into(),
        replay.to.into(),
        replay.requested_at.into(),
    ];
    uow.scope(replay.organization_id).send(&ADD, &row).await
}

/// A replay that is not done, with whose it is: one that cannot be read hides nobody else's.
pub(crate) struct Waiting {
    pub(crate) organization_id: OrganizationId,
    pub(crate) id: ReplayId,
    pub(crate) replay: Result<Replay, DbError>,
}

/// The replays that were asked for after this one, in that order.
pub(crate) async fn waiting(scope: Scope<'_>, after: ReplayId, limit: usize) -> Result<Vec<Waiting>, DbError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    scope
        .all(&WAITING, &[Value::id(after), limit.into()], |row| {
            Ok(Waiting {
                organization_id: row.id(0)?,
                id: row.id(1)?,
                replay: replay(row),
            })
        })
        .await
}

/// Holds a replay until the unit ends; false when somebody else does, or it is done.
pub(crate) async fn hold(uow: &UnitOfWork, replay: &Replay) -> Result<bool, DbError> {
    let held = uow
        .scope(replay.organization_id)
        .reads()
        .optional(&HOLD, &[Value::id(replay.id)], |_| Ok(()))
        .await?;
    Ok(held.is_some())
}

pub(crate) async fn remove(uow: &UnitOfWork, replay: &Replay) -> Result<(), DbError> {
    uow.scope(replay.organization_id)
        .send(&REMOVE, &[Value::id(replay.id)])
        .await
}

fn replay(row: &Row<'_>) -> Result<Replay, DbError> {
    Ok(Replay {
        organization_id: row.id(0)?,
        id: row.id(1)?,
        webhook_id: row.optional_id(2)?,
        from: row.get(3)?,
        to: row.get(4)?,
        requested_at: row.get(5)?,
    })
}
