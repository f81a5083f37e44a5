//! `GET /public/assets/{sha256}`

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use db::SystemScope;
use http::{Answer, ApiError, App, Doc, PathText, Public};

use crate::domain::ContentHash;
use crate::store::assets;

http::public_reason! {
    /// Login pages and mails show it.
    pub(crate) struct Picture = "login pages and mails show it to everybody";
}

/// What has this hash never changes.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Somebody who opens the picture by itself gets a page that may do nothing at all.
const SANDBOX: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; sandbox",
);
/// Pages elsewhere may show it.
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const ANYWHERE: HeaderValue = HeaderValue::from_static("cross-origin");

pub(super) fn doc() -> Doc {
    Doc::new("getAsset", "Get a picture by the SHA-256 of its bytes")
        .describe("A PNG or an SVG, cached for ever. Which organization shows it is not told.")
        .answers_verbatim("image/*", "The picture")
}

pub(super) async fn handle(
    _: Public<Picture>,
    State(app): State<App>,
    PathText(hash): PathText,
) -> Result<Answer, ApiError> {
    let hash = ContentHash::parse(&hash).ok_or_else(ApiError::not_found)?;
    let everywhere = SystemScope::new("a picture is found by its content, whoever shows it");
    let picture = assets::find(app.db().system(everywhere), hash)
        .await?
        .ok_or_else(ApiError::not_found)?;
    let kind = HeaderValue::from_static(picture.kind.media_type());
    let etag = HeaderValue::from_str(&format!("\"{hash}\""))
        .map_err(|_| ApiError::internal("a hash is not a valid header value"))?;
    Ok(Answer::verbatim(StatusCode::OK, kind, picture.bytes)
        .with_header(header::ETAG, etag)
        .with_header(header::CACHE_CONTROL, FOR_EVER)
        .with_header(header::CONTENT_SECURITY_POLICY, SANDBOX)
        .with_header(RESOURCE_POLICY, ANYWHERE))
}
