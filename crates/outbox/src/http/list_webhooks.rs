//! `GET /webhooks`

use http::{Answer, ApiError, Doc, ListQuery, Place, Requires};
use serde_json::json;

use crate::manifest::EndpointRead;
use crate::store::endpoints::{self, Order};
use crate::view::WebhookView;

http::filters! {
    /// What the list can be narrowed by.
    pub(crate) struct WebhookFilter {
        /// Only those that events are sent to, or only the others.
        is_active: bool = "isActive",
    }
}

http::sort_keys! {
    /// What the list can be ordered by.
    pub(crate) enum WebhookSort: ascending CreatedAt {
        Url = "url" (Text),
        CreatedAt = "createdAt" (Time),
    }
}

type Webhooks = ListQuery<WebhookFilter, WebhookSort>;

pub(super) fn doc() -> Doc {
    Doc::new("listWebhooks", "List webhook endpoints")
        .query::<Webhooks>()
        .lists::<WebhookView>("A page of endpoints", json!([super::example::webhook()]))
}

pub(super) async fn handle(caller: Requires<EndpointRead>, query: Webhooks) -> Result<Answer, ApiError> {
    let order = match query.sort.key {
        WebhookSort::Url => Order::Url,
        WebhookSort::CreatedAt => Order::CreatedAt,
    };
    let scope = caller.app().db().scope(caller.granted().organization());
    let is_active = query.filter.is_active;
    let listed = endpoints::list(
        scope,
        is_active,
        order,
        query.sort.direction,
        &query.page,
        query.start(),
    )
    .await?;
    query.answer(&listed, place)
}

/// Where an endpoint stands in the order that was asked for.
fn place(webhook: &WebhookView, sort: WebhookSort) -> Place {
    match sort {
        WebhookSort::Url => Place::text(webhook.url.as_str(), webhook.id),
        WebhookSort::CreatedAt => Place::time(webhook.created_at, webhook.id),
    }
}
