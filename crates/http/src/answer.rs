//! Answers: rendered once, with their envelope and their version.
//!
//! An [`Answer`] is bytes. It has to be, because a unit of work stores it beside the change, to be replayed to a client
//! that repeats its `Idempotency-Key`.
//!
//! The `ETag` of a single object is the SHA-256 (its first 16 bytes, in hexadecimal) of the object's rendered `data`: a
//! strong validator that needs no version column, and that changes exactly when something a client can see changes.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use kernel::Timestamp;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::error::{ApiError, ErrorCode};
use crate::request::RequestContext;

/// Marks an answer that was stored by an earlier request with the same `Idempotency-Key`.
pub(crate) const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A successful answer, rendered.
///
/// The constructors return a `Result` so that a handler can end with one: rendering fails only for a view that is no JSON,
/// a defect that becomes a 500.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
    secrecy: Secrecy,
}

/// Whether an answer may be kept as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Secrecy {
    /// It carries no secret.
    #[default]
    None,
    /// It carries one, and was not sealed.
    Open,
    /// It carries one, and this is its body as it is kept, until then.
    Sealed(Vec<u8>, Timestamp),
}

impl Answer {
    /// 200 with one object, and its `ETag`.
    ///
    /// # Errors
    /// `INTERNAL` when the view cannot be rendered.
    pub fn ok<T: Serialize + ?Sized>(data: &T) -> Result<Self, ApiError> {
        Self::object(StatusCode::OK, data, None::<&()>)
    }

    /// 200 with one object, its `ETag`, and a `meta` beside it.
    ///
    /// # Errors
    /// `INTERNAL` when the view cannot be rendered.
    pub fn ok_with_meta<T, M>(data: &T, meta: &M) -> Result<Self, ApiError>
    where
        T: Serialize + ?Sized,
        M: Serialize + ?Sized,
    {
        Self::object(StatusCode::OK, data, Some(meta))
    }

    /// 201 with the object made, its `ETag`, and the `Location` it is found at. The location is the path below the
    /// prefix, such as `/organizations/0190…`; the documented prefix is put before it.
    ///
    /// # Errors
    /// `INTERNAL` when the view cannot be rendered, or the location is not a path.
    pub fn created<T: Serialize + ?Sized>(location: &str, data: &T) -> Result<Self, ApiError> {
        let location = HeaderValue::from_str(&format!("{}{location}", crate::routes::PREFIX))
            .map_err(|_| ApiError::internal("a Location is not a valid header value"))?;
        let mut answer = Self::object(StatusCode::CREATED, data, None::<&()>)?;
        answer.headers.push((header::LOCATION, location));
        Ok(answer)
    }

    /// 202: the work was accepted and is done later.
    ///
    /// # Errors
    /// `INTERNAL` when the view cannot be rendered.
    pub fn accepted<T: Serialize + ?Sized>(data: &T) -> Result<Self, ApiError> {
        let (body, _) = envelope(data, None::<&()>)?;
        Ok(Self {
            status: StatusCode::ACCEPTED,
            headers: vec![(header::CONTENT_TYPE, JSON)],
            body,
            secrecy: Secrecy::None,
        })
    }

    /// 204: done, and there is nothing to say.
    #[must_use]
    pub fn no_content() -> Self {
        Self {
            status: StatusCode::NO_CONTENT,
            headers: Vec::new(),
            body: Bytes::new(),
            secrecy: Secrecy::None,
        }
    }

    /// 200 with a list and its `meta`. A list has no `ETag`.
    ///
    /// # Errors
    /// `INTERNAL` when a view cannot be rendered.
    pub fn list<T, M>(items: &[T], meta: &M) -> Result<Self, ApiError>
    where
        T: Serialize,
        M: Serialize + ?Sized,
    {
        let (body, _) = envelope(items, Some(meta))?;
        Ok(Self {
            status: StatusCode::OK,
            headers: vec![(header::CONTENT_TYPE, JSON)],
            body,
            secrecy: Secrecy::None,
        })
    }

    /// Something outside the envelope, as it is: a file, or what another standard prescribes.
    #[must_use]
    pub fn verbatim(status: StatusCode, content_type: HeaderValue, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: vec![(header::CONTENT_TYPE, content_type)],
            body: body.into(),
            secrecy: Secrecy::None,
        }
    }

    fn object<T, M>(status: StatusCode, data: &T, meta: Option<&M>) -> Result<Self, ApiError>
    where
        T: Serialize + ?Sized,
        M: Serialize + ?Sized,
    {
        let (body, etag) = envelope(data, meta)?;
        Ok(Self {
            status,
            headers: vec![(header::CONTENT_TYPE, JSON), (header::ETAG, etag)],
            body,
            secrecy: Secrecy::None,
        })
    }

    /// An answer as it was stored. It is given again as it was, the request id in a refusal's envelope included: that is the
    /// id the log knows the refusal by.
    pub(crate) fn replayed(status: u16, headers: &[(String, String)], body: Vec<u8>) -> Self {
        let headers = headers.iter().filter_map(|(name, value)| {
            Some((
                HeaderName::from_bytes(name.as_bytes()).ok()?,
                HeaderValue::from_str(value).ok()?,
            ))
        });
        let mark = (IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
        Self {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::OK),
            headers: headers.chain([mark]).collect(),
            body: Bytes::from(body),
            secrecy: Secrecy::None,
        }
    }

    /// Says that the answer carries a secret, which is shown this once: under an `Idempotency-Key` it is kept sealed, for ten
    /// minutes, and given again only to the session or key that asked first. Its `ETag` is that of `shown`, the object as it is
    /// read later.
    ///
    /// # Errors
    /// `INTERNAL` when the view cannot be rendered.
    pub fn with_secret<T: Serialize + ?Sized>(mut self, shown: &T) -> Result<Self, ApiError> {
        let (_, etag) = envelope(shown, None::<&()>)?;
        for (name, value) in &mut self.headers {
            if *name == header::ETAG {
                value.clone_from(&etag);
            }
        }
        self.secrecy = Secrecy::Open;
        Ok(self)
    }

    pub(crate) fn secrecy(&self) -> &Secrecy {
        &self.secrecy
    }

    /// The same answer, to be kept so.
    pub(crate) fn kept_as(mut self, secrecy: Secrecy) -> Self {
        self.secrecy = secrecy;
        self
    }

    /// The same answer without a header.
    pub(crate) fn without_header(mut self, name: &HeaderName) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    /// The same answer with another body: that of a kept one, opened.
    pub(crate) fn opened(mut self, body: Vec<u8>) -> Self {
        self.body = Bytes::from(body);
        self.secrecy = Secrecy::None;
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The rendered body; empty for 204.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The value of a header of this answer.
    #[must_use]
    pub fn header(&self, name: &HeaderName) -> Option<&HeaderValue> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = Response::new(if self.body.is_empty() {
            Body::empty()
        } else {
            Body::from(self.body)
        });
        *response.status_mut() = self.status;
        response
            .headers_mut()
            .extend(self.headers.into_iter().map(|(name, value)| (Some(name), value)));
        response
    }
}

/// Renders `{"data": …, "meta": …}`, and the validator of its `data`.
fn envelope<T, M>(data: &T, meta: Option<&M>) -> Result<(Bytes, HeaderValue), ApiError>
where
    T: Serialize + ?Sized,
    M: Serialize + ?Sized,
{
    const OPENING: &[u8] = b"{\"data\":";
    let unrenderable = |error: serde_json::Error| ApiError::internal(format!("a view cannot be rendered: {error}"));
    let mut body = Vec::with_capacity(512);
    body.extend_from_slice(OPENING);
    serde_json::to_writer(&mut body, data).map_err(unrenderable)?;
    let etag = validator(body.get(OPENING.len()..).unwrap_or_default());
    if let Some(meta) = meta {
        body.extend_from_slice(b",\"meta\":");
        serde_json::to_writer(&mut body, meta).map_err(unrenderable)?;
    }
    body.push(b'}');
    Ok((Bytes::from(body), etag))
}

/// The strong entity tag of what is sent.
pub(crate) fn validator(data: &[u8]) -> HeaderValue {
    let digest = Sha256::digest(data);
    let half = digest.get(..16).unwrap_or_default();
    let tag = format!("\"{}\"", kernel::hexadecimal(half));
    HeaderValue::from_str(&tag).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

/// What `If-Match` demands of a change: that the object is still as the client read it.
///
/// It is checked inside the unit of work, against the object as the transaction sees it; checked before, the object could
/// change in between. A change that was asked for under a condition which the handler forgot to check is refused when the
/// unit of work ends (see [`Caller::write`](crate::Caller::write)).
#[derive(Clone, Debug)]
pub struct Precondition {
    if_match: Option<HeaderValue>,
    request: RequestContext,
}

impl Precondition {
    pub(crate) fn new(if_match: Option<HeaderValue>, request: RequestContext) -> Self {
        Self { if_match, request }
    }

    /// Passes when the client set no condition, or names the version of `current`, the view that `GET` answers.
    ///
    /// # Errors
    /// `CONFLICT_VERSION` (412) when the client read another version.
    pub fn check<T: Serialize + ?Sized>(&self, current: &T) -> Result<(), ApiError> {
        self.request.note_condition_checked();
        let Some(if_match) = &self.if_match else { return Ok(()) };
        let mut data = Vec::with_capacity(512);
        serde_json::to_writer(&mut data, current)
            .map_err(|error| ApiError::internal(format!("a view cannot be rendered: {error}")))?;
        if names(if_match, &validator(&data), Comparison::Strong) {
            Ok(())
        } else {
            Err(ApiError::new(ErrorCode::ConflictVersion))
        }
    }

    /// For what has no representation of its own, such as a membership: only `*` can match it.
    ///
    /// # Errors
    /// `CONFLICT_VERSION` (412) when the client names a version.
    pub fn check_unversioned(&self) -> Result<(), ApiError> {
        self.request.note_condition_checked();
        match &self.if_match {
            Some(if_match) if if_match.as_bytes().trim_ascii() != b"*" => {
                Err(ApiError::new(ErrorCode::ConflictVersion))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn is_set(&self) -> bool {
        self.if_match.is_some()
    }
}

/// How entity tags are compared (RFC 9110, section 8.8.3.2).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    /// `If-Match`: a weak tag matches nothing.
    Strong,
    /// `If-None-Match`: weakness is ignored.
    Weak,
}

/// Whether `If-None-Match` names this version, so that 304 says enough.
pub(crate) fn is_known(if_none_match: &HeaderValue, etag: &HeaderValue) -> bool {
    names(if_none_match, etag, Comparison::Weak)
}

fn names(list: &HeaderValue, etag: &HeaderValue, comparison: Comparison) -> bool {
    let list = list.as_bytes().trim_ascii();
    // Our own tags hold hexadecimal digits only, so a comma always separates.
    list == b"*"
        || list
            .split(|byte| *byte == b',')
            .map(<[u8]>::trim_ascii)
            .any(|tag| match tag.strip_prefix(b"W/") {
                Some(tag) => comparison == Comparison::Weak && tag == etag.as_bytes(),
                None => tag == etag.as_bytes(),
            })
}
