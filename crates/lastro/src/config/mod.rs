//! Typed configuration: every key, read once at start, with all problems listed at once.
//!
//! The environment wins over `lastro.toml`, which wins over the defaults. What exists, what it means and what it is worth
//! when nobody set it stands in [`keys`]; how a text becomes a value in `parse`; what several keys must satisfy together in
//! `load`. Secrets are held in types that cannot be printed, and what is shown of a value passes through `redact`.
//!
//! ```
//! use lastro::config::{Config, Sources};
//!
//! let sources = Sources {
//!     variables: [("LASTRO_BIND".into(), "127.0.0.1:9000".into())].into(),
//!     file: None,
//!     working_folder: "/nonexistent".into(),
//! };
//! let loaded = Config::load(&sources).unwrap();
//! assert_eq!(loaded.config.server.bind.port(), 9000);
//! ```

mod docs;
mod file;
pub mod keys;
mod load;
mod parse;
mod problem;
mod reader;
mod redact;
mod report;
mod source;
mod types;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use secrecy::SecretString;
use url::Url;

pub use docs::documentation;
pub use load::Loaded;
pub use problem::{InvalidConfig, Problem};
pub use reader::Effective;
pub use redact::REDACTED;
pub use report::report;
pub use source::{DEFAULT_FILE, Origin, Sources};
pub use types::{CorsOrigins, DatabaseKind, DatabaseUrl, Environment, FirstAdmin, JwtAlgorithm, LogFormat, MailServer};

/// The whole configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// How strict the server is.
    pub environment: Environment,
    /// The folder for what is kept beside the database.
    pub data_folder: PathBuf,
    /// Where rows are kept.
    pub database: Database,
    /// How clients reach the server.
    pub server: Server,
    /// Access and refresh tokens.
    pub tokens: Tokens,
    /// The key that encrypts secrets at rest; `None` in development when it is to be generated into the data folder.
    pub master_key: Option<vault::MasterKey>,
    /// Other keys under which values open.
    pub former_master_keys: Vec<vault::MasterKey>,
    /// The first platform administrator, if the server is to create one.
    pub first_admin: Option<FirstAdmin>,
    /// How often a client may ask.
    pub limits: Limits,
    /// Logs, metrics, errors and traces.
    pub observability: Observability,
    /// Where mail goes.
    pub mail: MailServer,
    /// Events that leave the server.
    pub webhooks: Webhooks,
}

/// Where rows are kept.
#[derive(Debug, Clone)]
pub struct Database {
    /// For serving.
    pub url: DatabaseUrl,
    /// For changing tables; the same as `url` unless set.
    pub migration_url: DatabaseUrl,
    /// For reads that say they may lag behind.
    pub replica_url: Option<DatabaseUrl>,
    /// For notifications, when `url` leads to a pooler.
    pub direct_url: Option<DatabaseUrl>,
}

/// How clients reach the server.
#[derive(Debug, Clone)]
pub struct Server {
    /// The address of the API.
    pub bind: SocketAddr,
    /// The address of metrics and health alone.
    pub admin_bind: Option<SocketAddr>,
    /// The address that links are made from.
    pub base_url: Url,
    /// Whose forwarding headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whose pages may call the API.
    pub cors_origins: CorsOrigins,
    /// For how long the server still answers, saying that it is not ready, when it was told to stop; zero is not at all.
    pub stop_grace: Duration,
}

/// Access and refresh tokens.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// The algorithm that signs access tokens.
    pub algorithm: JwtAlgorithm,
    /// How long an access token lives.
    pub access_lifetime: Duration,
    /// How long an unused refresh token lives.
    pub refresh_lifetime: Duration,
    /// For how long a refresh token's predecessor gets the same successor; zero is strict.
    pub refresh_grace: Duration,
}

/// How often a client may ask.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Per actor; `None` is no limit.
    pub requests: Option<kernel::Rate>,
    /// Log-ins per address; `None` is no limit.
    pub logins: Option<kernel::Rate>,
    /// Connections that are open at once.
    pub connections: usize,
    /// Those of one address.
    pub connections_per_address: usize,
}

/// Logs, metrics, errors and traces.
#[derive(Debug, Clone)]
pub struct Observability {
    /// Which log lines are written.
    pub log_filter: String,
    /// How they look; `None` when that depends on whether a person is watching.
    pub log_format: Option<LogFormat>,
    /// The token with which metrics answer.
    pub metrics_token: Option<SecretString>,
    /// Where errors are reported to.
    pub sentry_dsn: Option<SecretString>,
    /// Where traces are exported to, without `/v1/traces`. It may hold credentials.
    pub otlp_endpoint: Option<SecretString>,
}

/// Events that leave the server.
#[derive(Debug, Clone)]
pub struct Webhooks {
    /// The pauses between attempts, at least one.
    pub retry_schedule: Vec<Duration>,
    /// Whether private and loopback addresses are allowed.
    pub allow_private: bool,
    /// How many streams of events one organization keeps open on a node.
    pub streams: usize,
}
