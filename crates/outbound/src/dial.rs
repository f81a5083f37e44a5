//! Connecting: resolve, look at every address, connect to one of those that were looked at.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use url::Url;

use crate::address::{Refused, Rules};
use crate::resolve::{Resolver, SystemResolver};
use crate::roots::Tls;

/// How long looking a host up may take.
const RESOLVE: Duration = Duration::from_secs(5);
/// How long connecting to one address may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long agreeing on keys may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// To how many addresses of one host it is tried to connect.
const TRIES: usize = 4;

/// Why there is no connection. The words are this program's own: what the other side said is not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// The rules do not allow it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The host has no address.
    #[error("the host cannot be resolved")]
    Unresolvable,
    /// Nothing took the connection.
    #[error("{0}")]
    Connect(&'static str),
    /// The other side did not prove who it is, or did not agree on keys.
    #[error("{0}")]
    Tls(&'static str),
}

/// Makes checked connections. Cheap to clone.
#[derive(Clone)]
pub struct Dialer {
    rules: Rules,
    resolver: Arc<dyn Resolver>,
    tls: Arc<Tls>,
}

impl Dialer {
    /// Connects by these rules, with the operating system's resolver and certificates.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            resolver: Arc::new(SystemResolver),
            tls: Arc::default(),
        }
    }

    /// With another resolver.
    #[must_use]
    pub fn resolving_with(mut self, resolver: Arc<dyn Resolver>) -> Self {
        self.resolver = resolver;
        self
    }

    /// Believing these certificates alone.
    ///
    /// # Errors
    /// [`DialError::Tls`] when TLS cannot be set up at all.
    pub fn trusting(mut self, roots: RootCertStore) -> Result<Self, DialError> {
        self.tls = Arc::new(Tls::trusting(roots)?);
        Ok(self)
    }

    /// The rules.
    #[must_use]
    pub fn rules(&self) -> Rules {
        self.rules
    }

    /// Whether the URL may be connected to, as far as can be told without asking anybody.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn admit(&self, url: &Url) -> Result<(), Refused> {
        self.rules.admit_url(url)
    }

    /// As [`admit`](Self::admit), and what its host resolves to right now. A host that does not resolve is not refused: it may
    /// tomorrow, and is looked at again before each connection.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn admit_resolved(&self, url: &Url) -> Result<(), Refused> {
        self.admit(url)?;
        let Some(host) = url.host_str() else {
            return Err(Refused::Host);
        };
        match self.resolve(host, 1).await {
            Err(DialError::Refused(refused)) => Err(refused),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// The addresses of the host, every one of which may be connected to.
    ///
    /// # Errors
    /// [`DialError::Unresolvable`], [`DialError::Refused`].
    pub async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, DialError> {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let addresses = match host.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => match timeout(RESOLVE, self.resolver.resolve(host)).await {
                Ok(Ok(addresses)) => addresses,
                Ok(Err(_)) | Err(_) => return Err(DialError::Unresolvable),
            },
        };
        if addresses.is_empty() {
            return Err(DialError::Unresolvable);
        }
        for address in &addresses {
            self.rules.admit_address(*address)?;
        }
        Ok(addresses
            .into_iter()
            .map(|address| SocketAddr::new(address, port))
            .collect())
    }

    /// A connection to the host.
    ///
    /// # Errors
    /// [`DialError`].
    pub async fn tcp(&self, host: &str, port: u16) -> Result<TcpStream, DialError> {
        let mut last = DialError::Unresolvable;
        for address in self.resolve(host, port).await?.into_iter().take(TRIES) {
            match timeout(CONNECT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // Requests are written whole; to wait for more to send with them only delays them.
                    let _best_effort = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(error)) => last = DialError::Connect(in_words(&error)),
                Err(_) => last = DialError::Connect("connecting took too long"),
            }
        }
        Err(last)
    }

    /// A secure connection to the host, which has proved to be it.
    ///
    /// # Errors
    /// [`DialError`].
    pub async fn tls(&self, host: &str, port: u16) -> Result<TlsStream<TcpStream>, DialError> {
        let stream = self.tcp(host, port).await?;
        self.secure(host, stream).await
    }

    /// Makes a connection that began in the clear a secure one (STARTTLS).
    ///
    /// # Errors
    /// [`DialError::Tls`].
    pub async fn secure(&self, host: &str, stream: TcpStream) -> Result<TlsStream<TcpStream>, DialError> {
        let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
        let name =
            ServerName::try_from(host.to_owned()).map_err(|_| DialError::Tls("the host has no name to prove"))?;
        let connector = self.tls.connector().await?;
        match timeout(HANDSHAKE, connector.connect(name, stream)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(_)) => Err(DialError::Tls("the host's certificate or its TLS is not acceptable")),
            Err(_) => Err(DialError::Tls("the TLS handshake took too long")),
        }
    }
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer")
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

fn in_words(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "the connection was refused",
        io::ErrorKind::ConnectionReset => "the connection was reset",
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => "the host cannot be reached",
        _ => "no connection could be made",
    }
}
