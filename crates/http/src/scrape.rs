//! `GET /metrics`, for the operator's Prometheus.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Response, header};
use secrecy::ExposeSecret as _;
use subtle::ConstantTimeEq as _;

use crate::app::App;
use crate::doc::Doc;
use crate::error::{ApiError, ErrorCode};
use crate::guard::Public;
use crate::routes::Routes;

crate::public_reason! {
    /// For the scraper.
    pub(crate) struct Scrape = "guarded by the operator's own token, which is no customer's credential";
}

const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

pub(crate) fn routes() -> Routes<App> {
    group().get("/metrics", by_token, doc())
}

/// For a listener that only operators reach, where no token is asked for.
pub(crate) fn open_routes() -> Routes<App> {
    group().get("/metrics", open, doc())
}

fn group() -> Routes<App> {
    Routes::at_root("metrics", "For the operator's Prometheus.")
}

fn doc() -> Doc {
    Doc::new("getMetrics", "The server's metrics")
        .describe("404 unless the operator configured a token.")
        .answers_verbatim("application/openmetrics-text", "In the text format of OpenMetrics")
        .refuses([
            ErrorCode::NotFound,
            ErrorCode::AuthRequired,
            ErrorCode::AuthInvalidToken,
        ])
        .guarded_by("metricsToken")
}

async fn by_token(_: Public<Scrape>, State(app): State<App>, headers: HeaderMap) -> Result<Response<Body>, ApiError> {
    let token = app.config().metrics_token.as_ref().ok_or_else(ApiError::not_found)?;
    let sent = headers
        .get(header::AUTHORIZATION)
        .ok_or_else(|| ApiError::new(ErrorCode::AuthRequired))?;
    let expected = format!("Bearer {}", token.expose_secret());
    // In constant time: how long a comparison takes must not tell how much of a guess was right.
    if bool::from(sent.as_bytes().ct_eq(expected.as_bytes())) {
        metrics(&app)
    } else {
        Err(ApiError::new(ErrorCode::AuthInvalidToken))
    }
}

async fn open(_: Public<Scrape>, State(app): State<App>) -> Result<Response<Body>, ApiError> {
    metrics(&app)
}

fn metrics(app: &App) -> Result<Response<Body>, ApiError> {
    let text = app
        .metrics()
        .render()
        .map_err(|_| ApiError::internal("the metrics cannot be written"))?;
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(header::CONTENT_TYPE, OPEN_METRICS);
    Ok(response)
}
