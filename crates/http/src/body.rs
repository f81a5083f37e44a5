//! Reading bodies: the last argument of a handler that takes one.
//!
//! It is the last so that it is read last: a client that lacks the permission gets 403 whatever it sends, and its body is
//! never looked at.

use axum::body::Body as Stream;
use axum::extract::{FromRef, FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, header};
use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http_body_util::BodyExt as _;
use kernel::{Rule, RuleViolation};
use sha2::{Digest as _, Sha256};

use crate::app::App;
use crate::error::{ApiError, Details, ErrorCode, Message};
use crate::input::Input;
use crate::json::{Fields, Flaw, Json, flaws};
use crate::problems::{Problems, is_tenant_field, path_of_steps};
use crate::request::RequestContext;

/// A body of JSON, decoded into an [`input!`](crate::input!) with all its problems told at once.
#[derive(Clone, Debug)]
pub struct Body<T: Input>(pub T);

impl<S, T> FromRequest<S> for Body<T>
where
    S: Send + Sync,
    T: Input,
    App: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let tree = Tree::read(request, App::from_ref(state), Presence::Required);
        tree.await?.decode().map(Self)
    }
}

/// The body of a request that has nothing to say: none, or an empty object.
#[derive(Clone, Copy, Debug)]
pub struct NoBody;

impl<S> FromRequest<S> for NoBody
where
    S: Send + Sync,
    App: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let tree = Tree::read(request, App::from_ref(state), Presence::Optional);
        tree.await?.decode::<Nothing>().map(|_| Self)
    }
}

/// A body of which every field can be absent: none at all is an empty object.
#[derive(Clone, Debug)]
pub struct OptionalBody<T: Input>(pub T);

impl<S, T> FromRequest<S> for OptionalBody<T>
where
    S: Send + Sync,
    T: Input,
    App: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let tree = Tree::read(request, App::from_ref(state), Presence::Optional);
        tree.await?.decode().map(Self)
    }
}

crate::input! {
    /// An object without fields.
    struct Nothing {}
}

/// A body that is not JSON, such as a picture: its bytes and its content type, within the limit of every body.
#[derive(Clone, Debug)]
pub struct RawBody {
    /// The media type without parameters, in lower case; empty when the client named none.
    pub media_type: String,
    /// The bytes.
    pub bytes: Bytes,
}

impl<S> FromRequest<S> for RawBody
where
    S: Send + Sync,
    App: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let (context, headers, body) = open(request)?;
        refuse_large(&headers, &App::from_ref(state))?;
        let bytes = collect(body, &App::from_ref(state)).await?;
        note_digest(&context, &headers, &bytes);
        let media_type = headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let (media_type, _) = media_type.split_once(';').unwrap_or((media_type, ""));
        Ok(Self {
            media_type: media_type.trim().to_ascii_lowercase(),
            bytes,
        })
    }
}

fn open(request: Request) -> Result<(RequestContext, HeaderMap, Stream), ApiError> {
    let (mut parts, body) = request.into_parts();
    let context = parts
        .extensions
        .remove::<RequestContext>()
        .ok_or_else(|| ApiError::internal("a handler was reached around the edge"))?;
    Ok((context, parts.headers, body))
}

fn is_tenant_scoped(context: &RequestContext) -> bool {
    context.route().is_some_and(|route| route.access().is_tenant_scoped())
}

/// Refuses by the declared length, before a byte is read.
fn refuse_large(headers: &HeaderMap, app: &App) -> Result<(), ApiError> {
    let declared = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > app.config().body_limit) {
        return Err(ApiError::new(ErrorCode::ValidationPayloadTooLarge));
    }
    Ok(())
}

fn is_empty_length(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_LENGTH)
        .is_some_and(|length| length.as_bytes() == b"0")
}

/// Reads the whole body, within its size and its time.
async fn collect(body: Stream, app: &App) -> Result<Bytes, ApiError> {
    let reading = read(body, app.config().body_limit);
    tokio::time::timeout(app.config().body_timeout, reading)
        .await
        .unwrap_or_else(|_| Err(incomplete()))
}

async fn read(mut body: Stream, limit: usize) -> Result<Bytes, ApiError> {
    let mut first = Bytes::new();
    let mut joined = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| incomplete())?.into_data() else {
            continue;
        };
        if first.len() + joined.len() + data.len() > limit {
            return Err(ApiError::new(ErrorCode::ValidationPayloadTooLarge));
        }
        // Most bodies arrive in one piece, which need not be copied.
        if first.is_empty() && joined.is_empty() {
            first = data;
        } else {
            if joined.is_empty() {
                joined.extend_from_slice(&std::mem::take(&mut first));
            }
            joined.extend_from_slice(&data);
        }
    }
    Ok(if joined.is_empty() { first } else { joined.freeze() })
}

fn incomplete() -> ApiError {
    ApiError::new(ErrorCode::ValidationMalformedJson)
        .because(Message::new(
            "The body did not arrive completely.",
            "O corpo não chegou por completo.",
        ))
        .with_header(header::CONNECTION, HeaderValue::from_static("close"))
}

/// `application/json`, or a type built on it such as `application/merge-patch+json`, in UTF-8 and not compressed: a small
/// body could unpack to any size.
fn require_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let media_type = types
        .next()
        .and_then(|value| value.to_str().ok())
        .filter(|_| types.next().is_none());
    let is_plain = headers
        .get(header::CONTENT_ENCODING)
        .is_none_or(|encoding| encoding == "identity");
    if is_plain && media_type.is_some_and(is_json) {
        Ok(())
    } else {
        Err(ApiError::new(ErrorCode::ValidationUnsupportedMediaType))
    }
}

fn is_json(media_type: &str) -> bool {
    let mut parts = media_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let subtype = essence.strip_prefix("application/").unwrap_or_default();
    let is_utf_8 = parts.all(|parameter| match parameter.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    });
    is_utf_8 && (subtype == "json" || (subtype.ends_with("+json") && subtype.len() > "+json".len()))
}

/// Keeps the digest by which a repeated request is told from another one with the same key. Requests without a key do not
/// pay for it.
fn note_digest(context: &RequestContext, headers: &HeaderMap, bytes: &[u8]) {
    if headers.contains_key(crate::write::IDEMPOTENCY_KEY) {
        let _ = context.exchange().body_digest.set(Sha256::digest(bytes).into());
    }
}

fn malformed(error: &serde_json::Error) -> ApiError {
    ApiError::new(ErrorCode::ValidationMalformedJson).with_details(Details::Other(
        serde_json::json!({ "line": error.line(), "column": error.column() }),
    ))
}

/// Whether there must be a body.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    Required,
    /// None at all is an empty object.
    Optional,
}

/// A body of JSON with what is wrong with it whatever it means, so that all that is not about its meaning is compiled once.
struct Tree {
    json: Json,
    is_tenant_scoped: bool,
    problems: Problems,
    /// Fields at the top that name a tenant: refused even where an input declares such a field by mistake.
    tenants: Vec<String>,
}

impl Tree {
    /// Boxed, because what a generic function awaits is compiled with each of its kinds.
    fn read(request: Request, app: App, presence: Presence) -> BoxFuture<'static, Result<Self, ApiError>> {
        async move {
            let (context, headers, body) = open(request)?;
            refuse_large(&headers, &app)?;
            let says_nothing = !headers.contains_key(header::CONTENT_TYPE) || is_empty_length(&headers);
            let is_expected = presence == Presence::Required || !says_nothing;
            if is_expected {
                require_json(&headers)?;
            }
            let bytes = collect(body, &app).await?;
            note_digest(&context, &headers, &bytes);
            let json = if bytes.is_empty() && presence == Presence::Optional {
                Json::Object(Fields::default())
            } else {
                if !is_expected {
                    require_json(&headers)?;
                }
                Json::parse(&bytes).map_err(|error| malformed(&error))?
            };
            Ok(Self::of(json, is_tenant_scoped(&context)))
        }
        .boxed()
    }

    fn of(json: Json, is_tenant_scoped: bool) -> Self {
        let mut problems = Problems::default();
        flaws(&json, &mut |steps, flaw| {
            if problems.is_full() {
                return;
            }
            let rule = match flaw {
                Flaw::Duplicate => Rule::DuplicateField,
                Flaw::Nul => Rule::ControlCharacter,
            };
            problems.push(path_of_steps(steps), rule);
        });
        let mut tenants = Vec::new();
        if let Json::Object(Fields(fields)) = &json
            && is_tenant_scoped
        {
            for (name, _) in fields {
                if is_tenant_field(name) && !tenants.contains(name) {
                    tenants.push(name.clone());
                }
            }
        }
        Self {
            json,
            is_tenant_scoped,
            problems,
            tenants,
        }
    }

    /// What it means, or all its problems together.
    fn decode<T: Input>(mut self) -> Result<T, ApiError> {
        let json = std::mem::replace(&mut self.json, Json::Null);
        match deserr::deserialize::<T, Json, Problems>(json) {
            Ok(input) if self.problems.is_empty() && self.tenants.is_empty() => Ok(input),
            decoded => Err(self.refusal(decoded.err())),
        }
    }

    fn refusal(mut self, found: Option<Problems>) -> ApiError {
        if let Some(found) = found {
            self.problems.extend(found);
        }
        if self.is_tenant_scoped {
            self.problems.name_tenant_fields();
        }
        let mut violations = self.problems.into_violations();
        for name in self.tenants {
            let violation = RuleViolation::new(name, Rule::TenantInPayload);
            if !violations.contains(&violation) {
                violations.push(violation);
            }
        }
        ApiError::violations(violations)
    }
}
