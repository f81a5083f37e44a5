//! W3C trace context (<https://www.w3.org/TR/trace-context/>), in and out.

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use opentelemetry::Context;
use opentelemetry::context::FutureExt as _;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::propagation::TraceContextPropagator;

use super::scrub::scrub;

/// Answers the request as a part of the trace that its `traceparent` names: spans begun meanwhile become children of the
/// caller's. Without a well-formed header they begin a trace of their own.
pub async fn continue_trace(request: Request, next: Next) -> Response {
    match remote(request.headers()) {
        Some(caller) => next.run(request).with_context(caller).await,
        None => next.run(request).await,
    }
}

/// Puts the current span into the headers of a request that leaves this server.
pub fn inject(headers: &mut HeaderMap) {
    TraceContextPropagator::new().inject(&mut HeaderInjector(headers));
}

fn remote(headers: &HeaderMap) -> Option<Context> {
    headers.get("traceparent")?;
    let states = headers.get_all("tracestate");
    // A vendor's state travels on with the trace; one that carries personal data does not.
    let is_clean = states.iter().all(|state| {
        state
            .to_str()
            .is_ok_and(|text| matches!(scrub(text), std::borrow::Cow::Borrowed(_)))
    });
    let caller = if is_clean {
        extract(headers)
    } else {
        let mut without = HeaderMap::new();
        without.extend(
            headers
                .get("traceparent")
                .map(|parent| (axum::http::HeaderName::from_static("traceparent"), parent.clone())),
        );
        extract(&without)
    };
    caller.span().span_context().is_valid().then_some(caller)
}

fn extract(headers: &HeaderMap) -> Context {
    TraceContextPropagator::new().extract_with_context(&Context::new(), &HeaderExtractor(headers))
}
