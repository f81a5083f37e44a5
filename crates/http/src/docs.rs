//! The documentation for people and programs: `/openapi.json` and the page at `/docs` that shows it.
//!
//! The page's assets are inside the binary, and its content security policy lets it load nothing from anywhere else.

use std::sync::{Arc, OnceLock};

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Response, header};
use bytes::Bytes;
use utoipa_swagger_ui::Config;

use crate::doc::Doc;
use crate::error::ApiError;
use crate::guard::Public;
use crate::openapi;
use crate::path::PathText;
use crate::routes::{RouteInfo, Routes};

crate::public_reason! {
    /// For whoever writes a client.
    pub(crate) struct Documentation = "the documentation is the same for everyone";
}

/// Scripts, styles, fonts and requests from here only; nothing inline but the pictures in the style sheet.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
/// The files change with the binary only.
const AN_HOUR: HeaderValue = HeaderValue::from_static("public, max-age=3600");

/// The table of routes, complete once all are registered, and the document made of it when somebody asks.
#[derive(Clone)]
pub(crate) struct Docs {
    version: &'static str,
    table: Arc<OnceLock<Vec<Arc<RouteInfo>>>>,
    document: Arc<OnceLock<Bytes>>,
    page: Arc<Config<'static>>,
}

impl Docs {
    pub(crate) fn new(version: &'static str) -> Self {
        let page = Config::from("/openapi.json")
            // Without the bar that would load documents from elsewhere.
            .use_base_layout()
            .validator_url("none")
            .deep_linking(true)
            .display_request_duration(true)
            .doc_expansion("none")
            .filter(true);
        Self {
            version,
            table: Arc::default(),
            document: Arc::default(),
            page: Arc::new(page),
        }
    }

    /// Tells it all routes, its own among them.
    pub(crate) fn complete(&self, table: Vec<Arc<RouteInfo>>) {
        // Set once, by the one who assembles the routes.
        let _ = self.table.set(table);
    }

    fn document(&self) -> Bytes {
        let render = || {
            let table = self.table.get().map(Vec::as_slice).unwrap_or_default();
            Bytes::from(openapi::document(table, self.version).to_string())
        };
        self.document.get_or_init(render).clone()
    }

    /// One of the page's files.
    fn file(&self, name: &str) -> Result<Response<Body>, ApiError> {
        let file = utoipa_swagger_ui::serve(name, Arc::clone(&self.page))
            .map_err(|error| ApiError::internal(format!("the documentation page: {error}")))?
            .ok_or_else(ApiError::not_found)?;
        let content_type = HeaderValue::try_from(file.content_type)
            .map_err(|_| ApiError::internal("the documentation page has a file without a type"))?;
        let mut response = Response::new(Body::from(file.bytes.into_owned()));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, content_type);
        headers.insert(header::CACHE_CONTROL, AN_HOUR);
        headers.insert(header::CONTENT_SECURITY_POLICY, PAGE_POLICY);
        if file.gzpipped {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        Ok(response)
    }
}

pub(crate) fn routes() -> Routes<Docs> {
    Routes::at_root("documentation", "This document, for programs and for people.")
        .get(
            "/openapi.json",
            document,
            Doc::new("getOpenApi", "This document").answers_verbatim("application/json", "OpenAPI 3.1"),
        )
        .get(
            "/docs",
            page,
            Doc::new("getDocs", "This document as a page").answers_verbatim("text/html", "The page"),
        )
        .get(
            "/docs/{file}",
            file,
            Doc::new("getDocsFile", "A file of the page").answers_verbatim("application/octet-stream", "The file"),
        )
}

async fn document(_: Public<Documentation>, State(docs): State<Docs>) -> Response<Body> {
    let mut response = Response::new(Body::from(docs.document()));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The page is found at `/docs`, its files below it; the distributed page expects both in one folder.
async fn page(_: Public<Documentation>, State(docs): State<Docs>) -> Result<Response<Body>, ApiError> {
    let (parts, body) = docs.file("index.html")?.into_parts();
    let html = axum::body::to_bytes(body, usize::MAX)
        .await
        .map_err(|_| ApiError::internal("the documentation page cannot be read"))?;
    let html = String::from_utf8_lossy(&html)
        .replace("\"./", "\"docs/")
        .replace("\"index.css\"", "\"docs/index.css\"")
        .replace("<title>Swagger UI</title>", "<title>Lastro API</title>");
    Ok(Response::from_parts(parts, Body::from(html)))
}

async fn file(
    _: Public<Documentation>,
    PathText(name): PathText,
    State(docs): State<Docs>,
) -> Result<Response<Body>, ApiError> {
    docs.file(&name)
}
