//! What a unit leaves beside its own rows: audit entries, outbox rows, access versions and the change feed.

use kernel::{Change, Id, OrganizationId, Timestamp};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use uuid::Uuid;

use super::{Core, Recorded, Session};
use crate::error::DbError;
use crate::feed::AccessChange;
use crate::sql::Sql;
use crate::value::Value;

kernel::id!(
    /// One entry of an organization's audit trail.
    pub struct AuditEntryId = "audit_entry"
);
kernel::id!(
    /// One event of the outbox; deliveries of it carry the same id however often they are tried.
    pub struct EventId = "event"
);

const AUDIT: Sql = Sql::tenant(
    "INSERT INTO audit_entries (organization_id, id, occurred_at, actor_kind, actor_id, actor_name, action, target_kind, \
     target_id, changes, request_id, ip, user_agent, personal) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
);
pub(crate) const NOTE: Sql = Sql::tenant(
    "INSERT INTO audit_entries (organization_id, id, occurred_at, actor_kind, actor_id, actor_name, action, target_kind, \
     target_id, request_id, ip, user_agent, count) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
);
const OUTBOX: Sql = Sql::tenant(
    "INSERT INTO outbox_events (organization_id, id, occurred_at, type, subject_kind, subject_id, data) \
     VALUES ($1, $2, $3, $4, $5, $6, $7)",
);
// Who hands events on finds them here; see the outbox context.
const QUEUE: Sql = Sql::tenant("INSERT INTO outbox_queue (organization_id, event_id) VALUES ($1, $2)");
// On PostgreSQL each statement costs a message and an execution, so what an event leaves is one statement: its entry, or its
// entries where the actor acts in another organization ($17, $18) than the one concerned, and its outbox row and place in the queue.
const ENTRY_AND_EVENT: Sql = Sql::tenant(
    "WITH entry AS (INSERT INTO audit_entries (organization_id, id, occurred_at, actor_kind, actor_id, actor_name, action, \
     target_kind, target_id, changes, request_id, ip, user_agent, personal) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)), \
     queued AS (INSERT INTO outbox_queue (organization_id, event_id) VALUES ($1, $15)) \
     INSERT INTO outbox_events (organization_id, id, occurred_at, type, subject_kind, subject_id, data) \
     VALUES ($1, $15, $3, $7, $8, $9, $16)",
);
const ENTRIES_AND_EVENT: Sql = Sql::tenant(
    "WITH entries AS (INSERT INTO audit_entries (organization_id, id, occurred_at, actor_kind, actor_id, actor_name, action, \
     target_kind, target_id, changes, request_id, ip, user_agent, personal) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14), \
     ($17, $18, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)), \
     queued AS (INSERT INTO outbox_queue (organization_id, event_id) VALUES ($1, $15)) \
     INSERT INTO outbox_events (organization_id, id, occurred_at, type, subject_kind, subject_id, data) \
     VALUES ($1, $15, $3, $7, $8, $9, $16)",
);
const VERSION: Sql = Sql::tenant(
    "INSERT INTO access_versions (organization_id, version) VALUES ($1, 1) \
     ON CONFLICT (organization_id) DO UPDATE SET version = access_versions.version + 1",
);
const CHANGE: Sql = Sql::global(
    "INSERT INTO access_changes (organization_id, kind, subject, until, created_at) VALUES ($1, $2, $3, $4, $5)",
);

/// The statements of this file that both engines run.
pub(crate) const STATEMENTS: &[Sql] = &[AUDIT, NOTE, OUTBOX, QUEUE, VERSION, CHANGE];

/// Something that concerns security and changed no row: a failed login, a refused permission.
#[derive(Debug, Clone, Copy)]
pub struct Note<'n> {
    /// When it happened the first time.
    pub at: Timestamp,
    /// What happened: `login.failed`.
    pub action: &'n str,
    /// What kind of thing it was about.
    pub target_kind: &'n str,
    /// Which one.
    pub target_id: Uuid,
    /// How many times.
    pub count: i64,
}

/// Writes everything gathered; on PostgreSQL all of it is sent at once and answered with the COMMIT.
pub(crate) async fn write(core: &Core, events: &[Recorded], changes: &[AccessChange]) -> Result<(), DbError> {
    for recorded in events {
        let entry = entry(core, recorded)?;
        match core.session {
            Session::Postgres(_) => at_once(core, recorded, &entry).await?,
            Session::Sqlite(_) => one_by_one(core, recorded, &entry).await?,
        }
    }
    let mut bumped: Vec<OrganizationId> = Vec::new();
    for change in changes {
        if let Some(organization_id) = change
            .organization_id
            .filter(|id| change.kind.is_about_grants() && !bumped.contains(id))
        {
            bumped.push(organization_id);
            core.send(&VERSION, &[Value::id(organization_id)]).await?;
        }
        let values = [
            change.organization_id.map(Id::as_uuid).into(),
            change.kind.as_str().into(),
            change.subject.into(),
            change.until.into(),
            core.now.into(),
        ];
        core.send(&CHANGE, &values).await?;
    }
    Ok(())
}

/// An audit entry without its trail and its id: when, who, what, to what, how, from where.
fn entry<'r>(core: &'r Core, recorded: &'r Recorded) -> Result<[Value<'r>; 12], DbError> {
    let context = &core.context;
    let event = &recorded.event;
    let changes = if event.changes.is_empty() {
        Value::Null
    } else {
        Value::Json(render(&event.changes)?.into())
    };
    Ok([
        core.now.into(),
        context.actor.kind.as_str().into(),
        context.actor.id.into(),
        context.actor.name.as_str().into(),
        event.kind.into(),
        event.subject.kind.into(),
        event.subject.id.into(),
        changes,
        context.origin.request_id.as_deref().into(),
        context.origin.ip.map(|ip| ip.to_string()).into(),
        context.origin.user_agent.as_deref().into(),
        personal(&event.changes)?,
    ])
}

/// The names of the changed fields that tell something about a person.
fn personal(changes: &[Change]) -> Result<Value<'static>, DbError> {
    let names: Vec<&str> = changes
        .iter()
        .filter(|change| change.personal)
        .map(|change| change.field)
        .collect();
    if names.is_empty() {
        return Ok(Value::Null);
    }
    let names = serde_json::to_string(&names).map_err(|error| DbError::Internal(error.to_string()))?;
    Ok(Value::Json(names.into()))
}

/// Writes an entry about something that changed no row.
pub(crate) async fn note(core: &Core, trail: OrganizationId, note: &Note<'_>) -> Result<(), DbError> {
    let context = &core.context;
    let values = [
        Value::id(trail),
        entry_id(core),
        note.at.into(),
        context.actor.kind.as_str().into(),
        context.actor.id.into(),
        context.actor.name.as_str().into(),
        note.action.into(),
        note.target_kind.into(),
        note.target_id.into(),
        context.origin.request_id.as_deref().into(),
        context.origin.ip.map(|ip| ip.to_string()).into(),
        context.origin.user_agent.as_deref().into(),
        note.count.into(),
    ];
    core.send(&NOTE, &values).await
}

/// A new entry's id as a value.
fn entry_id(core: &Core) -> Value<'static> {
    Value::id(core.generators.id::<AuditEntryId>())
}

/// A new event's id as a value.
fn event_id(core: &Core) -> Value<'static> {
    Value::id(core.generators.id::<EventId>())
}

async fn at_once(core: &Core, recorded: &Recorded, entry: &[Value<'_>; 12]) -> Result<(), DbError> {
    let (acting, concerned) = (core.context.organization_id, recorded.organization_id);
    let mut values = vec![Value::id(concerned), entry_id(core)];
    values.extend_from_slice(entry);
    values.extend([event_id(core), Value::Json(recorded.data.as_str().into())]);
    if acting == concerned {
        return core.send(&ENTRY_AND_EVENT, &values).await;
    }
    values.extend([Value::id(acting), entry_id(core)]);
    core.send(&ENTRIES_AND_EVENT, &values).await
}

async fn one_by_one(core: &Core, recorded: &Recorded, entry: &[Value<'_>; 12]) -> Result<(), DbError> {
    let (acting, concerned) = (core.context.organization_id, recorded.organization_id);
    let other = (acting != concerned).then_some(acting);
    for trail in std::iter::once(concerned).chain(other) {
        let mut values = vec![Value::id(trail), entry_id(core)];
        values.extend_from_slice(entry);
        core.send(&AUDIT, &values).await?;
    }
    let (event, id) = (&recorded.event, event_id(core));
    core.send(&QUEUE, &[Value::id(concerned), id.clone()]).await?;
    core.send(
        &OUTBOX,
        &[
            Value::id(concerned),
            id,
            core.now.into(),
            event.kind.into(),
            event.subject.kind.into(),
            event.subject.id.into(),
            Value::Json(recorded.data.as_str().into()),
        ],
    )
    .await
}

/// `{"field": {"from": …, "to": …}}`, the fields in the order in which they were recorded.
fn render(changes: &[Change]) -> Result<String, DbError> {
    struct Fields<'a>(&'a [Change]);
    impl Serialize for Fields<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(Some(self.0.len()))?;
            for change in self.0 {
                map.serialize_entry(change.field, &Pair(change))?;
            }
            map.end()
        }
    }
    struct Pair<'a>(&'a Change);
    impl Serialize for Pair<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(Some(2))?;
            map.serialize_entry("from", &self.0.from)?;
            map.serialize_entry("to", &self.0.to)?;
            map.end()
        }
    }
    serde_json::to_string(&Fields(changes)).map_err(|error| DbError::Internal(error.to_string()))
}
