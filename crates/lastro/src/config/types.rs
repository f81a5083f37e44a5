//! The types of configuration values.

use std::fmt;
use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};

use super::redact;

/// How strict the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// A developer's machine: missing secrets are generated, mail is written to files.
    Development,
    /// As strict as production.
    Staging,
    /// Customers' data.
    Production,
}

impl Environment {
    /// Whether nothing may be generated or assumed: staging and production alike.
    #[must_use]
    pub fn is_strict(self) -> bool {
        match self {
            Self::Development => false,
            Self::Staging | Self::Production => true,
        }
    }

    /// The name, as it is configured.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Staging => "staging",
            Self::Production => "production",
        }
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which database a URL leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseKind {
    /// One file, inside this process.
    Sqlite,
    /// A server.
    Postgres,
}

/// Where rows are kept. It may hold a password, so that it shows only what [`fmt::Display`] leaves of it.
#[derive(Clone)]
pub struct DatabaseUrl {
    url: SecretString,
    kind: DatabaseKind,
}

impl DatabaseUrl {
    /// Reads `sqlite://PATH`, `postgres://…` or `postgresql://…`; `None` when it is none of them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let kind = match text.split_once("://")? {
            // The path is all there is: a file name may hold anything but parameters.
            ("sqlite", path) if !path.is_empty() && !path.contains('?') => DatabaseKind::Sqlite,
            ("postgres" | "postgresql", _) if url::Url::parse(text).is_ok() => DatabaseKind::Postgres,
            _ => return None,
        };
        Some(Self {
            url: SecretString::from(text),
            kind,
        })
    }

    /// Which database it leads to.
    #[must_use]
    pub fn kind(&self) -> DatabaseKind {
        self.kind
    }

    /// The whole URL, with its password.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.url.expose_secret()
    }

    /// The file of an SQLite database; `None` for PostgreSQL.
    #[must_use]
    pub fn file(&self) -> Option<PathBuf> {
        self.expose().strip_prefix("sqlite://").map(PathBuf::from)
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact::without_credentials(self.expose()))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

/// Which origins' pages may call the API from a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CorsOrigins {
    /// Every origin.
    Any,
    /// These, as browsers spell them: scheme, host and port. None when empty.
    Listed(Vec<String>),
}

/// The algorithm that signs access tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JwtAlgorithm {
    /// RSA with SHA-256.
    Rs256,
    /// ECDSA over P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One object a line.
    Json,
    /// For people.
    Pretty,
}

/// Where mail goes.
#[derive(Debug, Clone)]
pub enum MailServer {
    /// Nowhere: routes that send mail answer 503.
    Off,
    /// Each mail is a file in the data folder. Only in development.
    Files,
    /// Over SMTP.
    Smtp {
        /// With its user name and password.
        url: SecretString,
        /// Whether the connection is encrypted.
        tls: bool,
    },
}

/// The administrator whom the server creates when there is none.
#[derive(Debug, Clone)]
pub struct FirstAdmin {
    /// The address to log in with.
    pub email: String,
    /// The password to log in with.
    pub password: SecretString,
}
