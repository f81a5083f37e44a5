//! What stands between the socket and a handler, and back: request id, token, session, organization, freshness, rate limit, usage,
//! permission, metrics, the headers of the answer and its line in the log. The goal is 5 µs with a warm token, and no query.
//!
//! The whole server is composed as `lastro serve` does it, on SQLite, and somebody logs in. Then requests go through the edge to a
//! handler that does nothing, in turns with the same request to axum alone, which gives the same body: what differs is the way
//! there. Log lines are formatted and handed to the writing thread as in production, and thrown away there.

use std::convert::Infallible;
use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use access::RoleRead;
use anyhow::Context as _;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use criterion::Criterion;
use http::{Answer, ApiError, App, Doc, Edge, Peer, Requires, Routes};
use http_body_util::BodyExt as _;
use kernel::{Clock, SystemClock};
use lastro::config::{Config, Sources};
use lastro::serve::Server;
use lastro::telemetry::{Settings, Telemetry};
use lastro_bench::stats::{median, quartiles};
use serde_json::{Value, json};
use tower::Service;

const ADDRESS: &str = "ana@example.com";
const PASSWORD: &str = "tres tigres 3";
const NOTHING: &str = "/api/v1/nothing/01932f5c-9c5e-7cc3-9d4e-3b2f6a1e8d40";

/// Requests in a block, and pairs of blocks: a server that is busy for a moment spoils a few pairs, and the median does not mind.
const BLOCK: u32 = 500;
const PAIRS: usize = 400;

async fn guarded(_: Requires<RoleRead>) -> Result<Answer, ApiError> {
    Answer::ok(&[1, 2, 3])
}

async fn bare() -> ([(header::HeaderName, &'static str); 1], &'static str) {
    ([(header::CONTENT_TYPE, "application/json")], "{\"data\":[1,2,3]}")
}

/// A server as it is started by `lastro serve`, with a handler more.
async fn start(folder: &Path) -> anyhow::Result<Edge> {
    let database = format!("sqlite://{}", folder.join("lastro.db").display());
    let variables = [
        ("DATABASE_URL", database.as_str()),
        ("LASTRO_BIND", "127.0.0.1:0"),
        ("LASTRO_ADMIN_EMAIL", ADDRESS),
        ("LASTRO_ADMIN_PASSWORD", PASSWORD),
        ("LASTRO_LOG_FORMAT", "json"),
        // Each request is counted, and none refused.
        ("LASTRO_RATE_LIMIT", "1000000000/min"),
    ];
    let config = Config::load(&Sources {
        variables: variables
            .map(|(name, value)| (OsString::from(name), OsString::from(value)))
            .into(),
        file: None,
        working_folder: folder.to_owned(),
    })?
    .config;
    let clock = Arc::new(SystemClock::new());
    let settings = Settings::new(&config.observability, config.environment, false);
    let shared: Arc<dyn Clock> = Arc::<SystemClock>::clone(&clock);
    let telemetry = Telemetry::build(&settings, &shared, Box::new(std::io::sink()))?;
    telemetry.install()?;
    let server = Server::start(&config, &clock, &telemetry, false).await?;
    let app: &App = server.app();
    let nothing = Routes::new("bench", "Nothing.").get("/nothing/{id}", guarded, Doc::new("getNothing", "Nothing"));
    let routes = lastro::app::modules()
        .into_iter()
        .flat_map(|module| (module.routes)(app.clone()));
    let edge = http::serve_routes(app, routes.chain([nothing.with_state(app.clone())]).collect());
    Ok(edge)
}

async fn log_in(edge: &mut Edge) -> anyhow::Result<String> {
    let body = json!({ "organizationSlug": "platform", "email": ADDRESS, "password": PASSWORD });
    let mut request = Request::new(Body::from(body.to_string()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = Uri::from_static("/api/v1/auth/login");
    let headers = request.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    request.extensions_mut().insert(Peer(([127, 0, 0, 1], 4711).into()));
    let Ok(response) = edge.call(request).await;
    let answer: Value = serde_json::from_slice(&response.into_body().collect().await?.to_bytes())?;
    let token = answer.pointer("/data/accessToken").and_then(Value::as_str);
    token.map(str::to_owned).with_context(|| answer.to_string())
}

/// The same request each time, by a client that keeps its connection.
fn request(authorization: &HeaderValue) -> Request<Body> {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = Uri::from_static(NOTHING);
    let headers = request.headers_mut();
    headers.insert(header::HOST, HeaderValue::from_static("127.0.0.1:8080"));
    headers.insert(header::AUTHORIZATION, authorization.clone());
    headers.insert(header::USER_AGENT, HeaderValue::from_static("bench"));
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    request.extensions_mut().insert(Peer(([127, 0, 0, 1], 4711).into()));
    request
}

/// The bytes of the answer.
async fn answer<S>(service: &mut S, authorization: &HeaderValue) -> anyhow::Result<usize>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    let Ok(response) = service.call(request(authorization)).await;
    anyhow::ensure!(response.status() == StatusCode::OK, "{response:?}");
    Ok(response.into_body().collect().await?.to_bytes().len())
}

/// What a request takes, in nanoseconds.
async fn block<S>(service: &mut S, authorization: &HeaderValue) -> anyhow::Result<f64>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    let start = Instant::now();
    for _ in 0..BLOCK {
        answer(service, authorization).await?;
    }
    Ok(start.elapsed().as_secs_f64() * 1e9 / f64::from(BLOCK))
}

fn main() -> anyhow::Result<()> {
    let mut criterion = Criterion::default().configure_from_args();
    // What goes on in the background has a thread of its own.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let folder = tempfile::tempdir()?;
    let mut edge = runtime.block_on(start(folder.path()))?;
    let token = runtime.block_on(log_in(&mut edge))?;
    let authorization = HeaderValue::try_from(format!("Bearer {token}"))?;
    let mut alone = Router::new().route("/api/v1/nothing/{id}", axum::routing::get(bare));

    let mut pairs = Vec::with_capacity(PAIRS);
    runtime.block_on(async {
        // Both say the same, and from here on the token is known.
        let (whole, bare) = (
            answer(&mut edge, &authorization).await?,
            answer(&mut alone, &authorization).await?,
        );
        anyhow::ensure!(whole == bare, "{whole} bytes through the edge, {bare} from axum alone");
        for _ in 0..PAIRS {
            let bare = block(&mut alone, &authorization).await?;
            pairs.push((bare, block(&mut edge, &authorization).await?));
        }
        Ok(())
    })?;
    let differences: Vec<f64> = pairs.iter().map(|(bare, whole)| whole - bare).collect();
    let (lower, upper) = quartiles(&differences);
    let [bare, whole]: [Vec<f64>; 2] = [
        pairs.iter().map(|pair| pair.0).collect(),
        pairs.iter().map(|pair| pair.1).collect(),
    ];
    writeln!(
        std::io::stdout(),
        "between socket and handler: {:.2} µs ({:.2} to {:.2} in the middle half of {PAIRS} pairs); axum alone {:.2} µs, the whole {:.2} µs",
        median(&differences) / 1e3,
        lower / 1e3,
        upper / 1e3,
        median(&bare) / 1e3,
        median(&whole) / 1e3,
    )?;

    let mut group = criterion.benchmark_group("request");
    group.bench_function("axum alone", |bencher| {
        bencher.iter(|| runtime.block_on(answer(&mut alone, &authorization)).is_ok());
    });
    group.bench_function("edge and guards", |bencher| {
        bencher.iter(|| runtime.block_on(answer(&mut edge, &authorization)).is_ok());
    });
    group.finish();
    criterion.final_summary();
    Ok(())
}
