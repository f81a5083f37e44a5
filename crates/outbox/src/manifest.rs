//! What this context declares: its permissions and its events.

use authz::Permission;
use contracts::{EventData, EventType, Manifest};

use crate::view::WebhookView;

authz::permission! {
    /// See webhook endpoints.
    pub struct EndpointRead = "WEBHOOK" "ENDPOINT" "READ", Tenant, "See webhook endpoints";
    /// Register webhook endpoints.
    pub struct EndpointCreate = "WEBHOOK" "ENDPOINT" "CREATE", Tenant, "Register webhook endpoints";
    /// Change, test webhook endpoints and rotate their secrets.
    pub struct EndpointUpdate = "WEBHOOK" "ENDPOINT" "UPDATE", Tenant, "Change and test webhook endpoints";
    /// Remove webhook endpoints.
    pub struct EndpointDelete = "WEBHOOK" "ENDPOINT" "DELETE", Tenant, "Remove webhook endpoints";
    /// See events and their deliveries.
    pub struct DeliveryRead = "WEBHOOK" "DELIVERY" "READ", Tenant, "See events and deliveries";
    /// Deliver again.
    pub struct DeliveryRetry = "WEBHOOK" "DELIVERY" "RETRY", Tenant, "Deliver again";
}

/// An endpoint was registered.
pub(crate) const CREATED: &str = "webhook.created";
/// Something about an endpoint changed.
pub(crate) const UPDATED: &str = "webhook.updated";
/// An endpoint was removed.
pub(crate) const DELETED: &str = "webhook.deleted";
/// An endpoint gets nothing any more, since nothing arrives there.
pub(crate) const DISABLED: &str = "webhook.disabled";
/// An endpoint has another secret.
pub(crate) const SECRET_ROTATED: &str = "webhook.secret_rotated";
/// What a test delivers. It is no event: nobody subscribes to it.
pub(crate) const TEST: &str = "webhook.test";

const fn event(name: &'static str, description: &'static str) -> EventType {
    EventType {
        name,
        description,
        permission: EndpointRead::INFO,
        from_platform: None,
        data: EventData::of::<WebhookView>(crate::http::example::webhook),
    }
}

/// The context's declaration.
pub const MANIFEST: Manifest = Manifest {
    code: "WEBHOOK",
    name: "Webhooks",
    description: "Events on their way out: endpoints, deliveries, lists and streams",
    is_core: true,
    permissions: &[
        EndpointRead::INFO,
        EndpointCreate::INFO,
        EndpointUpdate::INFO,
        EndpointDelete::INFO,
        DeliveryRead::INFO,
        DeliveryRetry::INFO,
    ],
    events: &[
        event(CREATED, "A webhook endpoint was registered"),
        event(
            UPDATED,
            "The URL, the event types, the description or the state of a webhook endpoint changed",
        ),
        event(DELETED, "A webhook endpoint was removed"),
        event(
            DISABLED,
            "A webhook endpoint was switched off, because it is gone or nothing arrived there for days",
        ),
        event(SECRET_ROTATED, "A webhook endpoint got another secret"),
    ],
    objects: &[],
};
