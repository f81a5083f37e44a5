//! `serve --demo`: a sample organization to try things out with, made through the API like any other.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use http::Edge;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use tower::ServiceExt as _;

/// The sample organization.
const NAME: &str = "Padaria Modelo Ltda";
const SLUG: &str = "padaria-modelo";
/// The CNPJ that Brazilian documentation uses as its example; its check digits are right.
const DOCUMENT: &str = "11222333000181";

/// Why the sample organization is not there.
#[derive(Debug, thiserror::Error)]
#[error("the sample organization could not be added: the server itself answered {status}: {body}")]
pub struct DemoError {
    status: StatusCode,
    body: String,
}

/// What to try things out with.
pub struct Demo {
    token: SecretString,
}

/// Adds the sample organization, unless it is there from an earlier start.
///
/// # Errors
///
/// [`DemoError`] with the server's own words.
pub async fn add(edge: Edge, token: SecretString) -> Result<Demo, DemoError> {
    let body = json!({ "name": NAME, "slug": SLUG, "document": DOCUMENT });
    let mut request = Request::new(Body::from(body.to_string()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = axum::http::Uri::from_static("/api/v1/organizations");
    let headers = request.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        axum::http::HeaderValue::from_static("application/json"),
    );
    if let Ok(credential) = format!("Bearer {}", token.expose_secret()).parse() {
        headers.insert(header::AUTHORIZATION, credential);
    }
    let response = match edge.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    match response.status() {
        StatusCode::CREATED | StatusCode::CONFLICT => Ok(Demo { token }),
        status => {
            let body = axum::body::to_bytes(response.into_body(), 64 * 1024)
                .await
                .unwrap_or_default();
            Err(DemoError {
                status,
                body: String::from_utf8_lossy(&body).into_owned(),
            })
        }
    }
}

impl Demo {
    /// What is printed once, for a person to copy. It holds the token in clear.
    #[must_use]
    pub fn instructions(&self, address: std::net::SocketAddr) -> String {
        let token = self.token.expose_secret();
        format!(
            "\n\
             A sample organization was added: {NAME} (slug {SLUG}).\n\
             This token opens the platform's routes until the server stops. It is shown this once:\n\
             \n    {token}\n\n\
             Try it:\n\
             \n    curl -H 'Authorization: Bearer {token}' http://{address}/api/v1/organizations\n"
        )
    }
}
