//! Connecting to PostgreSQL: address, TLS, timeouts.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::task::AbortHandle;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::DbError;

/// How long reaching one server may take.
const CONNECT: Duration = Duration::from_secs(5);
/// What the server is to do about a peer that is gone without a word (a machine that lost its power or its network): ask after 10 s of
/// silence and end the session within another 15 s, or when what it sends is not received for 10 s (ms). Until then the session keeps
/// its locks and its snapshot; by itself Linux asks after two hours. Any role may set them, and on a Unix socket they do nothing.
const DEAD_PEERS: &str =
    "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 -c tcp_user_timeout=10000";

/// How to reach one server in one capacity.
#[derive(Clone)]
pub(crate) struct Connector {
    config: Config,
    tls: Option<MakeRustlsConnect>,
    role: Option<&'static str>,
}

impl Connector {
    /// Parses an address. `sslmode` is `disable`, or `require`/`verify-full`, which are the same here: an encrypted
    /// connection whose certificate is verified (against `sslrootcert`, else the system's roots). Absent or `prefer`: off for a
    /// socket or a loopback address, verified elsewhere, so that forgetting it is never the weaker choice.
    pub(crate) fn parse(url: &str) -> Result<Self, DbError> {
        let (address, query) = url.split_once('?').unwrap_or((url, ""));
        let mut mode = "prefer";
        let mut roots = None;
        let mut kept = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("sslmode", value)) => mode = value,
                Some(("sslrootcert", value)) => roots = Some(decoded(value)),
                _ => kept.push(pair),
            }
        }
        let plain = if kept.is_empty() {
            address.to_owned()
        } else {
            format!("{address}?{}", kept.join("&"))
        };
        // The driver's message may repeat parts of the address, so it is not carried over.
        let mut config: Config = plain
            .parse()
            .map_err(|_| DbError::Internal("the PostgreSQL address cannot be read".into()))?;
        config.connect_timeout(CONNECT);
        config.keepalives_idle(Duration::from_secs(30));
        config.tcp_user_timeout(Duration::from_secs(10));
        // Of settings of one name the last one counts: what the address says of them stands behind.
        let options = match config.get_options() {
            Some(own) => format!("{DEAD_PEERS} {own}"),
            None => DEAD_PEERS.to_owned(),
        };
        config.options(options);
        if config.get_application_name().is_none() {
            config.application_name("lastro");
        }
        let encrypted = match mode {
            "disable" => false,
            "require" | "verify-full" | "verify-ca" => true,
            "prefer" | "allow" => !is_local(&config),
            _ => return Err(DbError::Internal("sslmode is disable, require or verify-full".into())),
        };
        config.ssl_mode(if encrypted { SslMode::Require } else { SslMode::Disable });
        let tls = if encrypted {
            Some(MakeRustlsConnect::new(tls_config(roots.as_deref())?))
        } else {
            None
        };
        Ok(Self {
            config,
            tls,
            role: None,
        })
    }

    /// Adds server settings applied when the session starts (`-c name=value …`), so that no SET statement is ever needed. They count
    /// before those of the address.
    pub(crate) fn with_settings(mut self, settings: &str) -> Self {
        let all = match self.config.get_options() {
            Some(own) => format!("{own} {settings}"),
            None => settings.to_owned(),
        };
        self.config.options(all);
        self
    }

    /// Works as `role`, which the login may take. Each connection is asked whether it does: a pooler in between may have dropped
    /// the settings, and then neither row-level security nor the limits of the role would hold.
    pub(crate) fn with_role(self, role: &'static str) -> Self {
        let mut connector = self.with_settings(&format!("-c role={role}"));
        connector.role = Some(role);
        connector
    }

    /// The role that connections must have.
    pub(crate) fn role(&self) -> Option<&'static str> {
        self.role
    }

    /// The login role, when the address names one.
    pub(crate) fn user(&self) -> Option<&str> {
        self.config.get_user()
    }

    /// Opens a connection and drives it on a task of its own until it ends or is aborted.
    pub(crate) async fn connect(&self) -> Result<(Client, AbortHandle), DbError> {
        // The driver's own limit covers reaching the server, not its greeting.
        let hosts = u32::try_from(self.config.get_hosts().len()).unwrap_or(u32::MAX);
        match tokio::time::timeout(CONNECT * hosts.max(1), self.greet()).await {
            Ok(connected) => connected,
            Err(_) => Err(DbError::Unavailable("connecting took too long".into())),
        }
    }

    async fn greet(&self) -> Result<(Client, AbortHandle), DbError> {
        match &self.tls {
            Some(tls) => {
                let (client, connection) = self.config.connect(tls.clone()).await?;
                Ok((client, tokio::spawn(ignore_end(connection)).abort_handle()))
            }
            None => {
                let (client, connection) = self.config.connect(NoTls).await?;
                Ok((client, tokio::spawn(ignore_end(connection)).abort_handle()))
            }
        }
    }
}

/// The end of a connection is told to every caller that waits on it; the driving task itself has nobody to tell.
async fn ignore_end<E: std::fmt::Display>(connection: impl Future<Output = Result<(), E>>) {
    if let Err(error) = connection.await {
        tracing::debug!(error = %error, "a database connection ended");
    }
}

/// Whether nobody stands between here and the server.
fn is_local(config: &Config) -> bool {
    // The address that is dialled, where one is given beside the name.
    let addresses = config.get_hostaddrs();
    if !addresses.is_empty() {
        return addresses.iter().all(std::net::IpAddr::is_loopback);
    }
    config.get_hosts().iter().all(|host| match host {
        #[cfg(unix)]
        Host::Unix(_) => true,
        Host::Tcp(name) => name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback()),
    })
}

/// A value of the address's query: percent-encoded, and a plus sign is a plus sign.
fn decoded(value: &str) -> String {
    let pair = format!("={}", value.replace('+', "%2B"));
    url::form_urlencoded::parse(pair.as_bytes())
        .next()
        .map_or_else(String::new, |(_, value)| value.into_owned())
}

fn tls_config(root_file: Option<&str>) -> Result<ClientConfig, DbError> {
    let mut roots = RootCertStore::empty();
    match root_file {
        Some(path) => {
            let certificates = CertificateDer::pem_file_iter(path)
                .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                .map_err(|error| DbError::Internal(format!("sslrootcert cannot be read: {error}")))?;
            roots.add_parsable_certificates(certificates);
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        return Err(DbError::Internal(
            "no certificate authority to verify the database with".into(),
        ));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| DbError::Internal(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encrypted(url: &str) -> bool {
        Connector::parse(url).unwrap().tls.is_some()
    }

    #[test]
    fn tls_is_off_only_where_nobody_listens_or_when_asked() {
        assert!(!encrypted("postgresql://lastro@localhost/lastro"));
        assert!(!encrypted("postgresql://lastro@127.0.0.1/lastro"));
        assert!(!encrypted("postgresql:///lastro?host=/run/postgresql"));
        assert!(!encrypted("postgresql://lastro@db.example.com/lastro?sslmode=disable"));
        assert!(encrypted("postgresql://lastro@db.example.com/lastro"));
        assert!(encrypted("postgresql://lastro@/lastro?hostaddr=203.0.113.7"));
        assert!(encrypted("postgresql://lastro@localhost/lastro?hostaddr=203.0.113.7"));
        assert!(!encrypted("postgresql://lastro@/lastro?hostaddr=127.0.0.1"));
        assert!(encrypted("postgresql://lastro@localhost/lastro?sslmode=verify-full"));
        assert!(Connector::parse("postgresql://localhost/lastro?sslmode=maybe").is_err());
    }

    #[test]
    fn the_address_decides_on_dead_peers_and_the_program_on_the_rest() {
        let options = |url: &str| {
            let connector = Connector::parse(url).unwrap().with_settings("-c jit=off");
            connector.config.get_options().map(str::to_owned).unwrap()
        };
        assert_eq!(
            options("postgresql://localhost/lastro"),
            format!("{DEAD_PEERS} -c jit=off")
        );
        assert_eq!(
            options("postgresql://localhost/lastro?options=-c%20tcp_keepalives_idle%3D60"),
            format!("{DEAD_PEERS} -c tcp_keepalives_idle=60 -c jit=off")
        );
    }

    #[test]
    fn the_path_of_a_root_certificate_is_decoded() {
        assert_eq!(decoded("/etc/my%20certs/a+b.pem"), "/etc/my certs/a+b.pem");
    }

    #[test]
    fn a_bad_address_is_not_repeated() {
        let error = Connector::parse("postgresql://lastro:hunter2@host:port/x")
            .map(|_| ())
            .unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
    }
}
