//! What is named in events and in the trail.

kernel::id!(
    /// The settings of an organization: there is one of them, so they have its id.
    pub(crate) struct SettingsId = "settings";
);
