//! The HTTP client with which error reports and traces leave: blocking, on the exporters' own threads.

use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::TelemetryError;

/// How long one report may take; the exporters hold what comes in the meantime.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A client for `url`. Redirects are not followed: a report goes where the operator said, or nowhere.
pub(super) fn agent(url: &str) -> Result<Agent, TelemetryError> {
    let mut config = Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .max_redirects(0)
        .http_status_as_error(false)
        .user_agent(concat!("lastro/", env!("CARGO_PKG_VERSION")));
    if url.starts_with("https://") {
        config = config.tls_config(tls()?);
    }
    Ok(config.build().new_agent())
}

/// TLS with the certificates that the machine trusts.
fn tls() -> Result<TlsConfig, TelemetryError> {
    let found = rustls_native_certs::load_native_certs();
    let certificates: Vec<_> = found
        .certs
        .iter()
        .map(|certificate| Certificate::from_der(certificate.as_ref()).to_owned())
        .collect();
    if certificates.is_empty() {
        let reasons: Vec<_> = found.errors.iter().map(ToString::to_string).collect();
        return Err(TelemetryError::NoCertificates(reasons.join("; ")));
    }
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&certificates))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .build())
}
