//! One attempt: from a claimed delivery to what came of it.

use std::time::Duration;

use authz::Undecided;
use bytes::Bytes;
use db::DbError;
use http::App;
use kernel::{Actor, OrganizationId, Timestamp};
use outbound::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT};
use outbound::{Answer, DialError, HeaderMap, SendError, StatusCode};
use serde_json::value::RawValue;
use url::Url;

use crate::domain::Outcome;
use crate::manifest::TEST;
use crate::reading::may_read;
use crate::service::Service;
use crate::signature::Keys;
use crate::store::deliveries::{Claimed, Tried};
use crate::view::{Body, EventView};

const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
/// The largest body that is sent.
const MOST: usize = 256 * 1_024;

/// Where a lane's deliveries go.
pub(super) struct Target {
    pub(super) organization: OrganizationId,
    pub(super) url: Url,
    pub(super) maker: Actor,
    pub(super) keys: Keys,
}

/// What an attempt came to.
struct Came {
    outcome: Outcome,
    status: Option<u16>,
    error: Option<String>,
    body: Option<String>,
}

impl Came {
    fn hopeless(error: &str) -> Self {
        Self {
            outcome: Outcome::Hopeless,
            status: None,
            error: Some(error.to_owned()),
            body: None,
        }
    }
}

/// A delivery that can be begun with: its event was read.
pub(super) struct Ready {
    pub(super) claimed: Claimed,
    /// What happened; `None` when that is no longer kept, or for a test, which carries its own.
    pub(super) event: Option<EventView>,
}

/// Tries a delivery.
///
/// # Errors
/// [`DbError`] when it could not be tried at all: it is then due again when its lease ends.
pub(super) async fn attempt(
    app: &App,
    service: &Service,
    target: &Target,
    Ready { claimed, event }: Ready,
) -> Result<(Tried, Outcome), DbError> {
    let (at, began) = (service.generators.now(), service.generators.clock.monotonic());
    let came = match payload(app, service, target, &claimed, event.as_ref()).await? {
        Err(error) => Came::hopeless(error),
        Ok(body) if body.len() > MOST => Came::hopeless("the event is larger than 256 KiB"),
        Ok(body) => send(service, target, &claimed, at, body).await,
    };
    let [chance] = service.generators.bytes::<1>();
    let ended = service.generators.now();
    let latency = service.generators.clock.monotonic().saturating_sub(began);
    let tried = Tried {
        id: claimed.id,
        lease: claimed.lease,
        order_key: claimed.order_key,
        at,
        status: came.status,
        latency_ms: u64::try_from(latency.as_millis()).unwrap_or(u64::MAX),
        error: came.error,
        response_body: came.body,
        verdict: service.schedule.after(came.outcome, claimed.tries, ended, chance),
    };
    Ok((tried, came.outcome))
}

/// What is sent, or why nothing is.
async fn payload(
    app: &App,
    service: &Service,
    target: &Target,
    claimed: &Claimed,
    event: Option<&EventView>,
) -> Result<Result<Vec<u8>, &'static str>, DbError> {
    let render = |kind: &str, timestamp: Timestamp, data: &RawValue| {
        let body = Body {
            r#type: kind,
            timestamp,
            data,
        };
        serde_json::to_vec(&body).map_err(|error| DbError::Internal(format!("an event cannot be rendered: {error}")))
    };
    if let Some(data) = &claimed.test_data {
        let data: &RawValue =
            serde_json::from_str(data).map_err(|error| DbError::Internal(format!("a test's data: {error}")))?;
        return render(TEST, claimed.created_at, data).map(Ok);
    }
    let Some(kind) = service.manifests.event(&claimed.kind) else {
        return Ok(Err("this kind of event no longer exists"));
    };
    let permission = kind.permission_in(target.organization, claimed.event_organization);
    let may = may_read(app, &target.maker, target.organization, permission)
        .await
        .map_err(|Undecided(why)| DbError::Unavailable(why))?;
    if !may {
        return Ok(Err("the endpoint's maker may no longer read this"));
    }
    match event {
        None => Ok(Err("the event is no longer kept")),
        Some(event) => render(&event.r#type, event.timestamp, &event.data).map(Ok),
    }
}

async fn send(service: &Service, target: &Target, claimed: &Claimed, at: Timestamp, body: Vec<u8>) -> Came {
    let id = claimed.event.to_string();
    let seconds = at.as_micros().div_euclid(1_000_000);
    let signature = target.keys.sign(&id, seconds, &body);
    let mut request = service
        .client
        .post(target.url.clone(), Bytes::from(body))
        .within(service.config.timeout)
        .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .header(USER_AGENT, HeaderValue::from_static("Lastro-Webhooks"))
        .header(WEBHOOK_TIMESTAMP, seconds.into());
    for (name, value) in [(WEBHOOK_ID, id), (WEBHOOK_SIGNATURE, signature)] {
        match HeaderValue::try_from(value) {
            Ok(value) => request = request.header(name, value),
            Err(_) => return Came::hopeless("the event cannot be signed"),
        }
    }
    match service.client.send(request).await {
        Ok(answer) => answered(&answer, at),
        Err(error) => {
            let outcome = match error {
                SendError::Dial(DialError::Refused(_)) => Outcome::Hopeless,
                SendError::Dial(_) | SendError::Timeout | SendError::Broken => Outcome::Failed(None),
            };
            Came {
                outcome,
                status: None,
                error: Some(error.to_string()),
                body: None,
            }
        }
    }
}

fn answered(answer: &Answer, now: Timestamp) -> Came {
    let outcome = match answer.status {
        status if status.is_success() => Outcome::Taken,
        StatusCode::GONE => Outcome::Gone,
        _ => Outcome::Failed(retry_after(&answer.headers, now)),
    };
    let error = match outcome {
        Outcome::Taken => None,
        _ if answer.status.is_redirection() => Some("redirects are not followed".to_owned()),
        _ => Some(format!("the receiver answered {}", answer.status.as_u16())),
    };
    // No engine keeps a NUL in a text.
    let body = String::from_utf8_lossy(&answer.body).replace('\0', "\u{fffd}");
    Came {
        outcome,
        status: Some(answer.status.as_u16()),
        error,
        body: Some(body).filter(|body| !body.is_empty()),
    }
}

/// `Retry-After`, as seconds or as a date (RFC 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    let micros = date.timestamp().as_microsecond().saturating_sub(now.as_micros());
    u64::try_from(micros).ok().map(Duration::from_micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(value: &str) -> Option<u64> {
        let now = "2026-11-21T12:00:00Z".parse().unwrap();
        let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_str(value).unwrap())]);
        retry_after(&headers, now).map(|wait| wait.as_secs())
    }

    #[test]
    fn a_receiver_asks_for_time_in_seconds_or_until_a_date() {
        assert_eq!(asked("120"), Some(120));
        assert_eq!(asked(" 0 "), Some(0));
        assert_eq!(asked("Sat, 21 Nov 2026 12:01:30 GMT"), Some(90));
        // The past asks for nothing, and neither does what is no time.
        assert_eq!(asked("Sat, 21 Nov 2026 11:00:00 GMT"), None);
        for nonsense in ["", "soon", "-5", "1.5", "99999999999999999999999"] {
            assert_eq!(asked(nonsense), None, "{nonsense}");
        }
    }
}
