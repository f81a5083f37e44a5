//! What this context declares: its permissions and its events.

use authz::Permission;
use contracts::{EventData, EventType, Manifest};

use crate::http::example;
use crate::view::SettingsShown;

authz::permission! {
    /// See the organization's settings.
    pub struct SettingRead = "SETTINGS" "SETTING" "READ", Tenant, "See settings";
    /// Change the organization's settings.
    pub struct SettingUpdate = "SETTINGS" "SETTING" "UPDATE", Tenant, "Change settings";
}

/// Settings of an organization changed.
pub(crate) const SETTINGS_UPDATED: &str = "settings.updated";

/// The context's declaration.
pub const MANIFEST: Manifest = Manifest {
    code: "SETTINGS",
    name: "Settings",
    description: "An organization's typed options, its branding, and its connections to other systems",
    is_core: true,
    permissions: &[SettingRead::INFO, SettingUpdate::INFO],
    events: &[EventType {
        name: SETTINGS_UPDATED,
        description: "Settings of the organization changed",
        permission: SettingRead::INFO,
        data: EventData::of::<SettingsShown>(example::settings_of_organization),
    }],
};
