//! `GET /audit-logs/verify`

use http::{Answer, ApiError, Doc, Requires};
use serde_json::json;

use crate::app::verify;
use crate::manifest::AuditLogRead;
use crate::view::VerdictView;

pub(super) fn doc() -> Doc {
    Doc::new("verifyAuditLogs", "Check the audit trail")
        .describe(
            "Every few seconds the entries that are new are sealed: chained to all before them under a key outside the \
             database. This walks the chain and tells the first entry that was changed, removed or added since.",
        )
        .answers::<VerdictView>(
            "What the check came to",
            json!({ "valid": true, "checked": 1280, "unsealed": 3, "firstBadId": null }),
        )
}

pub(super) async fn handle(caller: Requires<AuditLogRead>) -> Result<Answer, ApiError> {
    let app = caller.app();
    let verdict = verify(
        app.db(),
        app.ports(),
        caller.granted().organization(),
        app.generators().now(),
    )
    .await?;
    Answer::ok(&VerdictView::from(verdict))
}
