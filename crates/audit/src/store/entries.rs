//! The table `audit_entries`, for reading. Its rows are written by the units of work.

use db::list::List;
use db::{AuditEntryId, DbError, Row, Scope, Sql, Value};
use kernel::Timestamp;
use uuid::Uuid;

const COLUMNS: &str = "id, occurred_at, actor_kind, actor_id, actor_name, action, target_kind, target_id, changes, \
                       request_id, ip, user_agent, count";

const LOOKUP: Sql = Sql::tenant(
    "SELECT id, occurred_at, actor_kind, actor_id, actor_name, action, target_kind, target_id, changes, request_id, ip, \
     user_agent, count FROM audit_entries WHERE organization_id = $1 AND id = $2",
)
.point();

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[LOOKUP];

/// One entry, as it was written.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) id: AuditEntryId,
    pub(crate) occurred_at: Timestamp,
    pub(crate) actor_kind: String,
    pub(crate) actor_id: Uuid,
    pub(crate) actor_name: String,
    pub(crate) action: String,
    pub(crate) target_kind: String,
    pub(crate) target_id: Uuid,
    /// JSON: field to `{from, to}`.
    pub(crate) changes: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) ip: Option<String>,
    pub(crate) user_agent: Option<String>,
    pub(crate) count: i64,
}

/// What the trail is narrowed by.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter<'f> {
    pub(crate) actor_id: Option<Uuid>,
    pub(crate) action: Option<&'f str>,
    pub(crate) target_kind: Option<&'f str>,
    pub(crate) target_id: Option<Uuid>,
    /// From this instant on.
    pub(crate) from: Option<Timestamp>,
    /// Before this instant.
    pub(crate) to: Option<Timestamp>,
}

impl Filter<'_> {
    fn is_empty(&self) -> bool {
        self.actor_id.is_none()
            && self.action.is_none()
            && self.target_kind.is_none()
            && self.target_id.is_none()
            && self.from.is_none()
            && self.to.is_none()
    }
}

pub(crate) async fn lookup(scope: Scope<'_>, id: AuditEntryId) -> Result<Option<Entry>, DbError> {
    scope.optional(&LOOKUP, &[Value::id(id)], entry).await
}

/// The trail, newest first, after an entry; at most `rows` of it. Ids are in the order of time. A replica may answer: what is looked up
/// in the trail happened before.
pub(crate) async fn newest(
    scope: Scope<'_>,
    filter: &Filter<'_>,
    after: Option<Uuid>,
    rows: u32,
) -> Result<Vec<Entry>, DbError> {
    let list = listing(filter);
    let list = if filter.is_empty() { list } else { list.pooled() };
    list.newest(scope, after, rows, entry).await
}

/// As [`newest`], for exports, which leave the lane of short reads to requests.
pub(crate) async fn newest_pooled(
    scope: Scope<'_>,
    filter: &Filter<'_>,
    after: Option<Uuid>,
    rows: u32,
) -> Result<Vec<Entry>, DbError> {
    listing(filter).pooled().newest(scope, after, rows, entry).await
}

fn listing<'f>(filter: &Filter<'f>) -> List<'f> {
    List::tenant("audit_entries", COLUMNS)
        .may_lag()
        .equal("actor_id", filter.actor_id)
        .equal("action", filter.action)
        .equal("target_kind", filter.target_kind)
        .equal("target_id", filter.target_id)
        .at_least("occurred_at", filter.from)
        .below("occurred_at", filter.to)
}

fn entry(row: &Row<'_>) -> Result<Entry, DbError> {
    entry_at(row, 0)
}

/// Reads an entry from columns that begin at `first`.
pub(crate) fn entry_at(row: &Row<'_>, first: usize) -> Result<Entry, DbError> {
    Ok(Entry {
        id: row.id(first)?,
        occurred_at: row.get(first + 1)?,
        actor_kind: row.get(first + 2)?,
        actor_id: row.get(first + 3)?,
        actor_name: row.get(first + 4)?,
        action: row.get(first + 5)?,
        target_kind: row.get(first + 6)?,
        target_id: row.get(first + 7)?,
        changes: row.get(first + 8)?,
        request_id: row.get(first + 9)?,
        ip: row.get(first + 10)?,
        user_agent: row.get(first + 11)?,
        count: row.get(first + 12)?,
    })
}
