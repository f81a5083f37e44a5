//! `GET /events`

use http::{Answer, ApiError, Doc, Requires, StreamQuery};
use kernel::Id as _;
use kernel::cursor::{CursorKey, CursorPage};
use serde_json::json;

use super::deliveries::before;
use super::inputs::{EventTypeText, texts};
use crate::domain::EventTypes;
use crate::manifest::DeliveryRead;
use crate::reading::readable;
use crate::service::Service;
use crate::store::events;
use crate::view::EventView;

http::filters! {
    /// What the list can be narrowed by.
    pub(crate) struct EventFilter {
        /// Only these kinds, separated by commas or each in a parameter of its own: `role.created`, every one of a resource as `role.*`, or all as `*`.
        types: Vec<EventTypeText> = "types",
    }
}

/// The kinds that were asked for; all where none was.
pub(super) fn asked(service: &Service, types: Option<&Vec<EventTypeText>>) -> Result<EventTypes, ApiError> {
    match types {
        None => Ok(EventTypes::all()),
        Some(types) => service
            .event_types("types", &texts(types))
            .map_err(ApiError::violations),
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("listEvents", "List events")
        .describe("What happened in the organization, newest first: of what the caller may read.")
        .query::<StreamQuery<EventFilter>>()
        .streams::<EventView>("A part of the events", json!([super::example::event()]))
}

pub(super) async fn handle(
    caller: Requires<DeliveryRead>,
    query: StreamQuery<EventFilter>,
) -> Result<Answer, ApiError> {
    let service = Service::of(caller.app())?;
    let types = asked(&service, query.filter.types.as_ref())?;
    let readable = readable(&service, &caller, &types).await?;
    let kinds: Vec<String> = readable.into_iter().map(|event| event.name.to_owned()).collect();
    let scope = caller.app().db().scope(caller.granted().organization());
    let rows = events::newest(scope, &kinds, before(&query.part), query.part.limit() + 1).await?;
    query.answer(&CursorPage::from_rows(rows, query.part.limit(), |last| {
        vec![CursorKey::Time(last.timestamp), CursorKey::Id(last.id.as_uuid())]
    }))
}
