//! The sockets that requests come in by.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another process has it.
    #[error("{address} is in use by another process; set {key} to another address, or stop that process")]
    InUse {
        /// The address.
        address: SocketAddr,
        /// The configuration key that names it.
        key: &'static str,
    },
    /// Anything else.
    #[error("{address} ({key}) cannot be listened on")]
    Other {
        /// The address.
        address: SocketAddr,
        /// The configuration key that names it.
        key: &'static str,
        /// Why.
        source: io::Error,
    },
}

/// Listens on an address that the configuration key `key` names.
///
/// # Errors
///
/// [`ListenError`], naming address and key.
pub async fn listen(address: SocketAddr, key: &'static str) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => ListenError::InUse { address, key },
        _ => ListenError::Other { address, key, source },
    })
}
