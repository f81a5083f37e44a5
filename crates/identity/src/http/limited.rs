//! The limit of requests that present a password or the like.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use http::{ApiError, App, RequestContext};

use crate::service::{Service, service};

/// Counts the request against the allowance of where it comes from, as an argument that stands before the body: whoever asks too
/// often is told so whatever they send. It hands over the running context.
pub(crate) struct Limited(pub(crate) Arc<Service>);

impl<S> FromRequestParts<S> for Limited
where
    S: Send + Sync,
    App: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let service = service(&App::from_ref(state))?;
        let request = parts
            .extensions
            .get::<RequestContext>()
            .ok_or_else(|| ApiError::internal("a handler was reached around the edge"))?;
        service.limit_logins(request)?;
        Ok(Self(service))
    }
}
