//! The endpoint, what it subscribes to, and when a delivery is tried again. No storage, no HTTP, no JSON.

mod endpoint;
mod event_types;
mod ordering;
mod schedule;
mod values;

pub(crate) use endpoint::{Changes, Endpoint, EndpointId, Former, NewEndpoint, Stored};
pub(crate) use event_types::EventTypes;
pub(crate) use ordering::Ordering;
pub(crate) use schedule::{Outcome, Schedule, Verdict};
pub(crate) use values::{Description, EndpointUrl, Overlap};

kernel::id!(
    /// One event on its way to one endpoint.
    pub(crate) struct DeliveryId = "delivery";
    /// One request to deliver dead letters after all.
    pub(crate) struct ReplayId = "replay";
);
