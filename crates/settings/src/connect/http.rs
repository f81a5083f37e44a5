//! HTTP: asks for the address, as whoever the secrets say.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use outbound::header::{AUTHORIZATION, HeaderValue};
use outbound::{Client, StatusCode};
use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use super::Outcome;
use crate::domain::{Connection, Secrets};

pub(super) async fn test(client: &Client, connection: &Connection, secrets: &Secrets) -> Result<(), Outcome> {
    let url = connection.text("url").parse().map_err(|_| Outcome::AddressRefused)?;
    let mut request = client.get(url);
    if let Some(authorization) = authorization(connection, secrets) {
        let mut value = HeaderValue::from_str(&authorization).map_err(|_| Outcome::AuthenticationFailed)?;
        value.set_sensitive(true);
        request = request.header(AUTHORIZATION, value);
    }
    match client.send(request.reading(0)).await?.status {
        status if status.is_success() || status.is_redirection() => Ok(()),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Outcome::AuthenticationFailed),
        StatusCode::NOT_FOUND | StatusCode::GONE => Err(Outcome::NotFound),
        _ => Err(Outcome::Unexpected),
    }
}

fn authorization(connection: &Connection, secrets: &Secrets) -> Option<Zeroizing<String>> {
    if let Some(token) = secrets.get("token") {
        return Some(Zeroizing::new(format!("Bearer {}", token.expose_secret())));
    }
    let user = Some(connection.text("username")).filter(|user| !user.is_empty())?;
    let password = secrets.get("password")?.expose_secret();
    let pair = Zeroizing::new(format!("{user}:{password}"));
    let encoded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
    Some(Zeroizing::new(format!("Basic {}", encoded.as_str())))
}
