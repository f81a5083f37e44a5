//! Who a credential belongs to: asked at every request.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use contracts::identity::{SessionId, UserId};
use db::{ChangeKind, DbError, UnitContext};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{ApiError, Authenticator, Credential, ErrorCode, Identity, RequestContext};
use kernel::{Actor, ActorKind, Id as _, OrganizationId, Timestamp};

use crate::crypto::{Claims, OpaqueSecret, TokenError, TokenOwner, TokenType, VerifiedTokens};
use crate::service::Service;
use crate::store::sessions;

/// A session's last use is written at most so often.
const LAST_USED_PRECISION: Duration = Duration::from_secs(60);

/// Knows credentials by the database, and those seen lately from memory.
///
/// A verified token is remembered until it ends, or its session, its subject or its organization's keys change: the change feed
/// tells, this node right after the commit, and others within a second. Before a token is remembered its session is read from the
/// database; [`VerifiedTokens`] sees to it that what is revoked in between is not remembered. So what ended needs no memory of
/// its own.
pub(crate) struct Gate {
    service: Arc<Service>,
    known: Arc<VerifiedTokens<Arc<Known>>>,
}

/// What is remembered of a credential.
pub(crate) struct Known {
    identity: Arc<Identity>,
    /// When its last use was last noted, in microseconds since 1970.
    noted: AtomicI64,
}

impl Known {
    /// An identity whose last use was noted then.
    pub(crate) fn new(identity: Identity, noted: Timestamp) -> Arc<Self> {
        Arc::new(Self {
            identity: Arc::new(identity),
            noted: AtomicI64::new(noted.as_micros()),
        })
    }

    /// Whether this use is to be noted; of several at once one is.
    fn is_due(&self, now: Timestamp) -> bool {
        let noted = self.noted.load(Ordering::Relaxed);
        now.since(Timestamp::from_micros(noted)) >= LAST_USED_PRECISION
            && self
                .noted
                .compare_exchange(noted, now.as_micros(), Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

impl Gate {
    /// Follows the change feed from now on.
    pub(crate) fn new(service: Arc<Service>) -> Self {
        let known = Arc::new(VerifiedTokens::<Arc<Known>>::new(service.config.remembered_tokens));
        let (forgetful, keys) = (Arc::clone(&known), Arc::clone(&service));
        service.db.feed().subscribe(move |changes| {
            for change in changes {
                if change.kind == ChangeKind::SigningKeys {
                    keys.keys.outdate();
                    forgetful.revoke_all();
                }
                let Some(organization) = change.organization_id else {
                    continue;
                };
                match (change.kind, change.subject) {
                    (ChangeKind::Session | ChangeKind::Credential, Some(session)) => {
                        forgetful.revoke_session(organization, session);
                    }
                    (ChangeKind::User | ChangeKind::ServiceAccount | ChangeKind::ApiKey, Some(subject)) => {
                        forgetful.revoke_subject(organization, subject);
                    }
                    (ChangeKind::Session | ChangeKind::Credential | ChangeKind::User, None)
                    | (ChangeKind::ServiceAccount | ChangeKind::ApiKey, None) => {
                        forgetful.revoke_organization(organization);
                    }
                    _ => {}
                }
            }
        });
        Self { service, known }
    }

    async fn access_token(&self, token: &str, now: Timestamp) -> Result<Arc<Identity>, ApiError> {
        // Taken before the session is read: see `VerifiedTokens`.
        let ticket = self.known.ticket();
        let claims = self.verify(token, now).await?;
        let organization = claims.tenant_id;
        let (known, ends_at) = match claims.kind {
            TokenType::User => self.user(&claims, now).await?,
            TokenType::Service => (self.service_account(&claims, now).await?, claims.expires_at()),
        };
        let owner = TokenOwner {
            organization,
            subject: claims.sub,
            session: claims.sid,
            // A signature never outlives its session.
            expires_at: claims.expires_at().min(ends_at),
        };
        let identity = Arc::clone(&known.identity);
        self.note_use(&known, now);
        self.known.insert(ticket, token, owner, known, now);
        Ok(identity)
    }

    /// What the token says, if it is genuine and not over.
    async fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, ApiError> {
        let mut verified = self.service.keys.current().await?.verifier.verify(token, now);
        if verified == Err(TokenError::UnknownKey) {
            verified = self.service.keys.newest().await?.verifier.verify(token, now);
        }
        verified.map_err(|error| match error {
            TokenError::Expired => ApiError::new(ErrorCode::AuthTokenExpired),
            other => ApiError::new(ErrorCode::AuthInvalidToken).internally(other.to_string()),
        })
    }

    /// Whom a user's token belongs to, and when its session ends.
    async fn user(&self, claims: &Claims, now: Timestamp) -> Result<(Arc<Known>, Timestamp), ApiError> {
        let scope = self.service.db.scope(claims.tenant_id);
        let (session, user) = (SessionId::from_uuid(claims.sid), UserId::from_uuid(claims.sub));
        let holder = sessions::holder(scope, session, user, now)
            .await?
            .filter(|holder| holder.is_live)
            .ok_or_else(|| ApiError::new(ErrorCode::AuthSessionRevoked))?;
        let identity = Identity {
            actor: Arc::new(Actor {
                kind: ActorKind::User,
                id: claims.sub,
                name: holder.name,
            }),
            organization: claims.tenant_id,
            session: Some(claims.sid),
            is_platform_service: false,
        };
        Ok((Known::new(identity, holder.last_used_at), holder.expires_at))
    }

    /// Whom a token of the client credentials grant belongs to.
    #[expect(clippy::unused_async, reason = "the account is read once there are service accounts")]
    async fn service_account(&self, _claims: &Claims, _now: Timestamp) -> Result<Arc<Known>, ApiError> {
        Err(ApiError::new(ErrorCode::AuthInvalidToken))
    }

    /// Whom an opaque credential belongs to.
    #[expect(clippy::unused_async, reason = "the key is read once there are keys")]
    async fn opaque(&self, _secret: OpaqueSecret, _request: &RequestContext) -> Result<Arc<Identity>, ApiError> {
        Err(ApiError::new(ErrorCode::AuthInvalidToken))
    }

    /// Notes the last use of a session, at most once a minute and without making the request wait.
    fn note_use(&self, known: &Known, now: Timestamp) {
        if known.identity.actor.kind != ActorKind::User || !known.is_due(now) {
            return;
        }
        let Some(session) = known.identity.session else { return };
        let service = Arc::clone(&self.service);
        let (actor, organization) = (known.identity.actor.as_ref().clone(), known.identity.organization);
        tokio::spawn(async move {
            let noted = touch(&service, actor, organization, SessionId::from_uuid(session), now).await;
            if let Err(error) = noted {
                tracing::warn!(%error, "the last use of a session was not noted");
            }
        });
    }
}

async fn touch(
    service: &Service,
    actor: Actor,
    organization: OrganizationId,
    session: SessionId,
    now: Timestamp,
) -> Result<(), DbError> {
    let context = UnitContext::tenant(actor, organization).unaudited("the last use of a session is no change of it");
    service
        .db
        .write(context, move |uow| async move {
            sessions::touch(&uow, organization, session, now).await
        })
        .await
}

impl Authenticator for Gate {
    fn authenticate<'a>(
        &'a self,
        credential: Credential<'a>,
        request: &'a RequestContext,
    ) -> BoxFuture<'a, Result<Arc<Identity>, ApiError>> {
        let (Credential::Bearer(text) | Credential::ApiKey(text)) = credential;
        let now = self.service.generators.now();
        if let Credential::Bearer(_) = credential
            && let Some(known) = self.known.get(text, now)
        {
            self.note_use(&known, now);
            return std::future::ready(Ok(Arc::clone(&known.identity))).boxed();
        }
        match (credential, OpaqueSecret::parse(text)) {
            (_, Ok(secret)) => self.opaque(secret, request).boxed(),
            (Credential::Bearer(_), Err(_)) => self.access_token(text, now).boxed(),
            (Credential::ApiKey(_), Err(_)) => {
                std::future::ready(Err(ApiError::new(ErrorCode::AuthInvalidToken))).boxed()
            }
        }
    }
}
