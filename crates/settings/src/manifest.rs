//! What this context declares: its permissions and its events.

use authz::Permission;
use contracts::{EventData, EventType, Manifest};

use crate::http::example;
use crate::view::{BrandingShown, SettingsShown};

authz::permission! {
    /// See the organization's settings.
    pub struct SettingRead = "SETTINGS" "SETTING" "READ", Tenant, "See settings";
    /// Change the organization's settings.
    pub struct SettingUpdate = "SETTINGS" "SETTING" "UPDATE", Tenant, "Change settings";
    /// See how the organization looks.
    pub struct BrandingRead = "SETTINGS" "BRANDING" "READ", Tenant, "See the branding";
    /// Change how the organization looks.
    pub struct BrandingUpdate = "SETTINGS" "BRANDING" "UPDATE", Tenant, "Change the branding";
}

/// Settings of an organization changed.
pub(crate) const SETTINGS_UPDATED: &str = "settings.updated";

/// The branding of an organization changed.
pub(crate) const BRANDING_UPDATED: &str = "branding.updated";

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
    ],
    events: &[
        EventType {
            name: SETTINGS_UPDATED,
            description: "Settings of the organization changed",
            permission: SettingRead::INFO,
            data: EventData::of::<SettingsShown>(example::settings_of_organization),
        },
        EventType {
            name: BRANDING_UPDATED,
            description: "The branding of the organization changed",
            permission: BrandingRead::INFO,
            data: EventData::of::<BrandingShown>(example::branding_of_organization),
        },
    ],
};
