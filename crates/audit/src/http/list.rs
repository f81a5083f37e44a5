//! `GET /audit-logs`

use http::{Answer, ApiError, Doc, IdText, Requires, StreamQuery};
use kernel::cursor::{CursorKey, CursorPage};
use kernel::{Id as _, Timestamp};
use serde_json::json;

use crate::manifest::AuditLogRead;
use crate::store::entries::{self, Filter};
use crate::view::{EntryView, example};

kernel::id!(
    /// The id of whatever acted or was acted on.
    pub(crate) struct ObjectId = "object"
);

http::filters! {
    /// What the trail can be narrowed by.
    pub(crate) struct AuditFilter {
        /// Only what this actor did.
        actor_id: IdText<ObjectId> = "actorId",
        /// Only this action, such as `organization.updated`.
        action: String = "action",
        /// Only what was done to objects of this kind, such as `organization`.
        target_type: String = "targetType",
        /// Only what was done to this object.
        target_id: IdText<ObjectId> = "targetId",
        /// Only from this instant on.
        from: Timestamp = "from",
        /// Only before this instant.
        to: Timestamp = "to",
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("listAuditLogs", "List the audit trail")
        .describe("Newest first. One entry a change; an entry never changes.")
        .query::<StreamQuery<AuditFilter>>()
        .streams::<EntryView>("A part of the trail", json!([example()]))
}

pub(super) async fn handle(
    caller: Requires<AuditLogRead>,
    query: StreamQuery<AuditFilter>,
) -> Result<Answer, ApiError> {
    let filter = Filter {
        actor_id: query.filter.actor_id.map(|id| id.0.as_uuid()),
        action: query.filter.action.as_deref(),
        target_kind: query.filter.target_type.as_deref(),
        target_id: query.filter.target_id.map(|id| id.0.as_uuid()),
        from: query.filter.from,
        to: query.filter.to,
    };
    let after = query.part.cursor().and_then(|cursor| match cursor.keys() {
        [_, CursorKey::Id(id)] => Some(*id),
        _ => None,
    });
    let scope = caller.app().db().scope(caller.granted().organization());
    let rows = entries::newest(scope, &filter, after, query.part.limit() + 1).await?;
    let part = CursorPage::from_rows(rows, query.part.limit(), |last| {
        vec![CursorKey::Time(last.occurred_at), CursorKey::Id(last.id.as_uuid())]
    });
    let items = part
        .items
        .into_iter()
        .map(EntryView::try_from)
        .collect::<Result<Vec<_>, _>>()?;
    query.answer(&CursorPage { items, next: part.next })
}
