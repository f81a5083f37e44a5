//! The table of configuration keys: their names, defaults, formats and what they are for.
//!
//! This table is the single source of three things: what the loader accepts, what `lastro config check` prints, and
//! `docs/configuration.md`. A key's doc comment is its documentation in all of them.

use std::fmt;

/// The chapter of the documentation in which a key is described.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// Where rows are kept.
    Storage,
    /// How clients reach the server.
    Server,
    /// Credentials, keys and the first administrator.
    Identity,
    /// Limits on how often a client may ask.
    Limits,
    /// Logs, metrics, errors and traces.
    Observability,
    /// Mail that leaves the server.
    Mail,
    /// Events that leave the server.
    Webhooks,
}

impl Section {
    /// Every section, in the order in which the documentation shows them.
    pub const ALL: [Self; 7] = [
        Self::Storage,
        Self::Server,
        Self::Identity,
        Self::Limits,
        Self::Observability,
        Self::Mail,
        Self::Webhooks,
    ];
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Storage => "Storage",
            Self::Server => "Server",
            Self::Identity => "Identity and secrets",
            Self::Limits => "Limits",
            Self::Observability => "Observability",
            Self::Mail => "Mail",
            Self::Webhooks => "Webhooks",
        })
    }
}

/// How much of a value may be shown to a person or written to a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposure {
    /// The whole value.
    Open,
    /// The value is a URL whose user name and password are replaced.
    Credentials,
    /// Nothing but the fact that there is one.
    Secret,
}

/// What a key is worth when nobody set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// Nothing: the feature behind the key is off.
    Unset,
    /// This text, read by the same parser as a value somebody wrote.
    Value(&'static str),
    /// A value worked out from other keys; the text says how.
    Derived(&'static str),
}

/// One configuration key.
#[derive(Debug, PartialEq, Eq)]
pub struct Key {
    /// The name of the environment variable; `lastro.toml` takes the same name, in upper or lower case.
    pub name: &'static str,
    /// The chapter it belongs to.
    pub section: Section,
    /// What it is worth when nobody set it.
    pub fallback: Fallback,
    /// How much of it may be shown.
    pub exposure: Exposure,
    /// What a value looks like, for a person.
    pub format: &'static str,
    /// What it is for, in one paragraph.
    pub about: &'static str,
}

impl Key {
    /// The key with this name, in upper or lower case (not mixed), as `lastro.toml` spells it.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        KEYS.iter()
            .copied()
            .find(|key| key.name == name || key.name.to_ascii_lowercase() == name)
    }

    /// The known name that `name` was probably meant to be: at most two slips of the keyboard away.
    #[must_use]
    pub fn closest(name: &str) -> Option<&'static str> {
        let name = name.to_ascii_uppercase();
        KEYS.iter()
            .map(|key| (strsim::damerau_levenshtein(&name, key.name), key.name))
            .filter(|(slips, _)| *slips <= 2)
            .min()
            .map(|(_, name)| name)
    }
}

macro_rules! keys {
    ($($section:ident { $($(#[doc = $about:literal])+ $name:ident ($exposure:ident, $fallback:expr, $format:literal);)+ })+) => {
        $($(
            $(#[doc = $about])+
            pub static $name: Key = Key {
                name: stringify!($name),
                section: Section::$section,
                fallback: $fallback,
                exposure: Exposure::$exposure,
                format: $format,
                about: concat!($($about),+),
            };
        )+)+

        /// Every key, in the order in which the documentation shows them.
        pub static KEYS: &[&Key] = &[$($(&$name),+),+];
    };
}

use Fallback::{Derived, Unset, Value};

keys! {
    Storage {
        /// Where rows are kept. SQLite needs nothing installed; PostgreSQL is meant for production.
        /// `sqlite://data/lastro.db` is relative to the working folder, `sqlite:///var/lib/lastro/lastro.db` is absolute.
        DATABASE_URL (Credentials, Value("sqlite://data/lastro.db"), "`sqlite://PATH` or `postgres://USER:PASSWORD@HOST:PORT/NAME?sslmode=verify-full`");
        /// The owner role, used by `migrate`, `seed`, `restore` and retention, so that `serve` can run with a role that has no
        /// right to change tables.
        DATABASE_MIGRATION_URL (Credentials, Derived("`DATABASE_URL`"), "like `DATABASE_URL`, the same engine");
        /// A read replica, for reads that say they may lag behind.
        DATABASE_REPLICA_URL (Credentials, Unset, "`postgres://...`");
        /// A direct connection for notifications, when `DATABASE_URL` leads to a connection pooler.
        DATABASE_DIRECT_URL (Credentials, Unset, "`postgres://...`");
        /// The folder for what is kept beside the database: the generated master key, mail written to files.
        LASTRO_DATA_DIR (Open, Derived("the SQLite file's folder, else `./data`"), "a path");
    }
    Server {
        /// How strict the server is. `staging` and `production` are alike: secrets are not generated, mail must be decided on,
        /// and `--demo` is refused.
        LASTRO_ENV (Open, Value("development"), "`development`, `staging` or `production`");
        /// The address on which the API is served.
        LASTRO_BIND (Open, Value("127.0.0.1:8080"), "`ADDRESS:PORT`");
        /// A second address that serves only `/metrics` and `/health`, without a token: keep it off the public network.
        LASTRO_ADMIN_BIND (Open, Unset, "`ADDRESS:PORT`");
        /// The address under which clients reach this server. Every link that leaves it, in a mail or an answer, is made from it.
        LASTRO_BASE_URL (Open, Derived("`http://` and `LASTRO_BIND`"), "a URL without query");
        /// The proxies whose `Forwarded` and `X-Forwarded-For` headers are believed. Without any, the peer is the client; with
        /// some, the client is the right-most address that is none of them.
        LASTRO_TRUSTED_PROXIES (Open, Unset, "addresses and networks, such as `10.0.0.0/8,192.168.1.7`");
        /// The origins whose pages may call the API from a browser. Without any, none may.
        LASTRO_CORS_ORIGINS (Open, Unset, "origins such as `https://app.example.com`, or `*`");
        /// For how long the server still answers everybody after it was told to stop, while `/health/ready` is 503 and each answer
        /// asks to end its connection; then it accepts nothing more, and what runs has 30 seconds. Behind a balancer, a little
        /// longer than the balancer takes to notice.
        LASTRO_STOP_GRACE (Open, Value("0"), "a duration, or `0`");
    }
    Identity {
        /// The key that encrypts secrets at rest. Required in staging and production; in development it is generated into the
        /// data folder. Make one with `openssl rand -base64 32`.
        LASTRO_MASTER_KEY (Secret, Derived("in development, the file `master.key` in the data folder, made at the first start"), "32 bytes as base64 or hexadecimal");
        /// Other master keys, under which values open but are not sealed: the former one after a change, until
        /// `lastro keys rotate-master` sealed everything anew, and the refresh tokens made under it ended.
        LASTRO_MASTER_KEY_PREVIOUS (Secret, Unset, "master keys, separated by commas");
        /// The algorithm that signs access tokens.
        LASTRO_JWT_ALGORITHM (Open, Value("RS256"), "`RS256`, `ES256` or `EdDSA`");
        /// How long an access token lives.
        LASTRO_ACCESS_TOKEN_TTL (Open, Value("15m"), "a duration");
        /// How long an unused refresh token lives.
        LASTRO_REFRESH_TOKEN_TTL (Open, Value("7d"), "a duration, at least that of access tokens");
        /// For how long the predecessor of a refresh token is still answered with the same successor, so that parallel tabs and
        /// lost answers log nobody out. `0` is strict.
        LASTRO_REFRESH_GRACE (Open, Value("10s"), "a duration, or `0`");
        /// The first platform administrator, created when there is none. Needs `LASTRO_ADMIN_PASSWORD`.
        LASTRO_ADMIN_EMAIL (Open, Unset, "an e-mail address");
        /// The first platform administrator's password. Needs `LASTRO_ADMIN_EMAIL`.
        LASTRO_ADMIN_PASSWORD (Secret, Unset, "8 to 128 characters with letters and digits");
    }
    Limits {
        /// How often one actor may ask.
        LASTRO_RATE_LIMIT (Open, Value("6000/min"), "a rate, or `off`");
        /// How often one address may try to log in.
        LASTRO_LOGIN_RATE_LIMIT (Open, Value("60/min"), "a rate, or `off`");
        /// How many connections may be open at once; what comes beyond is closed at once. Each takes a file handle: the server raises
        /// its own limit of open files as far as the system lets it, and says at the start when that is too low for this.
        LASTRO_MAX_CONNECTIONS (Open, Value("10000"), "a number from 1");
        /// How many of them from one address (IPv4 /32, IPv6 /64), so that one client cannot take them all. Trusted proxies are
        /// excepted.
        LASTRO_MAX_CONNECTIONS_PER_ADDRESS (Open, Value("1000"), "a number from 1");
    }
    Observability {
        /// Which log lines are written, to standard error: a level, or directives by module such as `info,db=debug`.
        LASTRO_LOG (Open, Value("info"), "a `tracing` filter");
        /// How log lines look: `json` is one object a line, `pretty` is for people.
        LASTRO_LOG_FORMAT (Open, Derived("`pretty` in development on a terminal, else `json`"), "`json` or `pretty`");
        /// The bearer token with which `/metrics` answers; without it and without `LASTRO_ADMIN_BIND`, `/metrics` is 404.
        LASTRO_METRICS_TOKEN (Secret, Unset, "visible ASCII characters");
        /// Where errors are reported to. Events carry no personal data and no request body.
        SENTRY_DSN (Secret, Unset, "`https://KEY@HOST/PROJECT`");
        /// Where traces are exported to, as OTLP over HTTP with protobuf; `/v1/traces` is appended.
        OTEL_EXPORTER_OTLP_ENDPOINT (Credentials, Unset, "a URL such as `http://localhost:4318`");
    }
    Mail {
        /// The mail server. Unset in development, each mail is a file in `mail/` of the data folder. Staging and production need a
        /// value; `off` answers the routes that send mail with 503. `smtp://` is without TLS and only for development; with `?tls=required`
        /// it is encrypted by STARTTLS. Certificates are verified against those of the system, or of `SSL_CERT_FILE`. Mail comes from
        /// the address in the parameter `from` (`smtps://…?from=erp@example.com`), else from the user name where that is an address,
        /// else from `noreply@` and the host of `LASTRO_BASE_URL`.
        LASTRO_SMTP_URL (Credentials, Derived("in development, files in the data folder"), "`smtps://USER:PASSWORD@HOST:PORT`, `smtp://HOST:PORT` or `off`");
    }
    Webhooks {
        /// The pauses between the attempts at one delivery: n pauses are n + 1 attempts, then the delivery is dead.
        LASTRO_WEBHOOK_RETRY_SCHEDULE (Open, Value("5s,5m,30m,2h,5h,10h,10h"), "durations");
        /// Whether webhooks may lead to private and loopback addresses. Cloud metadata addresses stay refused.
        LASTRO_WEBHOOK_ALLOW_PRIVATE (Open, Value("off"), "`on` or `off`");
        /// How many streams of events (`GET /events/stream`) one organization keeps open on one node; more are answered 429.
        LASTRO_EVENT_STREAMS (Open, Value("100"), "a whole number");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_by_its_name_in_upper_or_lower_case() {
        assert_eq!(Key::find("LASTRO_BIND"), Some(&LASTRO_BIND));
        assert_eq!(Key::find("lastro_bind"), Some(&LASTRO_BIND));
        assert_eq!(Key::find("Lastro_Bind"), None);
        assert_eq!(Key::find("bind"), None);
    }

    #[test]
    fn a_misspelt_name_suggests_the_key_that_was_meant() {
        assert_eq!(Key::closest("lastro_bnid"), Some("LASTRO_BIND"));
        assert_eq!(Key::closest("DATABSE_URL"), Some("DATABASE_URL"));
        assert_eq!(Key::closest("LASTRO_PORT"), None);
    }

    #[test]
    fn names_are_unique_and_what_they_are_for_is_one_clean_paragraph() {
        for (index, key) in KEYS.iter().enumerate() {
            assert!(
                KEYS.iter().skip(index + 1).all(|other| other.name != key.name),
                "{} twice",
                key.name
            );
            assert!(
                key.about.trim().ends_with('.') && !key.about.contains("  "),
                "{}: {}",
                key.name,
                key.about
            );
        }
    }
}
