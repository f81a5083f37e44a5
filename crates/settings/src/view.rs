//! Objects as the API shows them, and as events carry them where that is more.

use contracts::settings::SettingsView;
use kernel::OrganizationId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{Branding, Color, ContentHash, DisplayName, MailAddress, PageAddress, Place};

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

/// How an organization looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Branding, rename_all = "camelCase")]
pub(crate) struct BrandingView {
    /// What it calls itself.
    pub(crate) display_name: Option<String>,
    /// Where its logo is.
    pub(crate) logo_url: Option<String>,
    /// Where the picture for browser tabs is.
    pub(crate) favicon_url: Option<String>,
    /// The main colour in a light theme, `#RRGGBB`.
    pub(crate) primary_color: Option<String>,
    /// The second colour in a light theme.
    pub(crate) accent_color: Option<String>,
    /// The main colour in a dark theme.
    pub(crate) primary_color_dark: Option<String>,
    /// The second colour in a dark theme.
    pub(crate) accent_color_dark: Option<String>,
    /// White or black, whichever is easier to read on the main colour; computed.
    pub(crate) on_primary_color: Option<String>,
    /// Where people write for help.
    pub(crate) support_email: Option<String>,
    /// Where people look for help.
    pub(crate) support_url: Option<String>,
    /// The terms of use.
    pub(crate) terms_url: Option<String>,
    /// What is done with personal data.
    pub(crate) privacy_url: Option<String>,
}

impl BrandingView {
    /// What there is to see.
    pub(crate) fn new(branding: &Branding, links: &Links) -> Self {
        let look = branding.look();
        let color = |color: &Option<Color>| color.as_ref().map(|color| color.as_str().to_owned());
        let page = |address: &Option<PageAddress>| address.as_ref().map(|address| address.as_str().to_owned());
        let picture = |place| branding.picture(place).map(|picture| links.asset(picture));
        Self {
            display_name: look.display_name.as_ref().map(DisplayName::as_str).map(str::to_owned),
            logo_url: picture(Place::Logo),
            favicon_url: picture(Place::Favicon),
            primary_color: color(&look.primary_color),
            accent_color: color(&look.accent_color),
            primary_color_dark: color(&look.primary_color_dark),
            accent_color_dark: color(&look.accent_color_dark),
            on_primary_color: look
                .primary_color
                .as_ref()
                .map(|color| color.readable_upon().to_owned()),
            support_email: look.support_email.as_ref().map(MailAddress::as_str).map(str::to_owned),
            support_url: page(&look.support_url),
            terms_url: page(&look.terms_url),
            privacy_url: page(&look.privacy_url),
        }
    }
}

/// The branding of an organization, and whose it is: `branding.updated` carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = BrandingOfOrganization)]
pub(crate) struct BrandingShown {
    /// The organization.
    #[schema(value_type = String, format = "uuid")]
    pub(crate) id: OrganizationId,
    /// Its branding.
    #[serde(flatten)]
    pub(crate) branding: BrandingView,
}

/// Makes links to what this context serves.
#[derive(Debug, Clone)]
pub(crate) struct Links {
    base_url: String,
}

impl Links {
    /// Links that begin with this address, which has no slash at its end.
    pub(crate) fn new(base_url: &str) -> Self {
        Self {
            base_url: base_url.to_owned(),
        }
    }

    /// Where a picture is.
    fn asset(&self, picture: ContentHash) -> String {
        format!("{}/api/v1/public/assets/{picture}", self.base_url)
    }
}
