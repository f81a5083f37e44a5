//! What every request needs, in one handle.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use authz::Decider;
use axum::http::HeaderValue;
use contracts::Ports;
use contracts::usage::RequestMeter;
use db::Db;
use db::migrate::Migrations;
use ipnet::IpNet;
use kernel::Generators;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use crate::error::ApiError;
use crate::guard::{Authenticator, RateLimiter, Tenants};
use crate::metrics::Metrics;
use crate::request::RequestContext;

/// The server's shared parts: cheap to clone, the same for every request.
///
/// A context's state implements `FromRef` to give it, which is what lets the access guards work in its handlers:
///
/// ```
/// # use http::App;
/// #[derive(Clone)]
/// struct Invoices {
///     app: App,
/// }
///
/// impl axum::extract::FromRef<Invoices> for App {
///     fn from_ref(invoices: &Invoices) -> Self {
///         invoices.app.clone()
///     }
/// }
/// ```
#[derive(Clone)]
pub struct App {
    parts: Arc<AppParts>,
    meter: Option<Arc<dyn RequestMeter>>,
    stopping: Arc<AtomicBool>,
    ending: CancellationToken,
}

/// What an [`App`] is made of. The composition root fills it in.
pub struct AppParts {
    /// The database.
    pub db: Db,
    /// The migrations the binary knows; the server is not ready while one is pending.
    pub migrations: Arc<[Migrations]>,
    /// The program's version, for the documentation.
    pub version: &'static str,
    /// Clock, randomness and ids.
    pub generators: Generators,
    /// Turns a credential into who it belongs to.
    pub authenticator: Arc<dyn Authenticator>,
    /// Decides permissions.
    pub decider: Arc<dyn Decider>,
    /// Knows which organizations exist and are active.
    pub tenants: Arc<dyn Tenants>,
    /// Limits how often an actor may ask.
    pub limiter: Arc<dyn RateLimiter>,
    /// Whether this node knows the current state of access; authenticated requests are refused while it does not.
    pub freshness: Arc<dyn Freshness>,
    /// What contexts offer each other.
    pub ports: Arc<Ports>,
    /// Counters and histograms.
    pub metrics: Metrics,
    /// What the operator set.
    pub config: HttpConfig,
}

/// Whether this node knows the current state of access.
pub trait Freshness: Send + Sync + 'static {
    /// False once the last confirmation is too long ago to trust a cached credential or permission.
    fn is_fresh(&self) -> bool;
}

impl<F: Fn() -> bool + Send + Sync + 'static> Freshness for F {
    fn is_fresh(&self) -> bool {
        self()
    }
}

impl App {
    /// The handle to these parts. Contexts have started: requests are counted by the meter that one of them provided by now.
    #[must_use]
    pub fn new(parts: AppParts) -> Self {
        Self {
            meter: parts.ports.find(),
            stopping: Arc::default(),
            ending: CancellationToken::new(),
            parts: Arc::new(parts),
        }
    }

    /// The database.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.parts.db
    }

    /// Clock, randomness and ids.
    #[must_use]
    pub fn generators(&self) -> &Generators {
        &self.parts.generators
    }

    /// What the operator set.
    #[must_use]
    pub fn config(&self) -> &HttpConfig {
        &self.parts.config
    }

    /// Counters and histograms.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.parts.metrics
    }

    /// Decides permissions, also of others than the caller: of whoever made what goes on without them.
    #[must_use]
    pub fn decider(&self) -> &Arc<dyn Decider> {
        &self.parts.decider
    }

    /// Whether the server was told to stop. It still answers whoever asks, and asks to be asked no more.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    pub(crate) fn begin_to_stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Cancelled when the server ends. An answer that goes on for long must end then, since the server waits for it.
    #[must_use]
    pub fn ending(&self) -> &CancellationToken {
        &self.ending
    }

    /// What contexts offer each other.
    #[must_use]
    pub fn ports(&self) -> &Arc<Ports> {
        &self.parts.ports
    }

    /// What a context offers, which must be there.
    ///
    /// # Errors
    /// `INTERNAL` when the program was put together without it.
    pub fn port<T: ?Sized + Send + Sync + 'static>(&self) -> Result<Arc<T>, ApiError> {
        self.parts
            .ports
            .get()
            .map_err(|missing| ApiError::internal(missing.to_string()))
    }

    pub(crate) fn parts(&self) -> &AppParts {
        &self.parts
    }

    /// What counts requests, if anything does.
    pub(crate) fn meter(&self) -> Option<&dyn RequestMeter> {
        self.meter.as_deref()
    }
}

impl fmt::Debug for App {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("App")
            .field("config", &self.parts.config)
            .finish_non_exhaustive()
    }
}

/// How strict the installation is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Environment {
    /// On a developer's machine.
    #[default]
    Development,
    /// As strict as production.
    Staging,
    /// Where customers are.
    Production,
}

impl Environment {
    /// Whether what is convenient while developing is refused: staging and production alike.
    #[must_use]
    pub const fn is_strict(self) -> bool {
        matches!(self, Self::Staging | Self::Production)
    }
}

/// Makes the span that requests are answered in, where traces are recorded: with the attributes and the remote parent that a
/// tracer wants. Without one, requests have a plain span with their id.
pub trait SpanMaker: Send + Sync + fmt::Debug + 'static {
    /// The span of one request.
    fn span(&self, request: &RequestContext) -> tracing::Span;
}

/// What the operator can set about HTTP.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// Where clients find this installation, without a slash at the end. Every link is made from it.
    pub base_url: String,
    /// Whose `Forwarded` and `X-Forwarded-For` headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The origins whose pages may read answers (CORS); none by default.
    pub cors_origins: Vec<HeaderValue>,
    /// The largest body, in bytes.
    pub body_limit: usize,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
    /// How long a request may take until its answer begins.
    pub request_timeout: Duration,
    /// How long a connection may stay silent before, between and within the heads of requests.
    pub idle_timeout: Duration,
    /// How many connections may be open at once; what comes beyond is closed at once.
    pub max_connections: usize,
    /// How many of them from one address (IPv4 /32, IPv6 /64), trusted proxies excepted.
    pub max_connections_per_address: usize,
    /// For how long the server still answers everybody after it was told to stop, while it says that it is not ready: the time
    /// that whoever routes requests has to notice.
    pub stop_grace: Duration,
    /// What `GET /metrics` asks for as a bearer token; without one the route does not exist.
    pub metrics_token: Option<SecretString>,
    /// How strict the installation is.
    pub environment: Environment,
    /// Makes the spans of requests, where traces are recorded.
    pub span: Option<Arc<dyn SpanMaker>>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            base_url: "http://127.0.0.1:8080".to_owned(),
            trusted_proxies: Vec::new(),
            cors_origins: Vec::new(),
            body_limit: 1024 * 1024,
            body_timeout: Duration::from_secs(15),
            request_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
            max_connections: 10_000,
            max_connections_per_address: 1_000,
            stop_grace: Duration::ZERO,
            metrics_token: None,
            environment: Environment::Development,
            span: None,
        }
    }
}
