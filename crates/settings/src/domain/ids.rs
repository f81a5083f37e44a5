//! What is named in paths, events and the trail.

kernel::id!(
    /// The settings of an organization, which has them once: they have its id.
    pub(crate) struct SettingsId = "settings";
    /// The branding of an organization, which has it once: it has its id.
    pub(crate) struct BrandingId = "branding";
    /// A connection to another system.
    pub(crate) struct IntegrationId = "integration";
);
