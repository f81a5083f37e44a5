//! The composition root: where contexts meet the database, the configuration and each other.

use std::sync::Arc;

use authz::{Decider, Decision, PermissionInfo, Step};
use axum::http::HeaderValue;
use contracts::settings::Settings;
use contracts::{Manifests, Ports};
use db::Db;
use db::migrate::Migrations;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{
    ApiError, App, AppParts, Authenticator, Credential, ErrorCode, Foundation, HttpConfig, Identity, Jobs, Metrics,
    Module, RateLimiter, RequestContext, RouteInfo, SpanMaker, StartFailed,
};
use identity::MailConfig;
use identity::crypto::SigningAlgorithm;
use identity::domain::RefreshRule;
use kernel::{Actor, Generators, OrganizationId, Rate};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vault::{MasterKey, Sealer};

use crate::config::{Config, CorsOrigins, Environment, JwtAlgorithm, MailServer};
use crate::rate_limit::ActorLimiter;

/// The version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Every context, in the order in which their tables are made.
#[must_use]
pub fn modules() -> Vec<Module> {
    vec![
        organization::module(),
        catalog::module(),
        identity::module(),
        access::module(),
        audit::module(),
        usage::module(),
        outbox::module(),
        settings::module(),
    ]
}

/// The migrations of all contexts, those of the storage itself first.
#[must_use]
pub fn migrations() -> Vec<Migrations> {
    std::iter::once(db::migrate::CORE)
        .chain(modules().into_iter().filter_map(|module| module.migrations))
        .collect()
}

/// What contexts take from the composition root: their configuration, and the key outside the database.
#[must_use]
pub fn provide(config: &Config, key: &MasterKey) -> Arc<Ports> {
    let ports = Ports::default();
    ports.provide(Arc::new(key.clone()));
    ports.provide(Arc::new(Sealer::new(key.clone(), config.former_master_keys.clone())));
    ports.provide(Arc::new(outbound::Client::new(outbound::Dialer::new(
        outbound::Rules {
            allow_private: config.webhooks.allow_private,
            require_https: config.environment.is_strict(),
        },
    ))));
    ports.provide(Arc::new(identity_config(config)));
    ports.provide(Arc::new(mail_config(config)));
    ports.provide(Arc::new(audit::Config {
        archives: config.data_folder.join("audit-archive"),
    }));
    ports.provide(Arc::new(audit::Heads(config.data_folder.join("audit-heads"))));
    let webhooks = &config.webhooks;
    ports.provide(Arc::new(outbox::Config {
        streams_per_organization: webhooks.streams,
        ..outbox::Config::new(webhooks.retry_schedule.clone(), webhooks.allow_private)
    }));
    let modules = modules();
    ports.provide(Arc::new(Jobs::of(&modules)));
    ports.provide(Arc::new(Manifests::new(
        modules.into_iter().map(|module| module.manifest),
    )));
    Arc::new(ports)
}

/// What the operator set about who may come in.
fn identity_config(config: &Config) -> identity::Config {
    identity::Config {
        algorithm: match config.tokens.algorithm {
            JwtAlgorithm::Rs256 => SigningAlgorithm::Rs256,
            JwtAlgorithm::Es256 => SigningAlgorithm::Es256,
            JwtAlgorithm::EdDsa => SigningAlgorithm::EdDsa,
        },
        access_ttl: config.tokens.access_lifetime,
        refresh: RefreshRule {
            ttl: config.tokens.refresh_lifetime,
            grace: config.tokens.refresh_grace,
        },
        login_rate: config.limits.logins,
        ..identity::Config::default()
    }
}

/// Where mail goes.
fn mail_config(config: &Config) -> MailConfig {
    match &config.mail {
        MailServer::Off => MailConfig::Off,
        MailServer::Files => MailConfig::Folder(config.data_folder.join("mail")),
        MailServer::Smtp { url, .. } => MailConfig::Smtp { url: url.clone() },
    }
}

/// What a server is wired from.
pub struct Wiring {
    /// What the operator set about HTTP.
    pub http: HttpConfig,
    /// How often one actor may ask; `None` is no limit.
    pub rate: Option<Rate>,
    /// The opened, migrated and seeded database.
    pub db: Db,
    /// Clock, randomness and ids.
    pub generators: Generators,
    /// The platform organization.
    pub platform: OrganizationId,
    /// What contexts take from here, such as their configuration.
    pub ports: Arc<Ports>,
}

impl Wiring {
    /// Starts the contexts and puts the parts together.
    ///
    /// # Errors
    ///
    /// That of the context that did not start.
    pub async fn app(self) -> Result<App, StartFailed> {
        let metrics = Metrics::new(VERSION);
        observe(&metrics, &self.db);
        let foundation = Foundation {
            db: self.db.clone(),
            generators: self.generators.clone(),
            ports: Arc::clone(&self.ports),
            platform: self.platform,
            http: self.http.clone(),
            metrics: metrics.clone(),
        };
        for module in modules() {
            (module.start)(foundation.clone()).await?;
        }
        // Whoever knows people and decides must be there: a server without them would refuse everybody, and not say why.
        let authenticator = self.ports.get::<dyn Authenticator>()?;
        let decider = self.ports.get::<dyn Decider>()?;
        Ok(self.assembled(metrics, authenticator, decider))
    }

    /// The parts, put together.
    fn assembled(self, metrics: Metrics, authenticator: Arc<dyn Authenticator>, decider: Arc<dyn Decider>) -> App {
        let settings = self.ports.find::<dyn Settings>();
        let clock = Arc::clone(&self.generators.clock);
        let limiter: Arc<dyn RateLimiter> = Arc::new(ActorLimiter::new(self.rate, settings, clock));
        let feed = self.db.clone();
        App::new(AppParts {
            tenants: Arc::new(organization::TenantDirectory::new(&self.db)),
            freshness: Arc::new(move || feed.feed().is_fresh()),
            db: self.db,
            migrations: migrations().into(),
            version: VERSION,
            generators: self.generators,
            authenticator,
            decider,
            limiter,
            ports: self.ports,
            metrics,
            config: self.http,
        })
    }
}

/// Knows nobody and allows nothing: stands in where contexts are not started, and only their routes are looked at.
struct Nobody;

impl Authenticator for Nobody {
    fn authenticate<'a>(
        &'a self,
        _: Credential<'a>,
        _: &'a RequestContext,
    ) -> BoxFuture<'a, Result<Arc<Identity>, ApiError>> {
        std::future::ready(Err(ApiError::new(ErrorCode::AuthInvalidToken))).boxed()
    }
}

impl Decider for Nobody {
    fn decide(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        permission: &'static PermissionInfo,
    ) -> Option<Decision> {
        Some(Decision::denied(actor, organization, permission, Step::Grant))
    }
}

/// Starts what the contexts do all the time. Each ends by itself after `stop` was cancelled; wait for them.
#[must_use]
pub fn workers(app: &App, stop: &CancellationToken) -> TaskTracker {
    let running = TaskTracker::new();
    for worker in modules().into_iter().flat_map(|module| module.workers) {
        tracing::debug!(worker = worker.name, "starting");
        running.spawn((worker.run)(app.clone(), stop.clone()));
    }
    running.close();
    running
}

/// The routes of all contexts, before the same edge.
#[must_use]
pub fn edge(app: &App) -> http::Edge {
    let routes = modules()
        .into_iter()
        .chain([crate::onboarding::module(), crate::support::module()])
        .flat_map(|module| (module.routes)(app.clone()))
        .collect();
    http::serve_routes(app, routes)
}

/// The OpenAPI document of all routes.
///
/// # Errors
///
/// As [`routes`].
pub fn openapi() -> Result<serde_json::Value, db::DbError> {
    Ok(http::openapi::document(&routes()?, VERSION))
}

/// The table of all routes. Needs no database: one in memory stands in for it.
///
/// # Errors
///
/// [`db::DbError`] when there is no memory left for that.
pub fn routes() -> Result<Vec<Arc<RouteInfo>>, db::DbError> {
    let generators = Generators::system();
    let db = Db::open(db::DbConfig::new("sqlite://:memory:"), generators.clone())?;
    let platform = generators.id();
    let app = Wiring {
        http: HttpConfig::default(),
        rate: None,
        db,
        generators,
        platform,
        ports: Arc::default(),
    }
    .assembled(Metrics::new(VERSION), Arc::new(Nobody), Arc::new(Nobody));
    Ok(edge(&app).routes().to_vec())
}

/// The gauges of the database, read when somebody scrapes.
fn observe(metrics: &Metrics, db: &Db) {
    let gauges = db.clone();
    metrics.gauges(
        "database",
        "What is in use and what waits, by name",
        "gauge",
        move || {
            gauges
                .gauges()
                .into_iter()
                .map(|gauge| (gauge.name, i64::try_from(gauge.value).unwrap_or(i64::MAX)))
                .collect()
        },
    );
    let feed = db.clone();
    metrics.gauge(
        "access_age_milliseconds",
        "Time since this node last confirmed the state of access",
        move || i64::try_from(feed.feed().age().as_millis()).unwrap_or(i64::MAX),
    );
    let clock = db.clone();
    metrics.gauge(
        "clock_offset_microseconds",
        "How far the database's clock is ahead of this machine's",
        move || clock.feed().clock_offset(),
    );
}

/// What the operator set about HTTP. `spans` makes the spans of requests.
#[must_use]
pub fn http_config(config: &Config, spans: Option<Arc<dyn SpanMaker>>) -> HttpConfig {
    let origins: Vec<HeaderValue> = match &config.server.cors_origins {
        CorsOrigins::Any => vec![HeaderValue::from_static("*")],
        // Origins are ASCII: they were parsed as such.
        CorsOrigins::Listed(origins) => origins.iter().filter_map(|origin| origin.parse().ok()).collect(),
    };
    HttpConfig {
        base_url: config.server.base_url.as_str().trim_end_matches('/').to_owned(),
        trusted_proxies: config.server.trusted_proxies.clone(),
        cors_origins: origins,
        max_connections: config.limits.connections,
        max_connections_per_address: config.limits.connections_per_address,
        stop_grace: config.server.stop_grace,
        metrics_token: config.observability.metrics_token.clone(),
        environment: match config.environment {
            Environment::Development => http::Environment::Development,
            Environment::Staging => http::Environment::Staging,
            Environment::Production => http::Environment::Production,
        },
        span: spans,
        ..HttpConfig::default()
    }
}
