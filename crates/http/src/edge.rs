//! The edge: what happens to every request before its route is known and to every answer after it was given.
//!
//! It is one service that does all of it in one pass instead of a stack of layers, because all of it belongs together
//! (a refusal needs the request's id and language, the log line needs the route and the actor) and because it is on the way
//! of every request: the goal is 5 µs from the socket to the handler and back.

use std::convert::Infallible;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use axum::{BoxError, Router};
use bytes::Bytes;
use futures_util::FutureExt as _;
use kernel::Actor;
use tower::Service;
use tower::util::MapResponse;
use tower_http::CompressionLevel;
use tower_http::compression::Compression;
use tower_http::compression::predicate::Predicate;
use tracing::Instrument as _;

use crate::answer::is_known;
use crate::app::App;
use crate::client_ip::{Peer, client_ip};
use crate::cors::Cors;
use crate::error::{ApiError, ErrorCode, Refused};
use crate::metrics::RouteMetrics;
use crate::request::{Exchange, RequestContext, joined};
use crate::routes::RouteInfo;
use crate::trace::TraceContext;

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
pub(crate) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
pub(crate) const RATE_REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
pub(crate) const RATE_RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// For answers that are data: whatever a browser makes of one, it loads and runs nothing.
const NOTHING_TO_LOAD: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
const TWO_YEARS_HTTPS: HeaderValue = HeaderValue::from_static("max-age=63072000; includeSubDomains");

/// The longest request id that is taken over.
const MAX_REQUEST_ID: usize = 128;
/// Below this many bytes compression saves no packet.
const WORTH_COMPRESSING: u64 = 1_024;

/// The whole HTTP surface as a service: routes behind the edge.
///
/// [`serve`](crate::serve) runs it on a socket; tests call it directly.
#[derive(Clone)]
pub struct Edge {
    plain: Plain,
    compressing: Compression<MapResponse<Plain, Decide>, Worthwhile>,
}

/// The edge without compression.
#[derive(Clone)]
struct Plain {
    shared: Arc<Shared>,
    router: Router,
}

/// What the status of an answer was when it was decided on.
#[derive(Clone, Copy)]
struct Decided(StatusCode);

type Decide = fn(Response<Body>) -> Response<Body>;

/// Has the answer carry its status, whatever is made of it.
fn decide(mut response: Response<Body>) -> Response<Body> {
    let decided = Decided(response.status());
    response.extensions_mut().insert(decided);
    response
}

struct Shared {
    app: App,
    cors: Cors,
    is_https: bool,
    ids: RequestIds,
    table: Vec<Arc<RouteInfo>>,
    unmatched: RouteMetrics,
}

impl Edge {
    pub(crate) fn new(app: App, router: Router, table: Vec<Arc<RouteInfo>>) -> Self {
        let shared = Shared {
            cors: Cors::new(&app.config().cors_origins),
            is_https: app.config().base_url.starts_with("https://"),
            ids: RequestIds::new(app.generators().bytes()),
            unmatched: app.metrics().route("*", "unmatched"),
            app,
            table,
        };
        let plain = Plain {
            shared: Arc::new(shared),
            router,
        };
        let compressing = Compression::new(MapResponse::new(plain.clone(), decide as Decide))
            .quality(CompressionLevel::Precise(4))
            .compress_when(Worthwhile);
        Self { plain, compressing }
    }

    /// Every route it answers: for the access matrix, and for tests that drive them all.
    #[must_use]
    pub fn routes(&self) -> &[Arc<RouteInfo>] {
        &self.plain.shared.table
    }

    /// The server's shared parts.
    #[must_use]
    pub fn app(&self) -> &App {
        &self.plain.shared.app
    }
}

impl fmt::Debug for Edge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Edge")
            .field("app", self.app())
            .finish_non_exhaustive()
    }
}

type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl<B> Service<Request<B>> for Edge
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let request = request.map(Body::new);
        if request.headers().contains_key(header::ACCEPT_ENCODING) {
            let answering = self.compressing.call(request);
            Box::pin(async move {
                let mut response = answering.await?;
                // Where a client takes no encoding at all, not even none, the compression makes a 406 of whatever was answered, also
                // of what was done. RFC 9110 section 12.5.3 leaves it to the server: it answers as it would have.
                if let Some(Decided(status)) = response.extensions_mut().remove() {
                    *response.status_mut() = status;
                }
                Ok(response.map(Body::new))
            })
        } else {
            self.plain.call(request)
        }
    }
}

impl Service<Request<Body>> for Plain {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(answer(Arc::clone(&self.shared), self.router.clone(), request).map(Ok))
    }
}

/// One request, from its head to the head of its answer.
async fn answer(shared: Arc<Shared>, mut router: Router, mut request: Request<Body>) -> Response<Body> {
    let context = RequestContext::new(shared.receive(&request));
    let _in_flight = shared.app.metrics().enter();
    let mut ending = Ending {
        shared: Arc::clone(&shared),
        context: context.clone(),
        finished: false,
    };
    let allowed_origin = shared.cors.allowed(request.headers());
    let mut recorded = None;

    let mut response = if let Some(preflight) = shared.cors.preflight(&request) {
        preflight
    } else {
        request.extensions_mut().insert(context.clone());
        let span = shared.span(&context);
        // Only a tracer wants to know more of a request than its id.
        recorded = shared.app.config().span.is_some().then(|| span.clone());
        // Building the handler's future runs some of its code already: it must not escape the nets either.
        let handling = AssertUnwindSafe(async move {
            match router.call(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        })
        .catch_unwind()
        .instrument(span);
        match tokio::time::timeout(shared.app.config().request_timeout, handling).await {
            Ok(Ok(response)) => response,
            Ok(Err(panic)) => refused(ApiError::internal(format!("panic: {}", panic_message(panic.as_ref())))),
            Err(_) => refused(ApiError::unavailable("the request took too long")),
        }
    };

    let refusal = shared.finish(&context, &mut response, allowed_origin);
    match recorded {
        Some(span) => span.in_scope(|| {
            describe(&span, &context, response.status());
            ending.finish(response.status(), refusal.as_deref());
        }),
        None => ending.finish(response.status(), refusal.as_deref()),
    }
    response
}

/// Tells a tracer's span what is only known at the end, in OpenTelemetry's words for HTTP servers. A span without these
/// fields ignores them.
fn describe(span: &tracing::Span, context: &RequestContext, status: StatusCode) {
    if let Some(route) = context.route() {
        span.record("http.route", route.template());
    }
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
}

fn refused(error: ApiError) -> Response<Body> {
    axum::response::IntoResponse::into_response(error)
}

/// What a panic said. It goes to the log; the client gets a 500 with its request id and nothing else.
fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}

impl Shared {
    /// What is known when the head of a request has arrived.
    fn receive(&self, request: &Request<Body>) -> Exchange {
        let headers = request.headers();
        let peer = request.extensions().get::<Peer>().copied();
        Exchange {
            request_id: headers
                .get(REQUEST_ID)
                .filter(|id| is_well_formed(id))
                .cloned()
                .unwrap_or_else(|| self.ids.next()),
            started: self.monotonic(),
            method: request.method().clone(),
            uri: request.uri().clone(),
            client_ip: client_ip(peer, headers, &self.app.config().trusted_proxies),
            user_agent: headers.get(header::USER_AGENT).cloned(),
            accept_language: joined(headers, header::ACCEPT_LANGUAGE),
            if_none_match: joined(headers, header::IF_NONE_MATCH),
            trace: headers
                .get(TRACEPARENT)
                .and_then(|value| TraceContext::parse(value.to_str().ok()?)),
            route: OnceLock::new(),
            caller: OnceLock::new(),
            body_digest: OnceLock::new(),
            rate: OnceLock::new(),
            condition_checked: AtomicBool::new(false),
        }
    }

    fn monotonic(&self) -> Duration {
        self.app.generators().clock.monotonic()
    }

    /// Everything logged while the request is answered carries its id. The level is that of errors, so that the span is there
    /// whenever anything is logged at all.
    fn span(&self, context: &RequestContext) -> tracing::Span {
        match &self.app.config().span {
            None => tracing::error_span!("request", requestId = context.request_id()),
            Some(make) => make.span(context),
        }
    }

    /// Completes an answer: its envelope if it is a refusal, and the headers all answers have.
    fn finish(
        &self,
        context: &RequestContext,
        response: &mut Response<Body>,
        allowed_origin: Option<HeaderValue>,
    ) -> Option<Arc<ApiError>> {
        let refusal = refusal_of(response);
        if let Some(refusal) = &refusal {
            write_refusal(context, response, refusal);
        } else if is_unchanged(context, response) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            *response.body_mut() = Body::empty();
            for of_the_body in [header::CONTENT_TYPE, header::CONTENT_ENCODING] {
                response.headers_mut().remove(of_the_body);
            }
        }
        let headers = response.headers_mut();
        headers.insert(REQUEST_ID, context.exchange().request_id.clone());
        headers.entry(header::CACHE_CONTROL).or_insert(NO_STORE);
        headers
            .entry(header::CONTENT_SECURITY_POLICY)
            .or_insert(NOTHING_TO_LOAD);
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        if self.is_https {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, TWO_YEARS_HTTPS);
        }
        if let Some(rate) = context.exchange().rate.get() {
            // Whoever is refused for a quota hears of that one.
            headers.entry(RATE_LIMIT).or_insert(rate.limit.into());
            headers.entry(RATE_REMAINING).or_insert(rate.remaining.into());
            headers.entry(RATE_RESET).or_insert(rate.reset_seconds.into());
        }
        self.cors.mark(allowed_origin, headers);
        refusal
    }
}

/// The refusal an answer carries, or that stands behind a status which no handler of ours gave.
fn refusal_of(response: &mut Response<Body>) -> Option<Arc<ApiError>> {
    if let Some(Refused(refusal)) = response.extensions_mut().remove::<Refused>() {
        return Some(refusal);
    }
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    // Answers outside the envelope (OAuth's own, a replayed refusal) are JSON already.
    let is_json = |kind: &HeaderValue| kind.as_bytes().starts_with(JSON.as_bytes());
    if !is_error || response.headers().get(header::CONTENT_TYPE).is_some_and(is_json) {
        return None;
    }
    let code = match status {
        StatusCode::NOT_FOUND => ErrorCode::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => ErrorCode::ValidationMethodNotAllowed,
        StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::ValidationPayloadTooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ErrorCode::ValidationUnsupportedMediaType,
        StatusCode::SERVICE_UNAVAILABLE => ErrorCode::InternalUnavailable,
        status if status.is_client_error() => ErrorCode::ValidationFailed,
        _ => ErrorCode::Internal,
    };
    Some(Arc::new(ApiError::new(code).internally("refused outside the handlers")))
}

fn write_refusal(context: &RequestContext, response: &mut Response<Body>, refusal: &ApiError) {
    let locale = context.locale();
    *response.status_mut() = refusal.status();
    let body = refusal.render(locale, context.request_id());
    // The answer to a HEAD says how long its body would be and has none: over HTTP/2 one is a protocol error.
    let length = body.len();
    *response.body_mut() = if *context.method() == Method::HEAD {
        Body::empty()
    } else {
        Body::from(body)
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, JSON);
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(locale.as_str()));
    headers.insert(header::CONTENT_LENGTH, length.into());
    for (name, value) in refusal.headers() {
        headers.insert(name, value);
    }
}

/// Whether the client knows this version already.
fn is_unchanged(context: &RequestContext, response: &Response<Body>) -> bool {
    let exchange = context.exchange();
    response.status() == StatusCode::OK
        && matches!(exchange.method, Method::GET | Method::HEAD)
        && match (&exchange.if_none_match, response.headers().get(header::ETAG)) {
            (Some(if_none_match), Some(etag)) => is_known(if_none_match, etag),
            _ => false,
        }
}

/// The end of a request: one log line and one observation, also when the client went away in the middle.
struct Ending {
    shared: Arc<Shared>,
    context: RequestContext,
    finished: bool,
}

/// What the log says of a request whose client did not wait; no answer has it.
const CLIENT_WENT_AWAY: u16 = 499;

impl Ending {
    fn finish(&mut self, status: StatusCode, refusal: Option<&ApiError>) {
        self.finished = true;
        let latency = self.latency();
        let metrics = self.context.route().and_then(|route| route.metrics());
        metrics.unwrap_or(&self.shared.unmatched).observe(status, latency);
        if let Some(refusal) = refusal {
            self.shared.app.metrics().count_error(refusal.code());
        }
        self.log(status.as_u16(), latency, refusal);
    }

    fn latency(&self) -> Duration {
        self.shared.monotonic().saturating_sub(self.context.exchange().started)
    }

    fn log(&self, status: u16, latency: Duration, refusal: Option<&ApiError>) {
        /// One line for each request; the fields' names are the operators' interface.
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    target: "lastro::access",
                    parent: None,
                    requestId = self.context.request_id(),
                    traceId = self.context.trace().map(TraceContext::trace_id),
                    tenantId = self.context.exchange().caller.get().map(|(_, tenant)| tracing::field::display(tenant)),
                    actor = self.context.exchange().caller.get().map(|(actor, _)| tracing::field::display(ActorName(actor))),
                    method = self.context.method().as_str(),
                    route = self.context.route().map(|route| route.template()),
                    status,
                    latencyMicros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX),
                    code = refusal.map(|refusal| refusal.code().as_str()),
                    detail = refusal.and_then(ApiError::internal_message),
                    "request"
                )
            };
        }
        if status >= 500 {
            line!(error);
        } else {
            line!(info);
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if !self.finished {
            self.log(CLIENT_WENT_AWAY, self.latency(), None);
        }
    }
}

/// An actor in a log line: kind and id, never the name.
struct ActorName<'a>(&'a Actor);

impl fmt::Display for ActorName<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.0.kind, self.0.id)
    }
}

/// 1 to 128 visible ASCII characters.
fn is_well_formed(id: &HeaderValue) -> bool {
    (1..=MAX_REQUEST_ID).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
}

/// Makes request ids: the process's random number and a count. They need to be unique, not unpredictable, and a system call
/// for each request would cost more than the rest of the edge.
struct RequestIds {
    process: u64,
    count: AtomicU64,
}

impl RequestIds {
    fn new(random: [u8; 8]) -> Self {
        Self {
            process: u64::from_be_bytes(random),
            count: AtomicU64::new(0),
        }
    }

    fn next(&self) -> HeaderValue {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        HeaderValue::try_from(format!("{:016x}-{count:08x}", self.process)).unwrap_or(HeaderValue::from_static("-"))
    }
}

/// Compresses what is large and text. An answer with an `ETag` is left as it is: the tag is strong, and two encodings of one
/// object are different bytes (RFC 9110, section 8.8.1).
#[derive(Clone, Copy, Debug)]
struct Worthwhile;

impl Predicate for Worthwhile {
    fn should_compress<B: HttpBody>(&self, response: &Response<B>) -> bool {
        let headers = response.headers();
        let is_large = response
            .body()
            .size_hint()
            .exact()
            .is_none_or(|size| size >= WORTH_COMPRESSING);
        is_large && !headers.contains_key(header::ETAG) && is_text(headers)
    }
}

fn is_text(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    // Events are sent one by one; a compressor would hold them back.
    kind != "text/event-stream"
        && (kind.starts_with("text/")
            || kind.ends_with("+xml")
            || matches!(
                kind,
                "application/json" | "application/x-ndjson" | "application/javascript" | "application/openmetrics-text"
            ))
}
