//! The routes, on hyper's HTTP/1 server with axum's router.

use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::routing::{get, post};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use lastro_bench_limit::Failure;
use lastro_bench_limit::organization::NewOrganization;
use lastro_bench_limit::role::NewRole;
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
        .route("/api/v1/users/{id}", get(user::<S>))
        .route("/api/v1/users", get(users::<S>))
        .route("/api/v1/auth/me", get(me::<S>))
        .route("/api/v1/roles", post(create_role::<S>))
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

fn found(body: Result<Option<Bytes>, Failure>) -> Response<Body> {
    match body {
        Ok(Some(body)) => answer(StatusCode::OK, body),
        Ok(None) => answer(StatusCode::NOT_FOUND, Body::empty()),
        Err(failure) => refuse(&failure),
    }
}

fn listed(body: Result<Bytes, Failure>) -> Response<Body> {
    match body {
        Ok(body) => answer(StatusCode::OK, body),
        Err(failure) => refuse(&failure),
    }
}

fn made(body: Result<Bytes, Failure>) -> Response<Body> {
    match body {
        Ok(body) => answer(StatusCode::CREATED, body),
        Err(failure) => refuse(&failure),
    }
}

async fn organization<S: Store>(State(store): State<Arc<S>>, Path(id): Path<Uuid>) -> Response<Body> {
    found(store.get(id).await)
}

/// Who asks: the organization and the user stand in the open at the beginning of the token, and are believed.
struct Caller {
    organization: Uuid,
    user: Uuid,
}

impl Caller {
    /// Nobody, and so without a row, where there is no such token.
    fn of(headers: &HeaderMap) -> Self {
        const PREFIX: usize = "Bearer ".len();
        const ID: usize = 36;
        let token = headers
            .get(header::AUTHORIZATION)
            .map_or(&[][..], HeaderValue::as_bytes);
        let id = |from: usize| {
            let text = token.get(from..from + ID)?;
            Uuid::try_parse_ascii(text).ok()
        };
        Self {
            organization: id(PREFIX).unwrap_or_default(),
            user: id(PREFIX + ID).unwrap_or_default(),
        }
    }
}

async fn user<S: Store>(State(store): State<Arc<S>>, Path(id): Path<Uuid>, headers: HeaderMap) -> Response<Body> {
    found(store.user(Caller::of(&headers).organization, id).await)
}

async fn me<S: Store>(State(store): State<Arc<S>>, headers: HeaderMap) -> Response<Body> {
    let caller = Caller::of(&headers);
    found(store.user(caller.organization, caller.user).await)
}

async fn users<S: Store>(State(store): State<Arc<S>>, headers: HeaderMap) -> Response<Body> {
    listed(store.users(Caller::of(&headers).organization).await)
}

#[derive(Deserialize)]
struct RoleCreation {
    name: String,
    code: String,
}

async fn create_role<S: Store>(State(store): State<Arc<S>>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let Ok(creation) = serde_json::from_slice::<RoleCreation>(&body) else {
        return answer(StatusCode::BAD_REQUEST, Body::empty());
    };
    let caller = Caller::of(&headers);
    made(
        match NewRole::new(caller.organization, caller.user, creation.name, creation.code) {
            Ok(new) => store.create_role(new).await,
            Err(failure) => Err(failure),
        },
    )
}

async fn organizations<S: Store>(State(store): State<Arc<S>>, RawQuery(query): RawQuery) -> Response<Body> {
    let limit = query
        .as_deref()
        .and_then(|query| query.strip_prefix("limit="))
        .and_then(|limit| u32::from_str(limit).ok())
        .unwrap_or(20);
    listed(store.list(limit).await)
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
    made(match NewOrganization::new(creation.name, creation.slug) {
        Ok(new) => store.create(new).await,
        Err(failure) => Err(failure),
    })
}
