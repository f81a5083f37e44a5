//! What a unit leaves beside its own rows: audit entries, outbox rows, access versions and the change feed.

use kernel::{Change, Id, OrganizationId};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::{Core, Recorded};
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
     target_id, changes, request_id, ip, user_agent) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
);
const OUTBOX: Sql = Sql::tenant(
    "INSERT INTO outbox_events (organization_id, id, occurred_at, type, subject_kind, subject_id, data) \
     VALUES ($1, $2, $3, $4, $5, $6, $7)",
);
const VERSION: Sql = Sql::tenant(
    "INSERT INTO access_versions (organization_id, version) VALUES ($1, 1) \
     ON CONFLICT (organization_id) DO UPDATE SET version = access_versions.version + 1",
);
const CHANGE: Sql = Sql::global(
    "INSERT INTO access_changes (organization_id, kind, subject, until, created_at) VALUES ($1, $2, $3, $4, $5)",
);

/// The statements of this file.
pub(crate) const STATEMENTS: &[Sql] = &[AUDIT, OUTBOX, VERSION, CHANGE];

/// Writes everything gathered; on PostgreSQL all of it is sent at once and answered with the COMMIT.
pub(crate) async fn write(core: &Core, events: &[Recorded], changes: &[AccessChange]) -> Result<(), DbError> {
    for recorded in events {
        let acting = core.context.organization_id;
        audit(core, acting, recorded).await?;
        if recorded.organization_id != acting {
            audit(core, recorded.organization_id, recorded).await?;
        }
        outbox(core, recorded).await?;
    }
    let mut bumped: Vec<OrganizationId> = Vec::new();
    for change in changes {
        if let Some(organization_id) = change.organization_id.filter(|id| !bumped.contains(id)) {
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

async fn audit(core: &Core, trail: OrganizationId, recorded: &Recorded) -> Result<(), DbError> {
    let context = &core.context;
    let event = &recorded.event;
    let changes = if event.changes.is_empty() {
        Value::Null
    } else {
        Value::Json(render(&event.changes)?.into())
    };
    let id: AuditEntryId = core.generators.id();
    core.send(
        &AUDIT,
        &[
            Value::id(trail),
            Value::id(id),
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
        ],
    )
    .await
}

async fn outbox(core: &Core, recorded: &Recorded) -> Result<(), DbError> {
    let event = &recorded.event;
    let id: EventId = core.generators.id();
    core.send(
        &OUTBOX,
        &[
            Value::id(recorded.organization_id),
            Value::id(id),
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
