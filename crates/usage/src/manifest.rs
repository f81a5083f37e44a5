//! What this context declares: its permissions and its events.

use authz::Permission;
use contracts::{EventData, EventType, Manifest};

use crate::view::ThresholdView;

authz::permission! {
    /// Report usage.
    pub struct EventCreate = "USAGE" "EVENT" "CREATE", Tenant, "Report usage";
    /// See what was used, and the quotas.
    pub struct ReportRead = "USAGE" "REPORT" "READ", Tenant, "See usage and quotas";
}

/// A share of a quota was reached.
pub(crate) const THRESHOLD_REACHED: &str = "quota.threshold_reached";

/// The context's declaration.
pub const MANIFEST: Manifest = Manifest {
    code: "USAGE",
    name: "Usage",
    description: "What organizations consume, and the quotas it is held against",
    is_core: true,
    permissions: &[EventCreate::INFO, ReportRead::INFO],
    events: &[EventType {
        name: THRESHOLD_REACHED,
        description: "80 % or 100 % of a quota are used; told once a period",
        permission: ReportRead::INFO,
        from_platform: None,
        data: EventData::of::<ThresholdView>(crate::http::threshold),
    }],
    objects: &[],
};
