//! `PUT /branding`

use http::{Answer, ApiError, Body, Doc, Requires};
use serde_json::json;

use super::branding_answer::{answer, links};
use crate::app::restyle;
use crate::domain::{Branding, Color, DisplayName, Look, MailAddress, PageAddress};
use crate::manifest::BrandingUpdate;
use crate::view::BrandingView;

http::input! {
    /// How the organization is to look; what is absent is cleared. Logo and favicon have routes of their own.
    pub(crate) struct UpdateBranding {
        /// What it calls itself.
        display_name: Option<DisplayName>,
        /// The main colour in a light theme.
        primary_color: Option<Color>,
        /// The second colour in a light theme.
        accent_color: Option<Color>,
        /// The main colour in a dark theme.
        primary_color_dark: Option<Color>,
        /// The second colour in a dark theme.
        accent_color_dark: Option<Color>,
        /// Where people write for help.
        support_email: Option<MailAddress>,
        /// Where people look for help.
        support_url: Option<PageAddress>,
        /// The terms of use.
        terms_url: Option<PageAddress>,
        /// What is done with personal data.
        privacy_url: Option<PageAddress>,
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("updateBranding", "Replace the branding")
        .describe(
            "Replaces names, colours and addresses as a whole; logo and favicon stay. Colours that are hard to read on their \
             theme are accepted, and named in `meta.warnings`.",
        )
        .takes::<UpdateBranding>(json!({ "displayName": "Padaria Central", "primaryColor": "#0B3D91" }))
        .answers::<BrandingView>("The branding as it is now", super::example::branding())
}

pub(super) async fn handle(
    caller: Requires<BrandingUpdate>,
    Body(input): Body<UpdateBranding>,
) -> Result<Answer, ApiError> {
    let (granted, precondition) = (caller.granted().clone(), caller.precondition());
    let (links, locale, look) = (links(caller.app()), caller.request().locale(), Look::from(input));
    caller
        .write(move |uow| {
            let (granted, precondition) = (granted.clone(), precondition.clone());
            let (links, look) = (links.clone(), look.clone());
            async move {
                let is_current = |current: &Branding| precondition.check(&BrandingView::new(current, &links)).is_ok();
                let changed = restyle(&granted, &uow, &links, is_current, look).await?;
                answer(&changed, &links, locale)
            }
        })
        .await
}

impl From<UpdateBranding> for Look {
    fn from(input: UpdateBranding) -> Self {
        Self {
            display_name: input.display_name,
            primary_color: input.primary_color,
            accent_color: input.accent_color,
            primary_color_dark: input.primary_color_dark,
            accent_color_dark: input.accent_color_dark,
            support_email: input.support_email,
            support_url: input.support_url,
            terms_url: input.terms_url,
            privacy_url: input.privacy_url,
        }
    }
}
