//! The four routes, on hyper's HTTP/1 server with axum's router.

use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::routing::get;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use lastro_bench_limit::Failure;
use lastro_bench_limit::organization::NewOrganization;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use uuid::Uuid;

use crate::Fatal;
use crate::store::Store;

/// Serves until SIGTERM or SIGINT.
pub(crate) async fn serve<S: Store>(address: SocketAddr, store: Arc<S>) -> Result<(), Fatal> {
    let router = Router::new()
        .route("/health/live", get(live))
        .route("/health/ready", get(live))
        .route("/api/v1/organizations/{id}", get(organization::<S>))
        .route("/api/v1/organizations", get(organizations::<S>).post(create::<S>))
        .with_state(store);
    let listener = TcpListener::bind(address).await?;
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    loop {
        let (stream, _) = tokio::select! {
            accepted = listener.accept() => accepted?,
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
        };
        stream.set_nodelay(true)?;
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            // A client that goes away is the only way a connection ends here; there is nobody to tell.
            let _ = hyper::server::conn::http1::Builder::new()
                .pipeline_flush(true)
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

fn answer(status: StatusCode, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn refuse(failure: &Failure) -> Response<Body> {
    let status = match failure {
        Failure::Duplicate => StatusCode::CONFLICT,
        Failure::Postgres(_) | Failure::Sqlite(_) | Failure::Json(_) | Failure::System(_) | Failure::Gone => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
    };
    answer(status, serde_json::json!({"error": failure.to_string()}).to_string())
}

async fn live() -> Response<Body> {
    answer(StatusCode::OK, Bytes::from_static(br#"{"data":{"status":"ok"}}"#))
}

async fn organization<S: Store>(State(store): State<Arc<S>>, Path(id): Path<Uuid>) -> Response<Body> {
    match store.get(id).await {
        Ok(Some(body)) => answer(StatusCode::OK, body),
        Ok(None) => answer(StatusCode::NOT_FOUND, Body::empty()),
        Err(failure) => refuse(&failure),
    }
}

async fn organizations<S: Store>(State(store): State<Arc<S>>, RawQuery(query): RawQuery) -> Response<Body> {
    let limit = query
        .as_deref()
        .and_then(|query| query.strip_prefix("limit="))
        .and_then(|limit| u32::from_str(limit).ok())
        .unwrap_or(20);
    match store.list(limit).await {
        Ok(body) => answer(StatusCode::OK, body),
        Err(failure) => refuse(&failure),
    }
}

#[derive(Deserialize)]
struct Creation {
    name: String,
    slug: String,
}

async fn create<S: Store>(State(store): State<Arc<S>>, body: Bytes) -> Response<Body> {
    let Ok(creation) = serde_json::from_slice::<Creation>(&body) else {
        return answer(StatusCode::BAD_REQUEST, Body::empty());
    };
    let created = match NewOrganization::new(creation.name, creation.slug) {
        Ok(new) => store.create(new).await,
        Err(failure) => Err(failure),
    };
    match created {
        Ok(body) => answer(StatusCode::CREATED, body),
        Err(failure) => refuse(&failure),
    }
}
