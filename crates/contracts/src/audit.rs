//! The trail as others write to it outside a unit of work.

use std::net::IpAddr;

use kernel::{Actor, OrganizationId};
use uuid::Uuid;

/// Something that concerns security and changed nothing: a failed login, a refused permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityEvent {
    /// In whose trail.
    pub organization: OrganizationId,
    /// Who, if that is known.
    pub actor: Option<Actor>,
    /// `login.failed`, `permission.refused`, …
    pub action: &'static str,
    /// What kind of thing it was about.
    pub target_kind: &'static str,
    /// Which one.
    pub target_id: Uuid,
    /// The request.
    pub request_id: Option<String>,
    /// From where.
    pub ip: Option<IpAddr>,
    /// With what.
    pub user_agent: Option<String>,
}

/// Takes down security events: one entry a minute per (actor or address block, action, target), with their count. Provided by
/// audit.
pub trait SecurityTrail: Send + Sync {
    /// Takes it down. It returns at once, and never fails the request.
    fn note(&self, event: SecurityEvent);
}
