//! `GET /branding`

use http::{Answer, ApiError, Doc, Requires};

use super::branding_answer::{answer, links};
use crate::manifest::BrandingRead;
use crate::store::branding;
use crate::view::BrandingView;

pub(super) fn doc() -> Doc {
    Doc::new("getBranding", "Get the branding")
        .describe("Colours that are hard to read on their theme are in `meta.warnings`.")
        .answers::<BrandingView>("The branding", super::example::branding())
}

pub(super) async fn handle(caller: Requires<BrandingRead>) -> Result<Answer, ApiError> {
    let organization = caller.granted().organization();
    let found = branding::lookup(caller.app().db().scope(organization), organization).await?;
    answer(&found, &links(caller.app()), caller.request().locale())
}
