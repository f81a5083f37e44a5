//! Whom an API key belongs to: asked at every request that carries one.

use std::sync::Arc;

use db::{AccessChange, ChangeKind};
use http::{ApiError, ErrorCode, Identity, RequestContext};
use kernel::{Actor, ActorKind, Id as _, OrganizationId, Timestamp};

use crate::authenticator::Known;
use crate::crypto::{OpaqueSecret, SecretKind, TokenOwner, VerifiedTokens};
use crate::domain::IpAllowlist;
use crate::service::Service;
use crate::store::api_keys;

/// Knows keys by the database, and those seen lately from memory.
///
/// A key is remembered by the digest of its secret until it ends, it changes, or whoever made it changes: the change feed tells.
/// A secret carries its organization, so looking one up reads rows of that one alone.
pub(crate) struct ApiKeyGate {
    service: Arc<Service>,
    known: VerifiedTokens<Arc<KnownKey>>,
}

/// What is remembered of a key.
struct KnownKey {
    known: Arc<Known>,
    ip_allowlist: IpAllowlist,
}

impl ApiKeyGate {
    pub(crate) fn new(service: Arc<Service>) -> Self {
        Self {
            known: VerifiedTokens::new(service.config.remembered_tokens),
            service,
        }
    }

    /// Forgets what the change outdates.
    pub(crate) fn forget(&self, change: &AccessChange) {
        let Some(organization) = change.organization_id else {
            return;
        };
        match (change.kind, change.subject) {
            (ChangeKind::ApiKey, Some(key)) => self.known.revoke_subject(organization, key),
            // A key dies with its maker.
            (ChangeKind::User | ChangeKind::ServiceAccount, Some(maker)) => {
                self.known.revoke_session(organization, maker);
            }
            (ChangeKind::ApiKey | ChangeKind::User | ChangeKind::ServiceAccount, None) => {
                self.known.revoke_organization(organization);
            }
            _ => {}
        }
    }

    /// Whom the secret belongs to, if it is a living key's and may be used from where the request came from.
    ///
    /// # Errors
    /// `AUTH_INVALID_TOKEN`, whatever is wrong; `AUTH_TOKEN_EXPIRED` for a key past its end. `INTERNAL_UNAVAILABLE` when it
    /// cannot be told.
    pub(crate) async fn identify(
        &self,
        secret: &OpaqueSecret,
        request: &RequestContext,
        now: Timestamp,
    ) -> Result<Arc<Known>, ApiError> {
        if secret.kind() != SecretKind::ApiKey {
            return Err(invalid());
        }
        let key = match self.known.get(secret.expose(), now) {
            Some(key) => key,
            None => self.look_up(secret, now).await?,
        };
        if key.ip_allowlist.admits(request.client_ip()) {
            Ok(Arc::clone(&key.known))
        } else {
            Err(invalid().internally("an API key was used from an address outside its allowlist"))
        }
    }

    async fn look_up(&self, secret: &OpaqueSecret, now: Timestamp) -> Result<Arc<KnownKey>, ApiError> {
        // Taken before the key is read: what is revoked in between is not remembered.
        let ticket = self.known.ticket();
        let organization = secret.organization();
        let scope = self.service.db.scope(organization);
        let found = api_keys::find_by_secret(scope, secret.digest()).await?;
        let found = found.filter(|key| key.is_maker_active).ok_or_else(invalid)?;
        let ends_at = [found.expires_at, found.valid_until].into_iter().flatten().min();
        if ends_at.is_some_and(|end| end <= now) {
            return Err(ApiError::new(ErrorCode::AuthTokenExpired));
        }
        let owner = TokenOwner {
            organization,
            subject: found.id.as_uuid(),
            session: found.maker,
            expires_at: ends_at.unwrap_or(Timestamp::MAX),
        };
        let key = Arc::new(KnownKey {
            known: Known::new(
                identity(organization, found.id.as_uuid(), found.name),
                found.last_used_at.unwrap_or(Timestamp::UNIX_EPOCH),
            ),
            ip_allowlist: found.ip_allowlist,
        });
        self.known.insert(ticket, secret.expose(), owner, Arc::clone(&key), now);
        Ok(key)
    }
}

fn identity(organization: OrganizationId, key: uuid::Uuid, name: String) -> Identity {
    Identity {
        actor: Arc::new(Actor {
            kind: ActorKind::ApiKey,
            id: key,
            name,
        }),
        organization,
        session: None,
        is_platform_service: false,
    }
}

fn invalid() -> ApiError {
    ApiError::new(ErrorCode::AuthInvalidToken)
}
