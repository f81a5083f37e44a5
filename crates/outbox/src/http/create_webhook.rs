//! `POST /webhooks`

use http::{Answer, ApiError, Body, Doc, Requires};
use serde_json::json;

use super::inputs::{EventTypeText, texts};
use super::views::WebhookWithSecret;
use crate::app::create_endpoint;
use crate::domain::{Description, EndpointId, EndpointUrl, NewEndpoint};
use crate::manifest::EndpointCreate;
use crate::reading::readable;
use crate::service::Service;
use crate::view::{OrderingText, WebhookView};

http::input! {
    /// What it takes to register an endpoint.
    pub(crate) struct CreateWebhook {
        /// Where events are sent to. HTTPS, to a public address.
        url: EndpointUrl,
        /// Which events: `role.created`, every one of a resource as `role.*`, or all as `*`.
        #[schema(min_items = 1, max_items = 100)]
        event_types: Vec<EventTypeText>,
        /// What it is for.
        description: Option<Description>,
        /// Whether events are sent one after the other: of one `organization`, or of one `aggregate` (the object an event is about),
        /// no event is sent before those handed on before it arrived or were given up.
        ordering: OrderingText = OrderingText::None,
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("createWebhook", "Register a webhook endpoint")
        .describe(
            "The endpoint gets events that whoever registers it may read, for as long as they may. An event type that is named \
             exactly has to be readable; of `resource.*` and `*` it gets what is. Its secret is in `secret`, this once; deliveries \
             are signed with it as Standard Webhooks says.",
        )
        .takes::<CreateWebhook>(json!({ "url": "https://erp.example.com/hooks/lastro", "eventTypes": ["webhook.*"] }))
        .creates::<WebhookWithSecret<'_>>("The endpoint, with its secret", super::example::webhook_with_secret())
}

pub(super) async fn handle(
    caller: Requires<EndpointCreate>,
    Body(input): Body<CreateWebhook>,
) -> Result<Answer, ApiError> {
    let (service, granted) = (Service::of(caller.app())?, caller.granted().clone());
    let types = service
        .checked(Some(&input.url), Some(&texts(&input.event_types)))
        .await?;
    let event_types = types.ok_or_else(|| ApiError::internal("event types were not read"))?;
    readable(&service, &caller, &event_types).await?;
    let id: EndpointId = service.generators.id();
    let secret = service.secrets.generate(granted.organization(), id)?;
    let new = NewEndpoint {
        url: input.url,
        event_types,
        description: input.description,
        ordering: input.ordering.into(),
    };
    caller
        .write(move |uow| {
            let (granted, new, secret) = (granted.clone(), new.clone(), secret.clone());
            async move {
                let made = create_endpoint(&granted, &uow, id, new, secret.sealed).await?;
                let webhook = WebhookView::from(&made);
                let shown = WebhookWithSecret {
                    webhook: webhook.clone(),
                    secret: &secret.text,
                };
                Answer::created(&format!("/webhooks/{id}"), &shown)?.with_secret(&webhook)
            }
        })
        .await
}
