//! What stands between the socket and a handler: the goal is 5 µs with a warm token cache.
//!
//! `cargo bench -p lastro-http` measures a request through the edge and the guards to a handler that does nothing, beside the
//! same answer given by axum alone; the difference is the edge. The access line of the log is formatted as in production, and
//! thrown away.

use std::future;
use std::sync::Arc;

use authz::BootstrapDecider;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, header};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use db::{Db, DbConfig};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{
    Answer, ApiError, App, AppParts, Authenticator, Credential, Doc, Edge, HttpConfig, Identity, Metrics, Peer,
    RequestContext, Requires, Routes, TenantState, Tenants, Unlimited,
};
use http_body_util::BodyExt as _;
use kernel::{Actor, ActorKind, Generators, Id as _, OrganizationId};
use tower::Service;
use uuid::Uuid;

authz::permission!(
    /// Do nothing.
    struct Nothing = "BENCH" "NOTHING" "READ", Tenant, "Do nothing"
);

/// A token cache that always hits.
struct Warm(Arc<Identity>);

impl Authenticator for Warm {
    fn authenticate<'a>(
        &'a self,
        _: Credential<'a>,
        _: &'a RequestContext,
    ) -> BoxFuture<'a, Result<Arc<Identity>, ApiError>> {
        future::ready(Ok(Arc::clone(&self.0))).boxed()
    }
}

struct Active;

impl Tenants for Active {
    fn state(&self, _: OrganizationId) -> BoxFuture<'_, Result<TenantState, ApiError>> {
        future::ready(Ok(TenantState::Active)).boxed()
    }
}

async fn guarded(_: Requires<Nothing>) -> Result<Answer, ApiError> {
    Answer::ok(&[1, 2, 3])
}

async fn bare() -> ([(header::HeaderName, &'static str); 1], &'static str) {
    ([(header::CONTENT_TYPE, "application/json")], "{\"data\":[1,2,3]}")
}

fn edge(folder: &std::path::Path) -> Option<Edge> {
    let generators = Generators::system();
    let organization = OrganizationId::from_uuid(Uuid::from_u128(1));
    let actor = Actor {
        kind: ActorKind::User,
        id: Uuid::from_u128(2),
        name: "Ana".to_owned(),
    };
    let identity = Identity {
        actor: Arc::new(actor.clone()),
        organization,
        session: None,
        is_platform_service: false,
    };
    let config = DbConfig::new(format!("sqlite://{}", folder.join("bench.db").display()));
    let app = App::new(AppParts {
        db: Db::open(config, generators.clone()).ok()?,
        migrations: Arc::new([]),
        version: "bench",
        generators,
        authenticator: Arc::new(Warm(Arc::new(identity))),
        decider: Arc::new(BootstrapDecider::new(actor, organization)),
        tenants: Arc::new(Active),
        limiter: Arc::new(Unlimited),
        freshness: Arc::new(|| true),
        ports: Arc::default(),
        metrics: Metrics::new("bench"),
        config: HttpConfig::default(),
    });
    let routes = Routes::new("bench", "Nothing.").get("/nothing/{id}", guarded, Doc::new("getNothing", "Nothing"));
    Some(http::serve_routes(&app, vec![routes.with_state(app.clone())]))
}

fn request() -> Request<Body> {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = axum::http::Uri::from_static("/api/v1/nothing/01932f5c-9c5e-7cc3-9d4e-3b2f6a1e8d40");
    let headers = request.headers_mut();
    headers.insert(header::HOST, header::HeaderValue::from_static("127.0.0.1:8080"));
    headers.insert(header::AUTHORIZATION, header::HeaderValue::from_static("Bearer token"));
    headers.insert(header::USER_AGENT, header::HeaderValue::from_static("bench"));
    request.extensions_mut().insert(Peer(([127, 0, 0, 1], 4711).into()));
    request
}

async fn answer<S>(service: &mut S) -> usize
where
    S: Service<Request<Body>, Response = Response<Body>, Error = std::convert::Infallible>,
{
    let Ok(response) = service.call(request()).await;
    let body = response.into_body().collect().await;
    body.map_or(0, |body| body.to_bytes().len())
}

fn through_the_edge(criterion: &mut Criterion) {
    let log = tracing_subscriber::fmt().json().with_writer(std::io::sink).finish();
    let _log = tracing::subscriber::set_default(log);
    let (Ok(runtime), Ok(folder)) = (
        tokio::runtime::Builder::new_current_thread().enable_all().build(),
        tempfile::tempdir(),
    ) else {
        return;
    };
    let _context = runtime.enter();
    let Some(mut edge) = edge(folder.path()) else { return };
    #[expect(clippy::disallowed_methods, reason = "what is measured against has no edge")]
    let mut bare = Router::new().route("/api/v1/nothing/{id}", axum::routing::get(bare));

    // Both say the same, so what differs is the way there.
    assert_eq!(runtime.block_on(answer(&mut edge)), runtime.block_on(answer(&mut bare)));

    let mut group = criterion.benchmark_group("request");
    group.bench_function("axum alone", |bencher| {
        bencher.iter_batched(
            || bare.clone(),
            |mut bare| runtime.block_on(answer(&mut bare)),
            BatchSize::SmallInput,
        );
    });
    group.bench_function("edge and guards", |bencher| {
        bencher.iter_batched(
            || edge.clone(),
            |mut edge| runtime.block_on(answer(&mut edge)),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, through_the_edge);
criterion_main!(benches);
