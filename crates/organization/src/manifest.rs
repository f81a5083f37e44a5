//! What this context declares: its permissions and its events.

use authz::Permission;
use contracts::organization::{JobSummary, OrganizationView};
use contracts::{EventData, EventType, Manifest};

authz::permission! {
    /// See any organization.
    pub struct OrganizationRead = "ORGANIZATION" "ORGANIZATION" "READ", Platform, "See organizations";
    /// Make an organization.
    pub struct OrganizationCreate = "ORGANIZATION" "ORGANIZATION" "CREATE", Platform, "Create organizations";
    /// Change, activate an organization.
    pub struct OrganizationUpdate = "ORGANIZATION" "ORGANIZATION" "UPDATE", Platform, "Change and activate organizations";
    /// Deactivate an organization.
    pub struct OrganizationDelete = "ORGANIZATION" "ORGANIZATION" "DELETE", Platform, "Deactivate organizations";
    /// Act in a customer's organization for a while, to help.
    pub struct SupportCreate = "ORGANIZATION" "SUPPORT" "CREATE", Platform, "Open support sessions";
    /// See one's own organization.
    pub struct ProfileRead = "ORGANIZATION" "PROFILE" "READ", Tenant, "See the own organization";
    /// Change one's own organization.
    pub struct ProfileUpdate = "ORGANIZATION" "PROFILE" "UPDATE", Tenant, "Change the own organization";
    /// See the installation's periodic work.
    pub struct JobRead = "ORGANIZATION" "JOB" "READ", Platform, "See jobs";
    /// Run periodic work now.
    pub struct JobUpdate = "ORGANIZATION" "JOB" "UPDATE", Platform, "Run jobs";
}

/// An organization was made.
pub(crate) const CREATED: &str = "organization.created";
/// Something about an organization changed.
pub(crate) const UPDATED: &str = "organization.updated";
/// An organization may act again.
pub(crate) const ACTIVATED: &str = "organization.activated";
/// An organization may no longer act.
pub(crate) const DEACTIVATED: &str = "organization.deactivated";

/// Somebody wanted a job to run now.
pub(crate) const JOB_REQUESTED: &str = "job.requested";

/// A deactivated organization was purged: its rows are gone.
pub(crate) const PURGED: &str = "organization.purged";

/// An organization's move to another database began: nothing leaves for it in the background any more.
pub(crate) const FROZEN: &str = "organization.frozen";

/// An organization is in another database now; or, in its own trail, came from one.
pub(crate) const MOVED: &str = "organization.moved";

const fn event(name: &'static str, description: &'static str) -> EventType {
    EventType {
        name,
        description,
        permission: ProfileRead::INFO,
        from_platform: Some(OrganizationRead::INFO),
        data: EventData::of::<OrganizationView>(crate::http::example::organization),
    }
}

/// The context's declaration.
pub const MANIFEST: Manifest = Manifest {
    code: "ORGANIZATION",
    name: "Organizations",
    description: "The customer companies of the installation, and the platform organization that operates it",
    is_core: true,
    permissions: &[
        OrganizationRead::INFO,
        OrganizationCreate::INFO,
        OrganizationUpdate::INFO,
        OrganizationDelete::INFO,
        SupportCreate::INFO,
        ProfileRead::INFO,
        ProfileUpdate::INFO,
        JobRead::INFO,
        JobUpdate::INFO,
    ],
    events: &[
        event(CREATED, "An organization was created"),
        event(UPDATED, "The name, slug or document of an organization changed"),
        event(ACTIVATED, "A deactivated organization was activated"),
        // Of an organization that is not there any more nobody of its own hears.
        EventType {
            permission: OrganizationRead::INFO,
            ..event(PURGED, "What a deactivated organization had was deleted for good")
        },
        event(DEACTIVATED, "An organization was deactivated: nobody of it gets in"),
        event(
            FROZEN,
            "The move of an organization to another database began: nothing is sent for it any more",
        ),
        // Where it left, it is in the platform's trail.
        EventType {
            permission: OrganizationRead::INFO,
            ..event(MOVED, "An organization went to another database, or came from one")
        },
        EventType {
            permission: JobRead::INFO,
            from_platform: None,
            data: EventData::of::<JobSummary>(crate::http::jobs::requested_example),
            ..event(JOB_REQUESTED, "An operator made a job due at once")
        },
    ],
    objects: &[],
};
