//! What this context declares.

use authz::Permission;
use contracts::Manifest;

authz::permission! {
    /// See the audit trail of one's own organization.
    pub struct AuditLogRead = "AUDIT" "LOG" "READ", Tenant, "See the audit trail";
    /// Take the audit trail of one's own organization away as a file.
    pub struct AuditLogExport = "AUDIT" "LOG" "EXPORT", Tenant, "Export the audit trail";
}

/// The context's declaration. It records no event of its own: it is where the events of the others are kept.
pub const MANIFEST: Manifest = Manifest {
    code: "AUDIT",
    name: "Audit",
    description: "The trail of every change: who, what, when, from where",
    is_core: true,
    permissions: &[AuditLogRead::INFO, AuditLogExport::INFO],
    events: &[],
    objects: &[],
};
