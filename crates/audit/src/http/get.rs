//! `GET /audit-logs/{id}`

use db::AuditEntryId;
use http::{Answer, ApiError, Doc, PathId, Requires};

use crate::manifest::AuditLogRead;
use crate::store::entries;
use crate::view::{EntryView, example};

pub(super) fn doc() -> Doc {
    Doc::new("getAuditLog", "Get an entry of the audit trail").answers::<EntryView>("The entry", example())
}

pub(super) async fn handle(caller: Requires<AuditLogRead>, path: PathId<AuditEntryId>) -> Result<Answer, ApiError> {
    let scope = caller.app().db().scope(caller.granted().organization());
    let entry = entries::lookup(scope, path.found()?)
        .await?
        .ok_or_else(ApiError::not_found)?;
    Answer::ok(&EntryView::try_from(entry)?)
}
