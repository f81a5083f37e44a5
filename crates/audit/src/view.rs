//! An entry as the API shows it.

use db::DbError;
use kernel::Timestamp;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::Verdict;
use crate::store::entries::Entry;

/// Who acted, with the name of that time.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditActor)]
pub(crate) struct ActorView {
    /// What kind of actor.
    #[serde(rename = "type")]
    #[schema(rename = "type")]
    kind: ActorType,
    /// Which one.
    #[schema(value_type = String, format = "uuid")]
    id: Uuid,
    /// Its name when it acted.
    name: String,
}

http::choice! {
    /// What kind of actor.
    pub(crate) enum ActorType { User = "user", ApiKey = "api_key", ServiceAccount = "service_account", System = "system" }
}

/// What was acted on.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditTarget)]
pub(crate) struct TargetView {
    /// What kind of object, such as `organization`.
    #[serde(rename = "type")]
    #[schema(rename = "type")]
    kind: String,
    /// Which one.
    #[schema(value_type = String, format = "uuid")]
    id: Uuid,
}

/// The values of one field.
#[derive(Debug, ToSchema)]
#[schema(as = AuditChange)]
#[expect(
    dead_code,
    reason = "only its schema is used: stored changes are shown as they were written"
)]
pub(crate) struct ChangeView {
    /// The value before.
    from: Value,
    /// The value after.
    to: Value,
}

/// One entry of the audit trail.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuditEntry, rename_all = "camelCase")]
pub(crate) struct EntryView {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    id: Uuid,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    occurred_at: Timestamp,
    /// Who acted.
    actor: ActorView,
    /// What happened: the type of the event.
    action: String,
    /// What was acted on.
    target: TargetView,
    /// The fields that changed.
    #[schema(value_type = std::collections::BTreeMap<String, ChangeView>)]
    changes: Box<RawValue>,
    /// The request that did it.
    request_id: Option<String>,
    /// The address it came from.
    ip: Option<String>,
    /// The client that sent it.
    user_agent: Option<String>,
    /// How many times it happened; repeated refusals share an entry.
    count: i64,
}

impl TryFrom<Entry> for EntryView {
    type Error = DbError;

    fn try_from(entry: Entry) -> Result<Self, DbError> {
        let corrupt = |what: &str| DbError::Inconsistency {
            column: format!("audit_entries.{what}"),
            detail: format!("that of {} is corrupt", entry.id),
        };
        let changes = entry.changes.unwrap_or_else(|| "{}".to_owned());
        Ok(Self {
            id: entry.id.into(),
            occurred_at: entry.occurred_at,
            actor: ActorView {
                kind: ActorType::parse(&entry.actor_kind).map_err(|_| corrupt("actor_kind"))?,
                id: entry.actor_id,
                name: entry.actor_name,
            },
            action: entry.action,
            target: TargetView {
                kind: entry.target_kind,
                id: entry.target_id,
            },
            changes: RawValue::from_string(changes).map_err(|_| corrupt("changes"))?,
            request_id: entry.request_id,
            ip: entry.ip,
            user_agent: entry.user_agent,
            count: entry.count,
        })
    }
}

/// What checking a trail came to, as the API shows it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuditVerification, rename_all = "camelCase")]
pub(crate) struct VerdictView {
    /// Whether every entry is as it was written and none is missing or was added.
    valid: bool,
    /// How many sealed entries were checked.
    checked: u64,
    /// How many entries are too young to be sealed: nothing can be said of them yet.
    unsealed: u64,
    /// The first entry that does not fit: changed, missing, or added. Of a batch whose seal does not fit, its first.
    #[schema(value_type = Option<String>, format = "uuid")]
    first_bad_id: Option<Uuid>,
}

impl From<Verdict> for VerdictView {
    fn from(verdict: Verdict) -> Self {
        Self {
            valid: verdict.first_bad_id.is_none(),
            checked: verdict.checked,
            unsealed: verdict.unsealed,
            first_bad_id: verdict.first_bad_id,
        }
    }
}

/// An entry as a line of an export or an archive.
///
/// # Errors
/// [`DbError::Inconsistency`] for an entry that is corrupt.
pub(crate) fn line(entry: Entry) -> Result<String, DbError> {
    let mut line = serde_json::to_string(&EntryView::try_from(entry)?)
        .map_err(|error| DbError::Internal(format!("an audit entry cannot be rendered: {error}")))?;
    line.push('\n');
    Ok(line)
}

/// The entry that the documentation shows.
pub(crate) fn example() -> Value {
    serde_json::json!({
        "id": "019a9d2e-7a10-7d3e-a1b2-0c9d8e7f6a5b",
        "occurredAt": "2026-11-21T12:00:00.000000Z",
        "actor": { "type": "user", "id": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e4f", "name": "Ana Souza" },
        "action": "organization.updated",
        "target": { "type": "organization", "id": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e40" },
        "changes": { "name": { "from": "Padaria Central", "to": "Padaria Central e Filhos" } },
        "requestId": "019a9d2e-7a0f-7000-8000-2f0d5c9b1a3e",
        "ip": "203.0.113.7",
        "userAgent": "curl/8.5.0",
        "count": 1
    })
}
