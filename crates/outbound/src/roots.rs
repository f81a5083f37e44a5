//! Whom to believe: the certificates of the operating system, read when they are first needed.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;

use crate::dial::DialError;

/// The TLS side of all connections.
#[derive(Debug, Default)]
pub(crate) struct Tls {
    connector: OnceCell<ClientConfigHandle>,
}

/// The shared configuration.
#[derive(Debug, Clone)]
struct ClientConfigHandle(Arc<ClientConfig>);

impl Tls {
    /// Believes these certificates alone.
    pub(crate) fn trusting(roots: RootCertStore) -> Result<Self, DialError> {
        let config = configured(roots)?;
        Ok(Self {
            connector: OnceCell::new_with(Some(config)),
        })
    }

    /// What makes a stream a secure one.
    pub(crate) async fn connector(&self) -> Result<TlsConnector, DialError> {
        let config = self
            .connector
            .get_or_try_init(|| async {
                // Reading a few hundred files takes milliseconds, which nobody else is to wait for.
                tokio::task::spawn_blocking(system_roots)
                    .await
                    .map_err(|_| DialError::Tls("the system's certificates cannot be read"))
                    .and_then(configured)
            })
            .await?;
        Ok(TlsConnector::from(Arc::clone(&config.0)))
    }
}

/// The operating system's, or those of `SSL_CERT_FILE`. One that cannot be read is left out: it makes the others no worse.
fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (_, ignored) = roots.add_parsable_certificates(found.certs);
    if !found.errors.is_empty() || ignored > 0 {
        tracing::warn!(errors = ?found.errors, ignored, "some of the system's certificates cannot be read");
    }
    roots
}

fn configured(roots: RootCertStore) -> Result<ClientConfigHandle, DialError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| DialError::Tls("TLS cannot be set up"))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(ClientConfigHandle(Arc::new(config)))
}
