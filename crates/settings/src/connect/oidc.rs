//! OpenID Connect: reads the discovery document (OpenID Connect Discovery 1.0, sections 3 and 4).

use outbound::{Client, StatusCode};
use serde::Deserialize;
use url::Url;

use super::Outcome;
use crate::domain::Connection;

/// Bytes of a discovery document, at most.
const DOCUMENT: usize = 256 * 1024;

/// What a provider says of itself; nothing else of it is looked at.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
}

pub(super) async fn test(client: &Client, connection: &Connection) -> Result<(), Outcome> {
    let issuer = connection.text("issuer");
    let document = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let url = document.parse().map_err(|_| Outcome::AddressRefused)?;
    let answer = client.send(client.get(url).reading(DOCUMENT)).await?;
    match answer.status {
        StatusCode::OK if !answer.is_truncated => {}
        StatusCode::NOT_FOUND => return Err(Outcome::NotFound),
        _ => return Err(Outcome::Unexpected),
    }
    let found: Discovery = serde_json::from_slice(&answer.body).map_err(|_| Outcome::Unexpected)?;
    // To the letter: a token names its issuer in this spelling.
    if found.issuer != issuer {
        return Err(Outcome::IssuerMismatch);
    }
    let endpoints = [found.authorization_endpoint, found.token_endpoint, found.jwks_uri];
    let are_urls = endpoints
        .iter()
        .all(|endpoint| Url::parse(endpoint).is_ok_and(|url| client.dialer().admit(&url).is_ok()));
    if are_urls { Ok(()) } else { Err(Outcome::Unexpected) }
}
