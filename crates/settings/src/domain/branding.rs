//! How an organization looks.

use kernel::{DomainEvent, FieldValue, Id as _, OrganizationId, RuleViolation, checked_text};

use super::{BrandingId, Color, ContentHash, MailAddress, PageAddress};
use crate::manifest::BRANDING_UPDATED;

/// What an organization calls itself: 1 to 120 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DisplayName(String);

impl DisplayName {
    pub(crate) const MAX: usize = 120;

    /// Checks a name.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub(crate) fn new(raw: &str) -> Result<Self, RuleViolation> {
        checked_text("displayName", raw, 1, Self::MAX).map(Self)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// All that is said with words and colours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) display_name: Option<DisplayName>,
    pub(crate) primary_color: Option<Color>,
    pub(crate) accent_color: Option<Color>,
    pub(crate) primary_color_dark: Option<Color>,
    pub(crate) accent_color_dark: Option<Color>,
    pub(crate) support_email: Option<MailAddress>,
    pub(crate) support_url: Option<PageAddress>,
    pub(crate) terms_url: Option<PageAddress>,
    pub(crate) privacy_url: Option<PageAddress>,
}

impl Look {
    /// The colours that cannot be read on the background of their theme, by the names of their fields.
    pub(crate) fn unreadable(&self) -> Vec<&'static str> {
        let light = [
            ("primaryColor", &self.primary_color),
            ("accentColor", &self.accent_color),
        ];
        let dark = [
            ("primaryColorDark", &self.primary_color_dark),
            ("accentColorDark", &self.accent_color_dark),
        ];
        let unreadable = |is_readable: fn(&Color) -> bool| {
            move |(field, color): (&'static str, &Option<Color>)| {
                color.as_ref().filter(|color| !is_readable(color)).map(|_| field)
            }
        };
        light
            .into_iter()
            .filter_map(unreadable(Color::is_readable_on_light))
            .chain(dark.into_iter().filter_map(unreadable(Color::is_readable_on_dark)))
            .collect()
    }
}

/// Where a picture stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Logo,
    Favicon,
}

impl Place {
    /// The field in the API.
    const fn field(self) -> &'static str {
        match self {
            Self::Logo => "logoUrl",
            Self::Favicon => "faviconUrl",
        }
    }
}

/// The branding of one organization. It records what happens to it; whoever stores it takes the events along.
#[derive(Debug, Clone)]
pub(crate) struct Branding {
    organization_id: OrganizationId,
    look: Look,
    logo: Option<ContentHash>,
    favicon: Option<ContentHash>,
    events: Vec<DomainEvent>,
}

impl Branding {
    /// The branding as it is stored.
    pub(crate) fn stored(
        organization_id: OrganizationId,
        look: Look,
        logo: Option<ContentHash>,
        favicon: Option<ContentHash>,
    ) -> Self {
        Self {
            organization_id,
            look,
            logo,
            favicon,
            events: Vec::new(),
        }
    }

    /// Whose it is.
    pub(crate) fn organization_id(&self) -> OrganizationId {
        self.organization_id
    }

    /// Words and colours.
    pub(crate) fn look(&self) -> &Look {
        &self.look
    }

    /// The picture in a place.
    pub(crate) fn picture(&self, place: Place) -> Option<ContentHash> {
        match place {
            Place::Logo => self.logo,
            Place::Favicon => self.favicon,
        }
    }

    /// Whether a picture stands somewhere.
    pub(crate) fn shows(&self, picture: ContentHash) -> bool {
        self.logo == Some(picture) || self.favicon == Some(picture)
    }

    /// Replaces words and colours; nothing is recorded when nothing differs.
    pub(crate) fn restyle(&mut self, look: Look) {
        let (from, to) = (&self.look, &look);
        let event = self
            .event()
            .changed("displayName", name(&from.display_name), name(&to.display_name))
            .changed("primaryColor", color(&from.primary_color), color(&to.primary_color))
            .changed("accentColor", color(&from.accent_color), color(&to.accent_color))
            .changed(
                "primaryColorDark",
                color(&from.primary_color_dark),
                color(&to.primary_color_dark),
            )
            .changed(
                "accentColorDark",
                color(&from.accent_color_dark),
                color(&to.accent_color_dark),
            )
            .changed("supportEmail", mail(&from.support_email), mail(&to.support_email))
            .changed("supportUrl", page(&from.support_url), page(&to.support_url))
            .changed("termsUrl", page(&from.terms_url), page(&to.terms_url))
            .changed("privacyUrl", page(&from.privacy_url), page(&to.privacy_url));
        self.look = look;
        self.record(event);
    }

    /// Puts a picture into a place, or takes it away; nothing is recorded when it stood there.
    pub(crate) fn show(&mut self, place: Place, picture: Option<ContentHash>) {
        let hash = |picture: Option<ContentHash>| FieldValue::from(picture.map(|picture| picture.to_string()));
        let event = self
            .event()
            .changed(place.field(), hash(self.picture(place)), hash(picture));
        match place {
            Place::Logo => self.logo = picture,
            Place::Favicon => self.favicon = picture,
        }
        self.record(event);
    }

    /// Hands over what happened since the last time.
    pub(crate) fn take_events(&mut self) -> Vec<DomainEvent> {
        std::mem::take(&mut self.events)
    }

    fn event(&self) -> DomainEvent {
        DomainEvent::new(BRANDING_UPDATED, BrandingId::from_uuid(self.organization_id.as_uuid()))
    }

    fn record(&mut self, event: DomainEvent) {
        if !event.changes.is_empty() {
            self.events.push(event);
        }
    }
}

fn name(name: &Option<DisplayName>) -> FieldValue {
    name.as_ref().map(DisplayName::as_str).into()
}

fn color(color: &Option<Color>) -> FieldValue {
    color.as_ref().map(Color::as_str).into()
}

fn mail(address: &Option<MailAddress>) -> FieldValue {
    address.as_ref().map(MailAddress::as_str).into()
}

fn page(address: &Option<PageAddress>) -> FieldValue {
    address.as_ref().map(PageAddress::as_str).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn branding() -> Branding {
        let organization = OrganizationId::from_uuid(uuid::Uuid::from_u128(1));
        Branding::stored(organization, Look::default(), None, None)
    }

    fn fields(branding: &mut Branding) -> Vec<Vec<&'static str>> {
        let fields = |event: &DomainEvent| event.changes.iter().map(|change| change.field).collect();
        branding.take_events().iter().map(fields).collect()
    }

    #[test]
    fn a_new_look_records_only_what_differs() {
        let mut branding = branding();
        let look = Look {
            display_name: Some(DisplayName::new("Padaria").unwrap()),
            primary_color: Some(Color::new("#0B3D91").unwrap()),
            ..Look::default()
        };
        branding.restyle(look.clone());
        assert_eq!(fields(&mut branding), [["displayName", "primaryColor"]]);
        branding.restyle(look);
        assert!(branding.take_events().is_empty());
        branding.restyle(Look::default());
        assert_eq!(fields(&mut branding), [["displayName", "primaryColor"]]);
    }

    #[test]
    fn a_picture_stands_in_its_place() {
        let mut branding = branding();
        let hash = ContentHash::from_bytes(&[7; 32]);
        branding.show(Place::Logo, hash);
        branding.show(Place::Logo, hash);
        branding.show(Place::Favicon, None);
        assert_eq!(fields(&mut branding), [["logoUrl"]]);
        assert!(branding.shows(hash.unwrap()));
        branding.show(Place::Logo, None);
        assert!(!branding.shows(hash.unwrap()));
    }

    #[test]
    fn colours_are_told_by_their_theme() {
        let color = |raw| Some(Color::new(raw).unwrap());
        let look = Look {
            primary_color: color("#FFEB3B"),
            accent_color: color("#0B3D91"),
            primary_color_dark: color("#FFEB3B"),
            accent_color_dark: color("#0B3D91"),
            ..Look::default()
        };
        assert_eq!(look.unreadable(), ["primaryColor", "accentColorDark"]);
        assert!(Look::default().unreadable().is_empty());
    }
}
