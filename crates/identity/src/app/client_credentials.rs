//! An access token for a service account that proves itself with its secret (RFC 6749, section 4.4).

use std::time::Duration;

use db::DbError;
use kernel::Id as _;
use kernel::secret::SecretString;

use crate::crypto::{AccessGrant, OpaqueSecret, SecretKind, TokenType};
use crate::service::{CryptoRefusal, Service};
use crate::store::service_accounts;

/// What a service account gets.
pub(crate) struct ServiceToken {
    /// The token.
    pub(crate) access: SecretString,
    /// How long it lives: never longer than the secret that it was asked for with.
    pub(crate) expires_in: Duration,
}

/// Why it gets none.
#[derive(Debug)]
pub(crate) enum ClientRefusal {
    /// There is no such account, it or its organization is deactivated, or the secret is not its own.
    Unknown,
    /// The token was not signed.
    Crypto(CryptoRefusal),
    /// The storage failed.
    Storage(DbError),
}

impl From<CryptoRefusal> for ClientRefusal {
    fn from(refusal: CryptoRefusal) -> Self {
        Self::Crypto(refusal)
    }
}

impl From<DbError> for ClientRefusal {
    fn from(error: DbError) -> Self {
        Self::Storage(error)
    }
}

/// Gives the account with this client id and secret a token, whose `sid` is the secret's id: it dies with it.
///
/// # Errors
/// [`ClientRefusal`].
pub(crate) async fn client_credentials(
    service: &Service,
    client_id: &str,
    secret: &str,
) -> Result<ServiceToken, ClientRefusal> {
    // The secret carries its organization, and a checksum: what is no secret of ours is refused without asking the database.
    let secret = OpaqueSecret::parse(secret)
        .ok()
        .filter(|secret| secret.kind() == SecretKind::ClientSecret)
        .ok_or(ClientRefusal::Unknown)?;
    let (organization, now) = (secret.organization(), service.generators.now());
    let account = service_accounts::find_by_secret(service.db.scope(organization), secret.digest())
        .await?
        .filter(|account| account.id.to_string() == client_id)
        .filter(|account| account.valid_until.is_none_or(|end| now < end))
        .ok_or(ClientRefusal::Unknown)?;
    let home = service.organization(organization).await?;
    if !home.is_some_and(|home| home.is_active) {
        return Err(ClientRefusal::Unknown);
    }
    let access = service
        .sign(AccessGrant {
            subject: account.id.as_uuid(),
            kind: TokenType::Service,
            organization,
            role: None,
            session: account.secret.as_uuid(),
        })
        .await?;
    let left = account.valid_until.map_or(Duration::MAX, |end| end.since(now));
    Ok(ServiceToken {
        access,
        expires_in: left.min(service.config.access_ttl),
    })
}
