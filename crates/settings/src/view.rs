//! Objects as events carry them, where that is more than the API shows.

use contracts::settings::SettingsView;
use kernel::OrganizationId;
use serde::Serialize;
use utoipa::ToSchema;

/// The settings of an organization, and whose they are: `settings.updated` carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SettingsOfOrganization)]
pub(crate) struct SettingsShown {
    /// The organization.
    #[schema(value_type = String, format = "uuid")]
    pub(crate) id: OrganizationId,
    /// Its settings.
    #[serde(flatten)]
    pub(crate) settings: SettingsView,
}
