//! What is named in events and in the trail. An organization has one of each, so they have its id.

kernel::id!(
    /// The settings of an organization.
    pub(crate) struct SettingsId = "settings";
    /// The branding of an organization.
    pub(crate) struct BrandingId = "branding";
);
