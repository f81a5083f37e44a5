//! Deliveries and secrets as clients see them.

use std::collections::HashMap;

use db::{DbError, EventId, Scope};
use kernel::{Id as _, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::{DeliveryId, EndpointId};
use crate::store::attempts::{self, Attempt};
use crate::store::deliveries::Delivery;
use crate::view::WebhookView;

/// An endpoint with its secret, which is shown once.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookWithSecret)]
pub(super) struct WebhookWithSecret<'s> {
    #[serde(flatten)]
    pub(super) webhook: WebhookView,
    /// What its deliveries are signed with, in the form of Standard Webhooks. It is not shown again.
    pub(super) secret: &'s str,
}

/// One event on its way to one endpoint.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Delivery, rename_all = "camelCase")]
pub(super) struct DeliveryView {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    id: DeliveryId,
    /// The event; receivers get it as `webhook-id`.
    #[schema(value_type = String, format = "uuid")]
    event_id: EventId,
    /// Which kind of event.
    event_type: String,
    /// The endpoint.
    #[schema(value_type = String, format = "uuid")]
    webhook_id: EndpointId,
    /// `pending`: not yet tried; `failed`: will be tried again; `delivered`; `dead`: will not.
    status: String,
    /// Every attempt, in order.
    attempts: Vec<AttemptView>,
    /// When it is tried next; `null` when it is not, or being tried right now.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_attempt_at: Option<Timestamp>,
}

/// One attempt.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeliveryAttempt, rename_all = "camelCase")]
struct AttemptView {
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// What the receiver answered, if it did.
    status: Option<i64>,
    /// How long it took, in milliseconds.
    latency_ms: i64,
    /// Why it failed.
    error: Option<String>,
    /// The first 4 KiB of what the receiver answered.
    response_body: Option<String>,
}

impl From<Attempt> for AttemptView {
    fn from(attempt: Attempt) -> Self {
        Self {
            at: attempt.at,
            status: attempt.status,
            latency_ms: attempt.latency_ms,
            error: attempt.error,
            response_body: attempt.response_body,
        }
    }
}

impl DeliveryView {
    fn new(delivery: Delivery, attempts: Vec<AttemptView>) -> Self {
        Self {
            id: delivery.id,
            event_id: delivery.event,
            event_type: delivery.kind,
            webhook_id: delivery.endpoint,
            status: delivery.status,
            attempts,
            next_attempt_at: delivery.next_attempt_at,
        }
    }

    /// Deliveries with their attempts.
    ///
    /// # Errors
    /// [`DbError`].
    pub(super) async fn of(scope: Scope<'_>, deliveries: Vec<Delivery>) -> Result<Vec<Self>, DbError> {
        let ids: Vec<DeliveryId> = deliveries.iter().map(|delivery| delivery.id).collect();
        let mut attempts: HashMap<Uuid, Vec<AttemptView>> = HashMap::new();
        for attempt in attempts::of(scope, &ids).await? {
            attempts.entry(attempt.delivery).or_default().push(attempt.into());
        }
        let views = deliveries.into_iter().map(|delivery| {
            let own = attempts.remove(&delivery.id.as_uuid()).unwrap_or_default();
            Self::new(delivery, own)
        });
        Ok(views.collect())
    }

    /// One delivery with its attempts.
    ///
    /// # Errors
    /// [`DbError`].
    pub(super) async fn one(scope: Scope<'_>, delivery: Delivery) -> Result<Self, DbError> {
        let mut views = Self::of(scope, vec![delivery]).await?;
        views
            .pop()
            .ok_or_else(|| DbError::Internal("a delivery lost its view".into()))
    }
}
