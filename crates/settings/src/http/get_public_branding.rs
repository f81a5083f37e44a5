//! `GET /public/branding/{slug}`

use axum::extract::State;
use axum::http::{HeaderValue, header};
use contracts::organization::Organizations;
use http::{Answer, ApiError, App, Doc, PathText, Public};

use super::branding_answer::links;
use crate::store::branding;
use crate::view::BrandingView;

http::public_reason! {
    /// A login page is shown before anybody logs in.
    pub(crate) struct LoginPage = "a login page shows it before anybody is known";
}

/// A changed colour is seen soon, and a login page that many people open is cheap.
const A_MINUTE: HeaderValue = HeaderValue::from_static("public, max-age=60");

pub(super) fn doc() -> Doc {
    Doc::new("getPublicBranding", "Get an organization's branding by its slug")
        .describe("What a login page shows. An organization that calls itself nothing is called by its name.")
        .answers::<BrandingView>("The branding", super::example::branding())
}

pub(super) async fn handle(
    _: Public<LoginPage>,
    State(app): State<App>,
    PathText(slug): PathText,
) -> Result<Answer, ApiError> {
    let organization = app.port::<dyn Organizations>()?.find_by_slug(&slug).await?;
    let organization = organization
        .filter(|organization| organization.is_active)
        .ok_or_else(ApiError::not_found)?;
    let found = branding::lookup(app.db().scope(organization.id), organization.id).await?;
    let mut view = BrandingView::new(&found, &links(&app));
    view.display_name.get_or_insert(organization.name);
    Ok(Answer::ok(&view)?.with_header(header::CACHE_CONTROL, A_MINUTE))
}
