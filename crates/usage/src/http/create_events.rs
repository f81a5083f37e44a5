//! `POST /usage/events`

use std::sync::Arc;

use ::http::{Answer, ApiError, Body, Doc, ErrorCode, Requires};
use kernel::Locale;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::inputs::{Batch, UsageEvent};
use crate::app::{COUNTING, Recorded, Rejected, Report, record};
use crate::domain::Untimely;
use crate::manifest::EventCreate;
use crate::service::Service;
use crate::till::Till;

::http::input! {
    /// A batch of events.
    pub(crate) struct CreateUsageEvents {
        /// 1 to 1000 events.
        #[schema(value_type = Vec<UsageEvent>, min_items = 1, max_items = 1000)]
        events: Batch,
    }
}

/// What became of a batch.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UsageReceipt, rename_all = "camelCase")]
struct ReceiptView {
    /// How many events were recorded.
    accepted: usize,
    /// How many carried a key that was recorded before, or twice in this batch.
    duplicates: usize,
    /// Those that were refused alone, in the order of the batch.
    rejected: Vec<RejectedView>,
}

/// An event that was refused alone.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RejectedUsageEvent, rename_all = "camelCase")]
struct RejectedView {
    /// Its place in the batch, from 0.
    index: usize,
    /// `TOO_OLD` or `IN_FUTURE`.
    code: &'static str,
    /// The same for people.
    message: &'static str,
}

impl RejectedView {
    fn new(rejected: Rejected, locale: Locale) -> Self {
        let (code, message) = match (rejected.because, locale) {
            (Untimely::TooOld, Locale::En) => ("TOO_OLD", "The event occurred more than 32 days ago."),
            (Untimely::TooOld, Locale::PtBr) => ("TOO_OLD", "O evento ocorreu há mais de 32 dias."),
            (Untimely::InFuture, Locale::En) => ("IN_FUTURE", "The event is more than 5 minutes ahead."),
            (Untimely::InFuture, Locale::PtBr) => ("IN_FUTURE", "O evento está mais de 5 minutos à frente."),
        };
        Self {
            index: rejected.index,
            code,
            message,
        }
    }
}

impl ReceiptView {
    fn new(recorded: Recorded, locale: Locale) -> Self {
        let rejected = recorded.rejected.into_iter();
        Self {
            accepted: recorded.accepted,
            duplicates: recorded.duplicates,
            rejected: rejected.map(|rejected| RejectedView::new(rejected, locale)).collect(),
        }
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("createUsageEvents", "Report usage")
        .describe(
            "Records a batch of at most 1000 events, whole or not at all: a malformed event refuses it with every problem there \
             is, and so does an event beyond a hard quota, with 429 and nothing recorded. A well-formed event that is too old or \
             too far ahead is refused alone, in `rejected`. An event counts in the hour, day and month in which it occurred.",
        )
        .takes::<CreateUsageEvents>(json!({
            "events": [
                { "metric": "documents.signed", "quantity": 1, "idempotencyKey": "signature-4711" },
                { "metric": "documents.signed", "quantity": 3, "occurredAt": "2026-11-20T18:00:00Z" }
            ]
        }))
        .accepts::<ReceiptView>(
            "What became of the batch",
            json!({
                "accepted": 1,
                "duplicates": 0,
                "rejected": [{ "index": 1, "code": "TOO_OLD", "message": "The event occurred more than 32 days ago." }]
            }),
        )
        .refuses([ErrorCode::RateLimitQuotaExceeded])
}

pub(super) async fn handle(
    caller: Requires<EventCreate>,
    Body(input): Body<CreateUsageEvents>,
) -> Result<Answer, ApiError> {
    let locale = caller.request().locale();
    let report = Report {
        granted: caller.granted().clone(),
        events: input.events.0.into(),
    };
    if !caller.has_idempotency_key() {
        let recorded = caller.app().port::<Till>()?.record(report, caller.unit()).await?;
        return Answer::accepted(&ReceiptView::new(recorded, locale));
    }
    let service = caller.app().port::<Service>()?;
    caller
        .write_in(caller.unit().unaudited(COUNTING), move |uow| {
            let (service, report) = (Arc::clone(&service), report.clone());
            async move {
                let entitlements = service.entitlements()?;
                let recorded = record(&[report], &uow, &service.means(), entitlements.as_ref()).await?;
                let alone = recorded.into_iter().next();
                let alone = alone.ok_or_else(|| ApiError::internal("a report of usage was lost"))?;
                Answer::accepted(&ReceiptView::new(alone, locale))
            }
        })
        .await
}
