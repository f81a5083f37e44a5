//! Answers that go on for long: where they resume, and whether whoever asked may still see what comes.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::error::ApiError;
use crate::guard::{API_KEY, Caller, TenantState, credential};

/// What a client of server-sent events sends to go on where it was.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The `Last-Event-ID` of a client that comes again.
#[derive(Clone, Debug)]
pub struct LastEventId(pub Option<String>);

impl<S: Sync> FromRequestParts<S> for LastEventId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let text = parts.headers.get(LAST_EVENT_ID).and_then(|value| value.to_str().ok());
        Ok(Self(text.map(str::to_owned).filter(|text| !text.is_empty())))
    }
}

/// The credential of a request whose answer outlives it: a stream asks again and again whether it would still be let in. It has no
/// `Debug`: it is a secret.
#[derive(Clone)]
pub struct Standing {
    headers: HeaderMap<HeaderValue>,
}

impl<S: Sync> FromRequestParts<S> for Standing {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let mut headers = HeaderMap::new();
        for name in [header::AUTHORIZATION, API_KEY] {
            if let Some(value) = parts.headers.get(&name) {
                headers.insert(name, value.clone());
            }
        }
        Ok(Self { headers })
    }
}

impl Standing {
    /// Whether the caller would still be let in: the credential lives, the organization is active, and this node knows what is so.
    /// It counts against no limit.
    pub async fn holds(&self, caller: &Caller) -> bool {
        let parts = caller.app().parts();
        if !parts.freshness.is_fresh() {
            return false;
        }
        let Ok(credential) = credential(&self.headers) else {
            return false;
        };
        let same = match parts.authenticator.authenticate(credential, caller.request()).await {
            Ok(identity) => identity.actor.is(caller.actor()),
            Err(_) => false,
        };
        same && matches!(
            parts.tenants.state(caller.organization()).await,
            Ok(TenantState::Active)
        )
    }
}
