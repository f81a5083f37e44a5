//! `GET /webhooks/dead-letters`

use http::{Answer, ApiError, Doc, IdText, Requires, StreamQuery};
use kernel::cursor::CursorPage;
use serde_json::json;

use super::deliveries::{before, part};
use super::views::DeliveryView;
use crate::domain::EndpointId;
use crate::manifest::DeliveryRead;
use crate::store::deliveries;

http::filters! {
    /// What the list can be narrowed by.
    pub(crate) struct DeadLetterFilter {
        /// Only those for this endpoint.
        webhook_id: IdText<EndpointId> = "webhookId",
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("listDeadLetters", "List dead letters")
        .describe("Deliveries that are not tried any more, newest first, each with all its attempts.")
        .query::<StreamQuery<DeadLetterFilter>>()
        .streams::<DeliveryView>("A part of the dead letters", json!([super::example::delivery()]))
}

pub(super) async fn handle(
    caller: Requires<DeliveryRead>,
    query: StreamQuery<DeadLetterFilter>,
) -> Result<Answer, ApiError> {
    let scope = caller.app().db().scope(caller.granted().organization());
    let endpoint = query.filter.webhook_id.map(|id| id.0);
    let rows = deliveries::dead(scope, endpoint, before(&query.part), query.part.limit() + 1).await?;
    let part = part(rows, query.part.limit());
    let items = DeliveryView::of(scope, part.items).await?;
    query.answer(&CursorPage { items, next: part.next })
}
