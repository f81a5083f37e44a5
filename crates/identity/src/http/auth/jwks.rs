//! `GET /.well-known/jwks.json`

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use http::{Answer, ApiError, App, Doc, Public};

use super::PublicKeys;
use crate::service::service;

/// Whoever verifies tokens may keep the keys for a minute, and asks again for a key that it does not know.
const A_MINUTE: HeaderValue = HeaderValue::from_static("public, max-age=60");

pub(super) fn doc() -> Doc {
    Doc::new("getKeySet", "The public keys of access tokens")
        .describe(
            "A JSON Web Key Set (RFC 7517): the key that signs now, and those whose last tokens have not ended yet.",
        )
        .answers_verbatim("application/json", "The key set")
}

pub(super) async fn handle(_: Public<PublicKeys>, State(app): State<App>) -> Result<Answer, ApiError> {
    let keys = service(&app)?.keys.current().await?;
    let json = HeaderValue::from_static("application/json");
    let text = keys.verifier.keys().jwks().to_owned();
    Ok(Answer::verbatim(StatusCode::OK, json, text).with_header(header::CACHE_CONTROL, A_MINUTE))
}
