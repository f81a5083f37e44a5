//! A client that speaks HTTP to the router under test.

use std::net::{IpAddr, SocketAddr};

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

/// Somebody who calls.
#[derive(Clone)]
pub struct Client {
    pub(crate) edge: http::Edge,
    pub(crate) credential: Option<String>,
}

/// A request that is being put together.
pub struct Call {
    client: Client,
    request: axum::http::request::Builder,
    body: Body,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; null when there is none.
    pub json: Value,
    /// The body as it came.
    pub bytes: Vec<u8>,
}

impl Client {
    /// `GET`.
    #[must_use]
    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    /// `POST`.
    #[must_use]
    pub fn post(&self, path: &str) -> Call {
        self.call(Method::POST, path)
    }

    /// `PATCH`.
    #[must_use]
    pub fn patch(&self, path: &str) -> Call {
        self.call(Method::PATCH, path)
    }

    /// `PUT`.
    #[must_use]
    pub fn put(&self, path: &str) -> Call {
        self.call(Method::PUT, path)
    }

    /// `DELETE`.
    #[must_use]
    pub fn delete(&self, path: &str) -> Call {
        self.call(Method::DELETE, path)
    }

    /// Any method; `path` begins with a slash and is below `/api/v1` unless it says otherwise.
    #[must_use]
    pub fn call(&self, method: Method, path: &str) -> Call {
        let outside = [
            "/api/",
            "/v1/",
            "/health",
            "/openapi.json",
            "/docs",
            "/metrics",
            "/.well-known",
        ];
        let prefix = if outside.iter().any(|prefix| path.starts_with(prefix)) {
            ""
        } else {
            "/api/v1"
        };
        let mut request = Request::builder().method(method).uri(format!("{prefix}{path}"));
        if let Some(credential) = &self.credential {
            request = request.header(header::AUTHORIZATION, format!("Bearer {credential}"));
        }
        Call {
            client: self.clone(),
            request,
            body: Body::empty(),
        }
    }
}

impl Call {
    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// Sends it from this address, as if the connection came from there.
    #[must_use]
    pub fn from_ip(mut self, address: IpAddr) -> Self {
        self.request = self.request.extension(http::Peer(SocketAddr::new(address, 40_000)));
        self
    }

    /// Sends this JSON.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.raw("application/json", body.to_string())
    }

    /// Sends this body, whatever it is.
    #[must_use]
    pub fn raw(mut self, content_type: &str, body: impl Into<Body>) -> Self {
        self.request = self.request.header(header::CONTENT_TYPE, content_type);
        self.body = body.into();
        self
    }

    /// Sends the request and reads the whole answer.
    ///
    /// # Panics
    /// When the request is malformed or the answer's body breaks off: a defect of the test or of the server.
    #[expect(clippy::expect_used, reason = "a test that cannot ask its question has failed")]
    pub async fn send(self) -> Reply {
        let request = self.request.body(self.body).expect("a well-formed request");
        let Ok(response) = self.client.edge.oneshot(request).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a whole answer").to_bytes().to_vec();
        let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Reply {
            status: parts.status,
            headers: parts.headers,
            json,
            bytes,
        }
    }
}

impl Reply {
    /// The reply itself, when it has this status.
    ///
    /// # Panics
    /// When it has another, showing what came instead.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.bytes));
        self
    }

    /// The reply itself, when it is this refusal.
    ///
    /// # Panics
    /// When it is another answer, showing it.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Self {
        let reply = self.expect(status);
        assert_eq!(reply.code(), code, "{}", String::from_utf8_lossy(&reply.bytes));
        reply
    }

    /// What stands under `data`.
    #[must_use]
    pub fn data(&self) -> &Value {
        self.json.get("data").unwrap_or(&Value::Null)
    }

    /// What stands under `meta`.
    #[must_use]
    pub fn meta(&self) -> &Value {
        self.json.get("meta").unwrap_or(&Value::Null)
    }

    /// The error's code, or nothing.
    #[must_use]
    pub fn code(&self) -> &str {
        self.json
            .pointer("/error/code")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// The error's details as `field: code`, in their order.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let details = self.json.pointer("/error/details").and_then(Value::as_array);
        let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let problem = |detail: &Value| format!("{}: {}", text(detail, "field"), text(detail, "code"));
        details
            .map(|details| details.iter().map(problem).collect())
            .unwrap_or_default()
    }

    /// A header's text, or nothing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The `id` of the object.
    #[must_use]
    pub fn id(&self) -> String {
        self.data()
            .get("id")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    }
}
