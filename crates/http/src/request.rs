//! What is known of one request while it is answered.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use db::Origin;
use kernel::{Actor, Locale, OrganizationId};

use crate::error::{ApiError, ErrorCode};
use crate::guard::{RateState, RateVerdict};
use crate::routes;
use crate::routes::RouteInfo;
use crate::trace::TraceContext;

/// One request, from the edge to the handler and back: what came with it, and what was found out on the way.
///
/// The edge makes it, the route and its guard add to it, and the edge reads it again for the log line and the headers of
/// the answer. Cloning it is one atomic increment.
#[derive(Clone, Debug)]
pub struct RequestContext {
    exchange: Arc<Exchange>,
}

#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) request_id: HeaderValue,
    /// On the monotonic clock.
    pub(crate) started: Duration,
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) client_ip: Option<IpAddr>,
    pub(crate) user_agent: Option<HeaderValue>,
    pub(crate) accept_language: Option<HeaderValue>,
    pub(crate) if_none_match: Option<HeaderValue>,
    pub(crate) trace: Option<TraceContext>,
    pub(crate) route: OnceLock<Arc<RouteInfo>>,
    pub(crate) caller: OnceLock<(Arc<Actor>, OrganizationId)>,
    pub(crate) body_digest: OnceLock<[u8; 32]>,
    pub(crate) rate: OnceLock<RateState>,
    pub(crate) condition_checked: AtomicBool,
}

/// The lines of a field as one: a list may be sent in several, which mean the same as one with commas between them (RFC 9110,
/// section 5.3).
pub(crate) fn joined(headers: &HeaderMap, name: HeaderName) -> Option<HeaderValue> {
    let mut lines = headers.get_all(name).iter();
    let first = lines.next()?;
    let Some(second) = lines.next() else {
        return Some(first.clone());
    };
    let all = [first, second].into_iter().chain(lines).map(HeaderValue::as_bytes);
    let whole = all.collect::<Vec<_>>().join(b", ".as_slice());
    // What each line may hold, all of them may, so this is always a value.
    Some(HeaderValue::from_bytes(&whole).unwrap_or_else(|_| first.clone()))
}

impl RequestContext {
    pub(crate) fn new(exchange: Exchange) -> Self {
        Self {
            exchange: Arc::new(exchange),
        }
    }

    pub(crate) fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// The request's id: the client's own when it was well-formed, else made here. Also in the answer and in the log.
    #[must_use]
    pub fn request_id(&self) -> &str {
        // Only visible ASCII gets this far, so the fallback is never used.
        self.exchange.request_id.to_str().unwrap_or_default()
    }

    /// The client's address: the peer of the connection, or what a trusted proxy says.
    #[must_use]
    pub fn client_ip(&self) -> Option<IpAddr> {
        self.exchange.client_ip
    }

    /// The `User-Agent` header, when it is text: at most its first 512 characters, since it is kept with every change.
    #[must_use]
    pub fn user_agent(&self) -> Option<&str> {
        const KEPT: usize = 512;
        let text = self.exchange.user_agent.as_ref()?.to_str().ok()?;
        Some(text.get(..KEPT).unwrap_or(text))
    }

    /// The language of messages, from `Accept-Language`.
    #[must_use]
    pub fn locale(&self) -> Locale {
        self.exchange
            .accept_language
            .as_ref()
            .and_then(|value| value.to_str().ok())
            .map_or_else(Locale::default, Locale::negotiate)
    }

    /// Where the request came from, for the audit entry of what it changes.
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin {
            request_id: Some(self.request_id().to_owned()),
            ip: self.client_ip(),
            user_agent: self.user_agent().map(str::to_owned),
        }
    }

    /// Lets the request through, or not, as a limiter says; the answer tells what is left either way.
    ///
    /// # Errors
    /// `RATE_LIMIT_EXCEEDED`.
    pub fn limit(&self, verdict: RateVerdict) -> Result<(), ApiError> {
        match verdict {
            RateVerdict::Unlimited => Ok(()),
            RateVerdict::Allowed(state) => {
                let _ = self.exchange.rate.set(state);
                Ok(())
            }
            RateVerdict::Refused(state) => {
                let _ = self.exchange.rate.set(state);
                let wait = Duration::from_secs(u64::from(state.reset_seconds));
                Err(ApiError::new(ErrorCode::RateLimitExceeded).retry_after(wait))
            }
        }
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.exchange.method
    }

    /// The path as it was sent, prefix included.
    #[must_use]
    pub fn path(&self) -> &str {
        self.exchange.uri.path()
    }

    /// The path under the documented prefix, under whichever the client wrote it: the same route answers.
    pub(crate) fn documented_path(&self) -> Cow<'_, str> {
        routes::documented(self.path())
    }

    /// The query as it was sent, without the question mark.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.exchange.uri.query()
    }

    /// The W3C trace context that came with the request, for calls made on its behalf.
    #[must_use]
    pub fn trace(&self) -> Option<&TraceContext> {
        self.exchange.trace.as_ref()
    }

    /// The route that answers, once it is known.
    pub(crate) fn route(&self) -> Option<&Arc<RouteInfo>> {
        self.exchange.route.get()
    }

    pub(crate) fn condition_was_checked(&self) -> bool {
        self.exchange.condition_checked.load(Ordering::Relaxed)
    }

    pub(crate) fn note_condition_checked(&self) {
        self.exchange.condition_checked.store(true, Ordering::Relaxed);
    }
}
