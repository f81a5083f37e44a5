//! `GET /audit-logs/export`

use axum::http::HeaderValue;
use bytes::Bytes;
use db::Db;
use futures_util::Stream;
use futures_util::stream;
use http::{ApiError, Doc, Query, Requires, Streamed};
use kernel::{Id as _, OrganizationId};
use uuid::Uuid;

use super::list::AuditFilter;
use crate::manifest::AuditLogExport;
use crate::store::entries::{self, Filter};

/// How many entries are in memory at a time.
const PIECE: u32 = 500;

http::choice! {
    /// How an export is written.
    pub(crate) enum Format { Ndjson = "ndjson", Csv = "csv" }
}

http::filters! {
    /// What an export holds, and how it is written.
    pub(crate) struct ExportQuery {
        /// One JSON object a line, as the API shows an entry; or comma-separated values with a heading. `ndjson` when absent.
        format: Format = "format",
        /// Only what this actor did.
        actor_id: http::IdText<super::list::ObjectId> = "actorId",
        /// Only this action, such as `organization.updated`.
        action: String = "action",
        /// Only what was done to objects of this kind, such as `organization`.
        target_type: String = "targetType",
        /// Only what was done to this object.
        target_id: http::IdText<super::list::ObjectId> = "targetId",
        /// Only from this instant on.
        from: kernel::Timestamp = "from",
        /// Only before this instant.
        to: kernel::Timestamp = "to",
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("exportAuditLogs", "Export the audit trail")
        .describe(
            "Everything that fits the filters, newest first, as it is read: however long it is. In `csv` a value that a \
             spreadsheet would take for a formula has an apostrophe before it.",
        )
        .query::<Query<ExportQuery>>()
        .answers_verbatim("application/x-ndjson", "The entries")
        .answers_verbatim("text/csv", "with `format=csv` as a table")
}

pub(super) async fn handle(
    caller: Requires<AuditLogExport>,
    Query(query): Query<ExportQuery>,
) -> Result<Streamed, ApiError> {
    let format = query.format.unwrap_or(Format::Ndjson);
    let filter = AuditFilter {
        actor_id: query.actor_id,
        action: query.action,
        target_type: query.target_type,
        target_id: query.target_id,
        from: query.from,
        to: query.to,
    };
    let reading = Reading {
        db: caller.app().db().clone(),
        organization: caller.granted().organization(),
        filter,
        format,
        at: At::Beginning,
    };
    let (kind, name) = match format {
        Format::Ndjson => (HeaderValue::from_static("application/x-ndjson"), "audit.ndjson"),
        Format::Csv => (
            HeaderValue::from_static("text/csv; charset=utf-8; header=present"),
            "audit.csv",
        ),
    };
    Ok(Streamed::new(kind, pieces(reading)).named(name))
}

struct Reading {
    db: Db,
    organization: OrganizationId,
    filter: AuditFilter,
    format: Format,
    at: At,
}

#[derive(Clone, Copy)]
enum At {
    Beginning,
    After(Uuid),
    End,
}

/// The export in pieces, each read when the one before has left.
fn pieces(reading: Reading) -> impl Stream<Item = Result<Bytes, ApiError>> + Send {
    stream::try_unfold(reading, |mut reading| async move {
        let after = match reading.at {
            At::Beginning => None,
            At::After(id) => Some(id),
            At::End => return Ok(None),
        };
        let filter = Filter {
            actor_id: reading.filter.actor_id.as_ref().map(|id| id.0.as_uuid()),
            action: reading.filter.action.as_deref(),
            target_kind: reading.filter.target_type.as_deref(),
            target_id: reading.filter.target_id.as_ref().map(|id| id.0.as_uuid()),
            from: reading.filter.from,
            to: reading.filter.to,
        };
        let found = entries::newest_pooled(reading.db.scope(reading.organization), &filter, after, PIECE).await?;
        let next = match found.last() {
            Some(last) if found.len() == PIECE as usize => At::After(last.id.as_uuid()),
            _ => At::End,
        };
        let mut text = match (reading.format, after) {
            (Format::Csv, None) => {
                let mut heading = String::new();
                kernel::push_csv_line(&mut heading, HEADING);
                heading
            }
            _ => String::new(),
        };
        for entry in found {
            match reading.format {
                Format::Ndjson => text.push_str(&crate::view::line(entry)?),
                Format::Csv => csv_line(&mut text, &entry),
            }
        }
        reading.at = next;
        Ok(Some((Bytes::from(text), reading)))
    })
}

const HEADING: [&str; 13] = [
    "id",
    "occurredAt",
    "actorType",
    "actorId",
    "actorName",
    "action",
    "targetType",
    "targetId",
    "changes",
    "requestId",
    "ip",
    "userAgent",
    "count",
];

fn csv_line(lines: &mut String, entry: &entries::Entry) {
    let texts = [
        entry.id.to_string(),
        entry.occurred_at.to_string(),
        entry.actor_kind.clone(),
        entry.actor_id.to_string(),
        entry.actor_name.clone(),
        entry.action.clone(),
        entry.target_kind.clone(),
        entry.target_id.to_string(),
        entry.changes.clone().unwrap_or_default(),
        entry.request_id.clone().unwrap_or_default(),
        entry.ip.clone().unwrap_or_default(),
        entry.user_agent.clone().unwrap_or_default(),
        entry.count.to_string(),
    ];
    kernel::push_csv_line(lines, texts.iter().map(String::as_str));
}
