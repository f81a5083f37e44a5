//! `PATCH /webhooks/{id}`

use http::{Answer, ApiError, Body, Doc, Keep, PathId, Requires};
use serde_json::json;

use super::inputs::{EventTypeText, texts};
use crate::app::update_endpoint;
use crate::domain::{Changes, Description, EndpointId, EndpointUrl};
use crate::manifest::EndpointUpdate;
use crate::reading::readable;
use crate::service::Service;
use crate::view::{OrderingText, WebhookView};

http::input! {
    /// What to change about an endpoint; what is absent stays.
    pub(crate) struct UpdateWebhook {
        /// Where events are sent to.
        url: Keep<EndpointUrl>,
        /// Which events.
        #[schema(min_items = 1, max_items = 100)]
        event_types: Keep<Vec<EventTypeText>>,
        /// What it is for; `null` removes it.
        description: Patch<Description>,
        /// Whether events that are handed on from now on are sent one after the other; see `POST /webhooks`.
        ordering: Keep<OrderingText>,
        /// Whether events are sent. What waited while they were not is sent when they are again.
        is_active: Keep<bool>,
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("updateWebhook", "Change a webhook endpoint")
        .describe("Whoever changes the URL or the event types answers for it from then on: it gets what they may read.")
        .takes::<UpdateWebhook>(json!({ "eventTypes": ["webhook.*"], "isActive": true }))
        .answers::<WebhookView>("The endpoint as it is now", super::example::webhook())
}

pub(super) async fn handle(
    caller: Requires<EndpointUpdate>,
    path: PathId<EndpointId>,
    Body(input): Body<UpdateWebhook>,
) -> Result<Answer, ApiError> {
    let (id, service) = (path.found()?, Service::of(caller.app())?);
    let changes = changes(&service, &caller, input).await?;
    let (granted, precondition) = (caller.granted().clone(), caller.precondition());
    let answer = caller
        .write(move |uow| {
            let (granted, precondition, changes) = (granted.clone(), precondition.clone(), changes.clone());
            async move {
                let is_current = |current: &_| precondition.check(&WebhookView::from(current)).is_ok();
                let changed = update_endpoint(&granted, &uow, id, is_current, changes).await?;
                Answer::ok(&WebhookView::from(&changed))
            }
        })
        .await?;
    service.wake();
    Ok(answer)
}

/// The changes, checked; of event types the caller has to be able to read what is named.
async fn changes(
    service: &Service,
    caller: &Requires<EndpointUpdate>,
    input: UpdateWebhook,
) -> Result<Changes, ApiError> {
    let (url, named) = (
        input.url.into_option(),
        input.event_types.into_option().as_deref().map(texts),
    );
    let event_types = service.checked(url.as_ref(), named.as_deref()).await?;
    if let Some(types) = &event_types {
        readable(service, caller, types).await?;
    }
    Ok(Changes {
        url,
        event_types,
        description: input.description.into_change(),
        ordering: input.ordering.into_option().map(Into::into),
        is_active: match input.is_active {
            Keep::Absent => None,
            Keep::Value(is_active) => Some(is_active),
        },
    })
}
