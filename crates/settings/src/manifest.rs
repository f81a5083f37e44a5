//! What this context declares: its permissions and its events.

use authz::Permission;
use contracts::{EventData, EventType, Manifest};

use crate::http::example;
use crate::view::{BrandingShown, IntegrationView, SettingsShown};

authz::permission! {
    /// See the organization's settings.
    pub struct SettingRead = "SETTINGS" "SETTING" "READ", Tenant, "See settings";
    /// Change the organization's settings.
    pub struct SettingUpdate = "SETTINGS" "SETTING" "UPDATE", Tenant, "Change settings";
    /// See how the organization looks.
    pub struct BrandingRead = "SETTINGS" "BRANDING" "READ", Tenant, "See the branding";
    /// Change how the organization looks.
    pub struct BrandingUpdate = "SETTINGS" "BRANDING" "UPDATE", Tenant, "Change the branding";
    /// See connections to other systems, without their secrets.
    pub struct IntegrationRead = "SETTINGS" "INTEGRATION" "READ", Tenant, "See integrations";
    /// Make connections to other systems.
    pub struct IntegrationCreate = "SETTINGS" "INTEGRATION" "CREATE", Tenant, "Create integrations";
    /// Change and test connections to other systems.
    pub struct IntegrationUpdate = "SETTINGS" "INTEGRATION" "UPDATE", Tenant, "Change and test integrations";
    /// Delete connections to other systems.
    pub struct IntegrationDelete = "SETTINGS" "INTEGRATION" "DELETE", Tenant, "Delete integrations";
}

/// Settings of an organization changed.
pub(crate) const SETTINGS_UPDATED: &str = "settings.updated";

/// The branding of an organization changed.
pub(crate) const BRANDING_UPDATED: &str = "branding.updated";

/// A connection to another system was made.
pub(crate) const INTEGRATION_CREATED: &str = "integration.created";
/// A connection to another system changed.
pub(crate) const INTEGRATION_UPDATED: &str = "integration.updated";
/// A connection to another system was deleted, with its secrets.
pub(crate) const INTEGRATION_DELETED: &str = "integration.deleted";

const fn of_integration(name: &'static str, description: &'static str) -> EventType {
    EventType {
        name,
        description,
        permission: IntegrationRead::INFO,
        from_platform: None,
        data: EventData::of::<IntegrationView>(example::integration),
    }
}

/// The context's declaration.
pub const MANIFEST: Manifest = Manifest {
    code: "SETTINGS",
    name: "Settings",
    description: "An organization's typed options, its branding, and its connections to other systems",
    is_core: true,
    permissions: &[
        SettingRead::INFO,
        SettingUpdate::INFO,
        BrandingRead::INFO,
        BrandingUpdate::INFO,
        IntegrationRead::INFO,
        IntegrationCreate::INFO,
        IntegrationUpdate::INFO,
        IntegrationDelete::INFO,
    ],
    events: &[
        EventType {
            name: SETTINGS_UPDATED,
            description: "Settings of the organization changed",
            permission: SettingRead::INFO,
            from_platform: None,
            data: EventData::of::<SettingsShown>(example::settings_of_organization),
        },
        EventType {
            name: BRANDING_UPDATED,
            description: "The branding of the organization changed",
            permission: BrandingRead::INFO,
            from_platform: None,
            data: EventData::of::<BrandingShown>(example::branding_of_organization),
        },
        of_integration(INTEGRATION_CREATED, "A connection to another system was made"),
        of_integration(INTEGRATION_UPDATED, "A connection to another system changed"),
        of_integration(
            INTEGRATION_DELETED,
            "A connection to another system was deleted, with its secrets",
        ),
    ],
    objects: &[],
};
