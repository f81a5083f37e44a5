//! The spans of requests, where traces are exported: OpenTelemetry's names for an HTTP server
//! (<https://opentelemetry.io/docs/specs/semconv/http/http-spans/>), and the caller's trace as their parent.

use http::{RequestContext, SpanMaker, TraceContext};
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Makes the span of each request a part of the trace that its `traceparent` names; without one it begins a trace of its own.
///
/// Neither the path nor the query is told: a search may hold a name or a number. The route says where it went.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestSpans;

impl SpanMaker for RequestSpans {
    fn span(&self, request: &RequestContext) -> Span {
        let span = tracing::info_span!(
            target: "lastro::http",
            "request",
            otel.kind = "server",
            requestId = request.request_id(),
            http.request.method = request.method().as_str(),
            http.route = Empty,
            http.response.status_code = Empty,
            otel.status_code = Empty,
        );
        if let Some(caller) = request.trace().and_then(remote) {
            // It can only fail where traces are off or this request is not recorded, and then there is nothing to do.
            let _ = span.set_parent(caller);
        }
        span
    }
}

fn remote(caller: &TraceContext) -> Option<Context> {
    let position = SpanContext::new(
        TraceId::from_hex(caller.trace_id()).ok()?,
        SpanId::from_hex(caller.parent_id()).ok()?,
        TraceFlags::default().with_sampled(caller.is_sampled()),
        true,
        TraceState::NONE,
    );
    Some(Context::new().with_remote_span_context(position))
}
