//! A door for the fuzz targets, which stand outside of this crate (`docs/fuzzing.md`); nothing that is shipped has it.

use url::Url;

use crate::domain::EndpointUrl;

/// The URL of an endpoint, as it is read from a body: `None` where it is refused.
#[must_use]
pub fn endpoint_url(raw: &str) -> Option<Url> {
    EndpointUrl::new(raw).ok().map(|url| url.url().clone())
}
