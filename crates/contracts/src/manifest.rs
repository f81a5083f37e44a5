//! What a context declares about itself as data, read by the catalogue, the documentation and the tests.

use authz::PermissionInfo;

/// One context: a module of the catalogue.
#[derive(Debug, Clone, Copy)]
pub struct Manifest {
    /// The module's code, such as `ORGANIZATION`.
    pub code: &'static str,
    /// The module's name for people.
    pub name: &'static str,
    /// What belongs to it, in a sentence.
    pub description: &'static str,
    /// Whether it is always on.
    pub is_core: bool,
    /// Its permissions.
    pub permissions: &'static [&'static PermissionInfo],
    /// The events that its aggregates record.
    pub events: &'static [EventType],
}

/// A kind of event. An audit entry's action is the same name.
#[derive(Debug, Clone, Copy)]
pub struct EventType {
    /// `resource.action`, in the past tense.
    pub name: &'static str,
    /// When it happens, in a sentence.
    pub description: &'static str,
    /// The permission to read the object, which subscribing to the event needs.
    pub permission: &'static PermissionInfo,
}
