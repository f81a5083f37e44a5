//! The documentation for people and programs: `/openapi.json` and the page at `/docs` that shows it.
//!
//! The page's assets are inside the binary, and its content security policy lets it load nothing from anywhere else.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{Arc, OnceLock};

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Response, header};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use parking_lot::RwLock;
use utoipa_swagger_ui::Config;

use crate::answer::validator;
use crate::doc::Doc;
use crate::error::ApiError;
use crate::guard::Public;
use crate::openapi;
use crate::path::PathText;
use crate::request::joined;
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

/// The document is looked at again by whoever keeps it: its tag tells whether it is another one.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");
/// The encoding in which everything here is kept beside its plain form.
const GZIP: HeaderValue = HeaderValue::from_static("gzip");

/// The table of routes, complete once all are registered, and what is made of it when somebody asks.
#[derive(Clone)]
pub(crate) struct Docs {
    version: &'static str,
    table: Arc<OnceLock<Vec<Arc<RouteInfo>>>>,
    document: Arc<OnceLock<File>>,
    page: Arc<Config<'static>>,
    /// The page's files that were asked for. There are as many as the page has.
    files: Arc<RwLock<HashMap<String, Arc<File>>>>,
}

/// Something that is the same for everyone until the binary changes: compressed once, with a strong tag for each of its forms.
struct File {
    content_type: HeaderValue,
    caching: HeaderValue,
    plain: Form,
    gzipped: Form,
}

/// The bytes of a file in one encoding.
struct Form {
    tag: HeaderValue,
    bytes: Bytes,
}

impl Form {
    fn new(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self {
            tag: validator(&bytes),
            bytes,
        }
    }
}

impl File {
    fn new(content_type: &str, caching: HeaderValue, plain: impl Into<Bytes>) -> Result<Self, ApiError> {
        let plain = Form::new(plain);
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let written = encoder.write_all(&plain.bytes).and_then(|()| encoder.finish());
        Ok(Self {
            content_type: HeaderValue::try_from(content_type)
                .map_err(|_| ApiError::internal("the documentation has a file without a type"))?,
            caching,
            gzipped: Form::new(written.map_err(|error| ApiError::internal(error.to_string()))?),
            plain,
        })
    }

    /// The file in the best form that the client takes.
    fn answer(&self, request: &HeaderMap) -> Response<Body> {
        let is_gzipped = takes_gzip(request) && self.gzipped.bytes.len() < self.plain.bytes.len();
        let form = if is_gzipped { &self.gzipped } else { &self.plain };
        let mut response = Response::new(Body::from(form.bytes.clone()));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, self.content_type.clone());
        headers.insert(header::CACHE_CONTROL, self.caching.clone());
        headers.insert(header::ETAG, form.tag.clone());
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if is_gzipped {
            headers.insert(header::CONTENT_ENCODING, GZIP);
        }
        response
    }
}

/// Whether `Accept-Encoding` names gzip, or everything, and does not refuse it with a quality of nothing (RFC 9110, section 12.5.3).
fn takes_gzip(request: &HeaderMap) -> bool {
    let listed = joined(request, header::ACCEPT_ENCODING);
    let listed = listed
        .as_ref()
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let named = |wanted: &str| {
        listed.split(',').find_map(|element| {
            let (coding, parameter) = element.split_once(';').unwrap_or((element, "q=1"));
            coding.trim().eq_ignore_ascii_case(wanted).then(|| {
                let quality = parameter.trim().trim_start_matches(['q', 'Q', '=']);
                quality.bytes().any(|digit| (b'1'..=b'9').contains(&digit))
            })
        })
    };
    named("gzip").or_else(|| named("*")).unwrap_or(false)
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
            files: Arc::default(),
        }
    }

    /// Tells it all routes, its own among them.
    pub(crate) fn complete(&self, table: Vec<Arc<RouteInfo>>) {
        // Set once, by the one who assembles the routes.
        let _ = self.table.set(table);
    }

    fn document(&self) -> Result<&File, ApiError> {
        if let Some(document) = self.document.get() {
            return Ok(document);
        }
        let table = self.table.get().map(Vec::as_slice).unwrap_or_default();
        let text = openapi::document(table, self.version).to_string();
        let file = File::new("application/json", ASK_AGAIN, text)?;
        Ok(self.document.get_or_init(|| file))
    }

    /// One of the page's files.
    fn file(&self, name: &str) -> Result<Arc<File>, ApiError> {
        if let Some(file) = self.files.read().get(name) {
            return Ok(Arc::clone(file));
        }
        let file = utoipa_swagger_ui::serve(name, Arc::clone(&self.page))
            .map_err(|error| ApiError::internal(format!("the documentation page: {error}")))?
            .ok_or_else(ApiError::not_found)?;
        if file.gzpipped {
            return Err(ApiError::internal(
                "the documentation page has a file that is compressed already",
            ));
        }
        let bytes = if name == INDEX {
            Bytes::from(index(&file.bytes))
        } else {
            Bytes::from(file.bytes.into_owned())
        };
        let file = Arc::new(File::new(&file.content_type, AN_HOUR, bytes)?);
        self.files.write().insert(name.to_owned(), Arc::clone(&file));
        Ok(file)
    }
}

const INDEX: &str = "index.html";

/// The page is found at `/docs`, its files below it; the distributed page expects both in one folder.
fn index(distributed: &[u8]) -> String {
    String::from_utf8_lossy(distributed)
        .replace("\"./", "\"docs/")
        .replace("\"index.css\"", "\"docs/index.css\"")
        .replace("<title>Swagger UI</title>", "<title>Lastro API</title>")
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

async fn document(
    _: Public<Documentation>,
    State(docs): State<Docs>,
    request: HeaderMap,
) -> Result<Response<Body>, ApiError> {
    Ok(docs.document()?.answer(&request))
}

async fn page(
    _: Public<Documentation>,
    State(docs): State<Docs>,
    request: HeaderMap,
) -> Result<Response<Body>, ApiError> {
    shown(&docs, INDEX, &request)
}

async fn file(
    _: Public<Documentation>,
    PathText(name): PathText,
    State(docs): State<Docs>,
    request: HeaderMap,
) -> Result<Response<Body>, ApiError> {
    shown(&docs, &name, &request)
}

fn shown(docs: &Docs, name: &str, request: &HeaderMap) -> Result<Response<Body>, ApiError> {
    let mut response = docs.file(name)?.answer(request);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, PAGE_POLICY);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_whoever_takes_it() {
        let takes = |lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::ACCEPT_ENCODING, HeaderValue::from_static(line));
            }
            takes_gzip(&headers)
        };
        for lines in [
            &["gzip"][..],
            &["br;q=1.0, GZIP;q=0.8"],
            &["*"],
            &["gzip;q=0.001"],
            &["br", "gzip"],
            &["*;q=0, gzip"],
        ] {
            assert!(takes(lines), "{lines:?}");
        }
        for lines in [
            &[][..],
            &[""],
            &["br"],
            &["gzip;q=0"],
            &["gzip; q=0.000, *"],
            &["identity"],
            &["xgzip"],
        ] {
            assert!(!takes(lines), "{lines:?}");
        }
    }
}
