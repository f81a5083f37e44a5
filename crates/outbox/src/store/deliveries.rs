//! The table `webhook_deliveries`.

use std::collections::BTreeSet;

use db::{DbError, Engine, EventId, Row, Scope, Sql, UnitOfWork, Value};
use kernel::id::least_at;
use kernel::{Id as _, OrganizationId, Timestamp};
use serde_json::json;
use uuid::Uuid;

use crate::domain::{DeliveryId, EndpointId, Verdict};
use crate::store::replays::Replay;

/// Deliveries as [`delivery`] reads them.
macro_rules! delivery {
    ($which:literal) => {
        concat!(
            "SELECT id, event_id, event_type, webhook_id, status, due_at, lease, order_key, waiting_since, created_at \
             FROM webhook_deliveries WHERE organization_id = $1 ",
            $which
        )
    };
}
/// Has deliveries tried at `$2`, with all attempts before them. One with a key waits until it is its turn, which `HOLD_BACK` and
/// `LET_ON` decide.
macro_rules! revived {
    () => {
        "UPDATE webhook_deliveries SET status = CASE WHEN attempts = 0 THEN 'pending' ELSE 'failed' END, tries = 0, \
         lease = NULL, due_at = $2, waiting_since = CASE WHEN order_key IS NOT NULL THEN created_at END, finished_at = NULL \
         WHERE organization_id = $1 "
    };
}
/// Revives dead letters. Those that died again since it was asked for stay dead: a replay comes to an end.
macro_rules! replayed {
    ($which:literal, $in:literal, $end:literal) => {
        concat!(
            revived!(),
            "AND id ",
            $in,
            "(SELECT d.id FROM webhook_deliveries d WHERE d.organization_id = $1 AND d.status = 'dead' \
             AND d.id >= $3 AND d.id < $4 AND d.finished_at <= $5 ",
            $which,
            " ORDER BY d.id LIMIT $6",
            $end,
            " RETURNING webhook_id, order_key"
        )
    };
}

// An endpoint that was removed or switched off meanwhile gets nothing any more.
const ADD: Sql = Sql::tenant(
    "INSERT INTO webhook_deliveries (organization_id, id, webhook_id, event_organization_id, event_id, event_type, status, \
     attempts, tries, due_at, order_key, position, waiting_since, created_at) \
     SELECT w.organization_id, (item->>'id')::uuid, w.id, $3::uuid, (item->>'event')::uuid, item->>'type', 'pending', 0, 0, \
     $4::timestamptz, (item->>'key')::uuid, (item->>'position')::bigint, \
     CASE WHEN item->>'key' IS NULL THEN NULL ELSE $4::timestamptz END, $4::timestamptz \
     FROM json_array_elements($2) AS chosen(item) JOIN webhook_endpoints w ON w.organization_id = $1 \
     AND w.id = (item->>'webhook')::uuid AND w.is_active",
)
.on_sqlite(
    "INSERT INTO webhook_deliveries (organization_id, id, webhook_id, event_organization_id, event_id, event_type, status, \
     attempts, tries, due_at, order_key, position, waiting_since, created_at) \
     SELECT w.organization_id, unhex(chosen.value->>'id'), w.id, $3, unhex(chosen.value->>'event'), \
     chosen.value->>'type', 'pending', 0, 0, $4, unhex(chosen.value->>'key'), chosen.value->>'position', \
     CASE WHEN chosen.value->>'key' IS NULL THEN NULL ELSE $4 END, $4 \
     FROM json_each($2) AS chosen JOIN webhook_endpoints w \
     ON w.organization_id = $1 AND w.id = unhex(chosen.value->>'webhook') AND w.is_active",
);
const ADD_TEST: Sql = Sql::tenant(
    "INSERT INTO webhook_deliveries (organization_id, id, webhook_id, event_organization_id, event_id, event_type, test_data, \
     status, attempts, tries, due_at, created_at) VALUES ($1, $2, $3, $1, $4, $5, $6, 'pending', 0, 0, $7, $7)",
);
// As an array, so that it is looked up once: joined with the table, the list is made again for each row, and each time with others.
const CLAIM: Sql = Sql::tenant(
    "UPDATE webhook_deliveries SET lease = $3, due_at = $4 WHERE organization_id = $1 AND id = ANY (ARRAY \
     (SELECT d.id FROM webhook_deliveries d WHERE d.organization_id = $1 AND d.webhook_id = $2 AND d.due_at <= $5 \
     AND d.waiting_since IS NULL ORDER BY d.due_at, d.id LIMIT $6 FOR UPDATE SKIP LOCKED)) \
     RETURNING id, event_organization_id, event_id, event_type, test_data, tries, order_key, created_at",
)
.on_sqlite(
    "UPDATE webhook_deliveries SET lease = $3, due_at = $4 WHERE organization_id = $1 AND id IN \
     (SELECT d.id FROM webhook_deliveries d WHERE d.organization_id = $1 AND d.webhook_id = $2 AND d.due_at <= $5 \
     AND d.waiting_since IS NULL ORDER BY d.due_at, d.id LIMIT $6) \
     RETURNING id, event_organization_id, event_id, event_type, test_data, tries, order_key, created_at",
);
// SQLite joins a plain list the other way about: each delivery the organization ever had with each of the list. DISTINCT makes the
// list come first.
const SETTLE: Sql = Sql::tenant(
    "UPDATE webhook_deliveries AS d SET status = item->>'state', attempts = d.attempts + 1, tries = d.tries + 1, lease = NULL, \
     due_at = timestamptz 'epoch' + (item->>'due')::bigint * interval '1 microsecond', \
     finished_at = timestamptz 'epoch' + (item->>'finished')::bigint * interval '1 microsecond' \
     FROM json_array_elements($2) AS tried(item) WHERE d.organization_id = $1 \
     AND d.id = ANY (ARRAY(SELECT (one->>'id')::uuid FROM json_array_elements($2) AS listed(one))) AND d.id = (item->>'id')::uuid \
     AND d.lease = (item->>'lease')::uuid",
)
.on_sqlite(
    "UPDATE webhook_deliveries AS d SET status = tried.state, attempts = d.attempts + 1, tries = d.tries + 1, \
     lease = NULL, due_at = tried.due, finished_at = tried.finished FROM (SELECT DISTINCT unhex(value->>'id') AS id, \
     unhex(value->>'lease') AS lease, value->>'state' AS state, value->>'due' AS due, value->>'finished' AS finished \
     FROM json_each($2)) AS tried WHERE d.organization_id = $1 AND d.id = tried.id AND d.lease = tried.lease",
);
const FIND: Sql = Sql::tenant(delivery!("AND id = $2")).point();
const LOCK: Sql = Sql::tenant(delivery!("AND id = $2 FOR UPDATE")).on_sqlite(FIND.text(Engine::Sqlite));
const OF_ENDPOINT: Sql = Sql::tenant(delivery!("AND webhook_id = $2 AND id < $3 ORDER BY id DESC LIMIT $4"));
const DEAD: Sql = Sql::tenant(delivery!("AND status = 'dead' AND id < $2 ORDER BY id DESC LIMIT $3"));
const DEAD_OF_ENDPOINT: Sql = Sql::tenant(delivery!(
    "AND status = 'dead' AND id < $2 AND webhook_id = $3 ORDER BY id DESC LIMIT $4"
));
const REVIVE: Sql = Sql::tenant(concat!(revived!(), "AND id = $3"));
// As an array, as in `CLAIM`.
const REPLAY: Sql =
    Sql::tenant(replayed!("", "= ANY (ARRAY ", " FOR UPDATE SKIP LOCKED))")).on_sqlite(replayed!("", "IN ", ")"));
const REPLAY_OF_ENDPOINT: Sql = Sql::tenant(replayed!(
    "AND d.webhook_id = $7",
    "= ANY (ARRAY ",
    " FOR UPDATE SKIP LOCKED))"
))
.on_sqlite(replayed!("AND d.webhook_id = $7", "IN ", ")"));
const RELEASE: Sql = Sql::tenant(
    "UPDATE webhook_deliveries AS d SET lease = NULL, due_at = $3 FROM json_array_elements($2) AS held(item) \
     WHERE d.organization_id = $1 AND d.id = ANY (ARRAY(SELECT (one->>'id')::uuid FROM json_array_elements($2) AS listed(one))) \
     AND d.id = (item->>'id')::uuid AND d.lease = (item->>'lease')::uuid",
)
.on_sqlite(
    "UPDATE webhook_deliveries AS d SET lease = NULL, due_at = $3 FROM (SELECT DISTINCT unhex(value->>'id') AS id, \
     unhex(value->>'lease') AS lease FROM json_each($2)) AS held \
     WHERE d.organization_id = $1 AND d.id = held.id AND d.lease = held.lease",
);
// Of each key one is under way, and it is the first that is not done. Both look up one row a key, however many wait.
const HOLD_BACK: Sql = Sql::tenant(
    "UPDATE webhook_deliveries SET waiting_since = $4 WHERE organization_id = $1 AND id IN (SELECT a.id \
     FROM json_array_elements_text($3) AS chosen(value) JOIN webhook_deliveries a ON a.organization_id = $1 \
     AND a.webhook_id = $2 AND a.order_key = chosen.value::uuid AND a.due_at IS NOT NULL AND a.waiting_since IS NULL \
     WHERE a.lease IS NULL AND EXISTS (SELECT 1 FROM webhook_deliveries e WHERE e.organization_id = $1 \
     AND e.webhook_id = $2 AND e.order_key = a.order_key AND e.due_at IS NOT NULL AND e.position < a.position))",
)
.on_sqlite(
    "UPDATE webhook_deliveries SET waiting_since = $4 WHERE organization_id = $1 AND id IN (SELECT a.id \
     FROM json_each($3) AS chosen JOIN webhook_deliveries a ON a.organization_id = $1 \
     AND a.webhook_id = $2 AND a.order_key = unhex(chosen.value) AND a.due_at IS NOT NULL AND a.waiting_since IS NULL \
     WHERE a.lease IS NULL AND EXISTS (SELECT 1 FROM webhook_deliveries e WHERE e.organization_id = $1 \
     AND e.webhook_id = $2 AND e.order_key = a.order_key AND e.due_at IS NOT NULL AND e.position < a.position))",
);
const LET_ON: Sql = Sql::tenant(
    "UPDATE webhook_deliveries SET waiting_since = NULL WHERE organization_id = $1 AND waiting_since IS NOT NULL \
     AND id IN (SELECT (SELECT f.id FROM webhook_deliveries f WHERE f.organization_id = $1 AND f.webhook_id = $2 \
     AND f.order_key = chosen.value::uuid AND f.due_at IS NOT NULL ORDER BY f.position LIMIT 1) \
     FROM json_array_elements_text($3) AS chosen(value) WHERE NOT EXISTS (SELECT 1 FROM webhook_deliveries a \
     WHERE a.organization_id = $1 AND a.webhook_id = $2 AND a.order_key = chosen.value::uuid AND a.due_at IS NOT NULL \
     AND a.waiting_since IS NULL))",
)
.on_sqlite(
    "UPDATE webhook_deliveries SET waiting_since = NULL WHERE organization_id = $1 AND waiting_since IS NOT NULL \
     AND id IN (SELECT (SELECT f.id FROM webhook_deliveries f WHERE f.organization_id = $1 AND f.webhook_id = $2 \
     AND f.order_key = unhex(chosen.value) AND f.due_at IS NOT NULL ORDER BY f.position LIMIT 1) \
     FROM json_each($3) AS chosen WHERE NOT EXISTS (SELECT 1 FROM webhook_deliveries a \
     WHERE a.organization_id = $1 AND a.webhook_id = $2 AND a.order_key = unhex(chosen.value) AND a.due_at IS NOT NULL \
     AND a.waiting_since IS NULL))",
);
// What is left for an endpoint that was removed goes with the rest.
const FORGET: Sql = Sql::tenant(
    "DELETE FROM webhook_deliveries WHERE organization_id = $1 AND id IN (SELECT d.id FROM webhook_deliveries d \
     WHERE d.organization_id = $1 AND d.id < $2 AND (d.finished_at < $3 OR NOT EXISTS (SELECT 1 FROM webhook_endpoints w \
     WHERE w.organization_id = $1 AND w.id = d.webhook_id)) ORDER BY d.id LIMIT $4) RETURNING id",
);
/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[
    ADD,
    ADD_TEST,
    CLAIM,
    SETTLE,
    FIND,
    LOCK,
    OF_ENDPOINT,
    DEAD,
    DEAD_OF_ENDPOINT,
    REVIVE,
    REPLAY,
    REPLAY_OF_ENDPOINT,
    RELEASE,
    HOLD_BACK,
    LET_ON,
    FORGET,
];

/// A delivery, as it is read.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) id: DeliveryId,
    pub(crate) event: EventId,
    pub(crate) kind: String,
    pub(crate) endpoint: EndpointId,
    pub(crate) status: String,
    /// What it must not overtake others of.
    pub(crate) order_key: Option<Uuid>,
    /// When it is tried next; `None` when it is done, being tried right now, or waiting for those before it.
    pub(crate) next_attempt_at: Option<Timestamp>,
    pub(crate) created_at: Timestamp,
}

/// One event for one endpoint.
#[derive(Debug, Clone)]
pub(crate) struct NewDelivery {
    pub(crate) id: DeliveryId,
    pub(crate) endpoint: EndpointId,
    pub(crate) event: EventId,
    pub(crate) kind: String,
    /// What it must not overtake others of, and its place among them.
    pub(crate) order: Option<(Uuid, i64)>,
}

/// A delivery that this node holds and has to try.
#[derive(Debug, Clone)]
pub(crate) struct Claimed {
    pub(crate) id: DeliveryId,
    pub(crate) lease: Uuid,
    pub(crate) event_organization: OrganizationId,
    pub(crate) event: EventId,
    pub(crate) kind: String,
    /// When it counts as lost, and is anybody's.
    pub(crate) lost_at: Timestamp,
    /// What a test delivers instead of an event.
    pub(crate) test_data: Option<String>,
    pub(crate) tries: usize,
    /// What it must not overtake others of.
    pub(crate) order_key: Option<Uuid>,
    pub(crate) created_at: Timestamp,
}

/// What came of trying.
#[derive(Debug, Clone)]
pub(crate) struct Tried {
    pub(crate) id: DeliveryId,
    pub(crate) lease: Uuid,
    pub(crate) order_key: Option<Uuid>,
    pub(crate) at: Timestamp,
    pub(crate) status: Option<u16>,
    pub(crate) latency_ms: u64,
    pub(crate) error: Option<String>,
    pub(crate) response_body: Option<String>,
    pub(crate) verdict: Verdict,
}

/// Adds deliveries of events of `event_organization` to endpoints of `organization`. Those that have an order wait until
/// [`arrange`] lets them on.
pub(crate) async fn add(
    uow: &UnitOfWork,
    organization: OrganizationId,
    event_organization: OrganizationId,
    deliveries: &[NewDelivery],
) -> Result<(), DbError> {
    let items: Vec<_> = deliveries
        .iter()
        .map(|one| {
            json!({
                "id": super::simple(one.id),
                "webhook": super::simple(one.endpoint),
                "event": super::simple(one.event),
                "type": one.kind,
                "key": one.order.map(|(key, _)| key.simple().to_string()),
                "position": one.order.map(|(_, position)| position),
            })
        })
        .collect();
    let items = serde_json::Value::Array(items).to_string();
    let values = [
        Value::Json(items.into()),
        Value::id(event_organization),
        uow.now().into(),
    ];
    uow.scope(organization).send(&ADD, &values).await
}

/// Adds a delivery that carries what it delivers.
pub(crate) async fn add_test(
    uow: &UnitOfWork,
    organization: OrganizationId,
    new: &NewDelivery,
    data: &str,
) -> Result<(), DbError> {
    let values = [
        Value::id(new.id),
        Value::id(new.endpoint),
        Value::id(new.event),
        new.kind.as_str().into(),
        Value::Json(data.into()),
        uow.now().into(),
    ];
    uow.scope(organization).send(&ADD_TEST, &values).await
}

/// Takes up to `limit` deliveries that are due, the longest first. They count as lost at `lost_at`, and are then anybody's again.
pub(crate) async fn claim(
    uow: &UnitOfWork,
    organization: OrganizationId,
    endpoint: EndpointId,
    lost_at: Timestamp,
    limit: usize,
) -> Result<Vec<Claimed>, DbError> {
    let lease = Uuid::from_bytes(uow.generators().bytes());
    let values = [
        Value::id(endpoint),
        lease.into(),
        lost_at.into(),
        uow.now().into(),
        i64::try_from(limit).unwrap_or(i64::MAX).into(),
    ];
    let mut claimed = uow
        .scope(organization)
        .reads()
        .all(&CLAIM, &values, |row| {
            Ok(Claimed {
                id: row.id(0)?,
                lease,
                lost_at,
                event_organization: row.id(1)?,
                event: row.id(2)?,
                kind: row.get(3)?,
                test_data: row.get(4)?,
                tries: usize::try_from(row.get::<i64>(5)?).map_err(|_| row.inconsistency(5))?,
                order_key: row.get(6)?,
                created_at: row.get(7)?,
            })
        })
        .await?;
    // An UPDATE returns its rows in any order.
    claimed.sort_by_key(|one| one.id.as_uuid());
    Ok(claimed)
}

/// Notes what came of deliveries that this node holds; those it no longer holds are left to whoever does.
pub(crate) async fn settle(uow: &UnitOfWork, organization: OrganizationId, tried: &[&Tried]) -> Result<(), DbError> {
    let items: Vec<_> = tried
        .iter()
        .map(|one| {
            let (state, due, finished) = match one.verdict {
                Verdict::Delivered => ("delivered", None, Some(uow.now())),
                Verdict::Again(at) => ("failed", Some(at), None),
                Verdict::Dead => ("dead", None, Some(uow.now())),
            };
            json!({
                "id": super::simple(one.id),
                "lease": one.lease.simple().to_string(),
                "state": state,
                "due": due.map(Timestamp::as_micros),
                "finished": finished.map(Timestamp::as_micros),
            })
        })
        .collect();
    let items = serde_json::Value::Array(items).to_string();
    uow.scope(organization)
        .send(&SETTLE, &[Value::Json(items.into())])
        .await
}

/// Gives deliveries back that this node holds and did not begin with: they are due at once, for anybody.
pub(crate) async fn release(uow: &UnitOfWork, organization: OrganizationId, held: &[Claimed]) -> Result<(), DbError> {
    let items: Vec<_> = held
        .iter()
        .map(|one| json!({ "id": super::simple(one.id), "lease": one.lease.simple().to_string() }))
        .collect();
    let items = serde_json::Value::Array(items).to_string();
    uow.scope(organization)
        .send(&RELEASE, &[Value::Json(items.into()), uow.now().into()])
        .await
}

/// Sees to it that of each of these keys the first delivery that is not done is under way, and no other. Whoever changes what is
/// done holds the endpoint from then until here, so that nobody looks at half of it.
pub(crate) async fn arrange(
    uow: &UnitOfWork,
    organization: OrganizationId,
    endpoint: EndpointId,
    keys: impl IntoIterator<Item = Uuid>,
) -> Result<(), DbError> {
    let keys: BTreeSet<Uuid> = keys.into_iter().collect();
    if keys.is_empty() {
        return Ok(());
    }
    let keys: Vec<String> = keys.iter().map(|key| key.simple().to_string()).collect();
    let keys = super::texts_json(&keys);
    let scope = uow.scope(organization);
    let values = [Value::id(endpoint), Value::Json(keys.as_str().into()), uow.now().into()];
    scope.send(&HOLD_BACK, &values).await?;
    let [endpoint, keys, _] = values;
    scope.send(&LET_ON, &[endpoint, keys]).await
}

/// A delivery.
pub(crate) async fn find(scope: Scope<'_>, id: DeliveryId) -> Result<Option<Delivery>, DbError> {
    scope.optional(&FIND, &[Value::id(id)], delivery).await
}

/// Reads a delivery for a change, and holds it until the unit ends.
pub(crate) async fn lock(
    uow: &UnitOfWork,
    organization: OrganizationId,
    id: DeliveryId,
) -> Result<Option<Delivery>, DbError> {
    uow.scope(organization)
        .reads()
        .optional(&LOCK, &[Value::id(id)], delivery)
        .await
}

/// An endpoint's deliveries, the newest first.
pub(crate) async fn of_endpoint(
    scope: Scope<'_>,
    endpoint: EndpointId,
    before: Option<Uuid>,
    limit: u32,
) -> Result<Vec<Delivery>, DbError> {
    let values = [
        Value::id(endpoint),
        before.unwrap_or(Uuid::max()).into(),
        i64::from(limit).into(),
    ];
    scope.all(&OF_ENDPOINT, &values, delivery).await
}

/// Dead letters, of one endpoint or of all, the newest first.
pub(crate) async fn dead(
    scope: Scope<'_>,
    endpoint: Option<EndpointId>,
    before: Option<Uuid>,
    limit: u32,
) -> Result<Vec<Delivery>, DbError> {
    let before = Value::Uuid(before.unwrap_or(Uuid::max()));
    let limit = Value::Integer(i64::from(limit));
    match endpoint {
        None => scope.all(&DEAD, &[before, limit], delivery).await,
        Some(endpoint) => {
            let values = [before, Value::id(endpoint), limit];
            scope.all(&DEAD_OF_ENDPOINT, &values, delivery).await
        }
    }
}

/// Has a delivery tried at `at`, with all attempts before it; one with a key, when [`arrange`] lets it on.
pub(crate) async fn revive(
    uow: &UnitOfWork,
    organization: OrganizationId,
    id: DeliveryId,
    at: Timestamp,
) -> Result<(), DbError> {
    uow.scope(organization).send(&REVIVE, &[at.into(), Value::id(id)]).await
}

/// Has some of the replay's dead letters tried again, those with a key when [`arrange`] lets them on; of each its endpoint and its
/// key.
pub(crate) async fn replay(
    uow: &UnitOfWork,
    replay: &Replay,
    limit: usize,
) -> Result<Vec<(EndpointId, Option<Uuid>)>, DbError> {
    let from = replay.from.map_or(Uuid::nil(), least_at);
    let to = replay.to.map_or(Uuid::max(), least_at);
    let mut values = vec![
        uow.now().into(),
        from.into(),
        to.into(),
        replay.requested_at.into(),
        i64::try_from(limit).unwrap_or(i64::MAX).into(),
    ];
    let sql = match replay.webhook_id {
        None => REPLAY,
        Some(endpoint) => {
            values.push(Value::id(endpoint));
            REPLAY_OF_ENDPOINT
        }
    };
    let scope = uow.scope(replay.organization_id).reads();
    scope.all(&sql, &values, |row| Ok((row.id(0)?, row.get(1)?))).await
}

/// Removes some of the deliveries that were made before `before` and are done; which.
pub(crate) async fn forget(
    uow: &UnitOfWork,
    organization: OrganizationId,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<DeliveryId>, DbError> {
    let values = [least_at(before).into(), before.into(), limit.into()];
    let scope = uow.scope(organization).reads();
    scope.all(&FORGET, &values, |row| row.id(0)).await
}

fn delivery(row: &Row<'_>) -> Result<Delivery, DbError> {
    let lease: Option<Uuid> = row.get(6)?;
    let waiting_since: Option<Timestamp> = row.get(8)?;
    let is_due = lease.is_none() && waiting_since.is_none();
    Ok(Delivery {
        id: row.id(0)?,
        event: row.id(1)?,
        kind: row.get(2)?,
        endpoint: row.id(3)?,
        status: row.get(4)?,
        order_key: row.get(7)?,
        next_attempt_at: row.get::<Option<Timestamp>>(5)?.filter(|_| is_due),
        created_at: row.get(9)?,
    })
}
