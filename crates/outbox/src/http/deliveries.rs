//! `GET /webhooks/{id}/deliveries` and `GET /webhooks/deliveries/{id}`

use http::{Answer, ApiError, Doc, PathId, Requires, StreamQuery};
use kernel::Id as _;
use kernel::cursor::{CursorKey, CursorPage, CursorRequest};
use serde_json::json;
use uuid::Uuid;

use super::views::DeliveryView;
use crate::domain::{DeliveryId, EndpointId};
use crate::manifest::{DeliveryRead, EndpointRead};
use crate::store::deliveries::{self, Delivery};
use crate::store::endpoints;

pub(super) fn list_doc() -> Doc {
    Doc::new("listDeliveries", "List an endpoint's deliveries")
        .describe("Newest first, each with all its attempts.")
        .query::<StreamQuery<()>>()
        .streams::<DeliveryView>("A part of the deliveries", json!([super::example::delivery()]))
}

pub(super) async fn list(
    caller: Requires<EndpointRead>,
    path: PathId<EndpointId>,
    query: StreamQuery<()>,
) -> Result<Answer, ApiError> {
    let id = path.found()?;
    let scope = caller.app().db().scope(caller.granted().organization());
    if endpoints::lookup(scope, id).await?.is_none() {
        return Err(ApiError::not_found());
    }
    let rows = deliveries::of_endpoint(scope, id, before(&query.part), query.part.limit() + 1).await?;
    let part = part(rows, query.part.limit());
    let items = DeliveryView::of(scope, part.items).await?;
    query.answer(&CursorPage { items, next: part.next })
}

pub(super) fn get_doc() -> Doc {
    Doc::new("getDelivery", "Get a delivery").answers::<DeliveryView>("The delivery", super::example::delivery())
}

pub(super) async fn get(caller: Requires<DeliveryRead>, path: PathId<DeliveryId>) -> Result<Answer, ApiError> {
    let scope = caller.app().db().scope(caller.granted().organization());
    let found = deliveries::find(scope, path.found()?).await?;
    let delivery = found.ok_or_else(ApiError::not_found)?;
    Answer::ok(&DeliveryView::one(scope, delivery).await?)
}

/// The id before which a part goes on.
pub(super) fn before(part: &CursorRequest) -> Option<Uuid> {
    part.cursor().and_then(|cursor| match cursor.keys() {
        [_, CursorKey::Id(id)] => Some(*id),
        _ => None,
    })
}

/// A part of a list of deliveries.
pub(super) fn part(rows: Vec<Delivery>, limit: u32) -> CursorPage<Delivery> {
    CursorPage::from_rows(rows, limit, |last| {
        vec![CursorKey::Time(last.created_at), CursorKey::Id(last.id.as_uuid())]
    })
}
