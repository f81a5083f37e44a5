//! Who a credential belongs to: asked at every request.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::http::Method;
use contracts::identity::{ApiKeyId, ServiceAccountId, SessionId, SupportSessionId, UserId};
use db::{ChangeKind, DbError, UnitContext};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{ApiError, Authenticator, Credential, ErrorCode, Identity, RequestContext};
use kernel::{Actor, ActorKind, Id as _, Timestamp};

use crate::api_key_gate::ApiKeyGate;
use crate::crypto::{Claims, OpaqueSecret, SecretKind, TokenError, TokenOwner, TokenType, VerifiedTokens};
use crate::domain::ClientSecretId;
use crate::service::Service;
use crate::store::{api_keys, service_accounts, sessions, support_sessions};

/// The last use of a session, an account or a key is written at most so often.
const LAST_USED_PRECISION: Duration = Duration::from_secs(60);
/// Where the challenge of a login is a credential, below the prefix of the API.
const ENROLMENT: [&str; 2] = ["/auth/me/mfa/totp", "/auth/me/mfa/totp/confirm"];

/// Knows credentials by the database, and those seen lately from memory.
///
/// A verified token is remembered until it ends, or its session, its subject or its organization's keys change: the change feed
/// tells, this node right after the commit, and others within a second. Before a token is remembered its session is read from the
/// database; [`VerifiedTokens`] sees to it that what is revoked in between is not remembered. So what ended needs no memory of
/// its own.
pub(crate) struct Gate {
    service: Arc<Service>,
    known: Arc<VerifiedTokens<Arc<Known>>>,
    keys: Arc<ApiKeyGate>,
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
        let keys = Arc::new(ApiKeyGate::new(Arc::clone(&service)));
        let (forgetful, forgetful_of_keys, signing) = (Arc::clone(&known), Arc::clone(&keys), Arc::clone(&service));
        service.db.feed().subscribe(move |changes| {
            for change in changes {
                if change.kind == ChangeKind::SigningKeys {
                    signing.keys.outdate();
                    forgetful.revoke_all();
                }
                forgetful_of_keys.forget(change);
                let Some(organization) = change.organization_id else {
                    continue;
                };
                match (change.kind, change.subject) {
                    (ChangeKind::Session | ChangeKind::Credential, Some(session)) => {
                        forgetful.revoke_session(organization, session);
                    }
                    (ChangeKind::User | ChangeKind::ServiceAccount, Some(subject)) => {
                        forgetful.revoke_subject(organization, subject);
                    }
                    (
                        ChangeKind::Session | ChangeKind::Credential | ChangeKind::User | ChangeKind::ServiceAccount,
                        None,
                    ) => forgetful.revoke_organization(organization),
                    _ => {}
                }
            }
        });
        Self { service, known, keys }
    }

    async fn access_token(&self, token: &str, now: Timestamp) -> Result<Arc<Identity>, ApiError> {
        // Taken before the session is read: see `VerifiedTokens`.
        let ticket = self.known.ticket();
        let claims = self.verify(token, now).await?;
        let organization = claims.tenant_id;
        let (known, ends_at) = match claims.kind {
            TokenType::User => match self.user(&claims, now).await? {
                Some(user) => user,
                // Not remembered: it ends with rows of two organizations and a setting, and is seldom used.
                None => return self.guest(&claims, now).await,
            },
            TokenType::Service => self.service_account(&claims, now).await?,
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

    /// Whom a user's token belongs to, and when its session ends; `None` when the user has no such session.
    async fn user(&self, claims: &Claims, now: Timestamp) -> Result<Option<(Arc<Known>, Timestamp)>, ApiError> {
        let scope = self.service.db.scope(claims.tenant_id);
        let (session, user) = (SessionId::from_uuid(claims.sid), UserId::from_uuid(claims.sub));
        let found = sessions::holder(scope, session, now).await?;
        let Some(holder) = found.filter(|holder| holder.user == user) else {
            return Ok(None);
        };
        if !holder.is_live {
            return Err(ApiError::new(ErrorCode::AuthSessionRevoked));
        }
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
        Ok(Some((Known::new(identity, holder.last_used_at), holder.expires_at)))
    }

    /// Whom the token of a support session belongs to, as long as the session, the login that it was opened from and its user live,
    /// and the customer lets the platform in.
    async fn guest(&self, claims: &Claims, now: Timestamp) -> Result<Arc<Identity>, ApiError> {
        let over = || ApiError::new(ErrorCode::AuthSessionRevoked);
        let (db, organization) = (&self.service.db, claims.tenant_id);
        let user = UserId::from_uuid(claims.sub);
        let session = support_sessions::live(db.scope(organization), SupportSessionId::from_uuid(claims.sid), now)
            .await?
            .filter(|session| session.user == user)
            .ok_or_else(over)?;
        if !self.service.settings(organization).await?.support_access {
            return Err(over());
        }
        let login = sessions::holder(db.scope(self.service.platform), session.login, now)
            .await?
            .filter(|login| login.is_live && login.user == user)
            .ok_or_else(over)?;
        Ok(Arc::new(Identity {
            actor: Arc::new(Actor {
                kind: ActorKind::User,
                id: claims.sid,
                name: format!("Support: {}", login.name),
            }),
            organization,
            session: Some(claims.sid),
            is_platform_service: false,
        }))
    }

    /// Whom a token of the client credentials grant belongs to, and when it ends with the secret that it was asked for with.
    async fn service_account(&self, claims: &Claims, now: Timestamp) -> Result<(Arc<Known>, Timestamp), ApiError> {
        let scope = self.service.db.scope(claims.tenant_id);
        let account = service_accounts::find_by_secret_id(scope, ClientSecretId::from_uuid(claims.sid))
            .await?
            .filter(|account| account.id.as_uuid() == claims.sub && account.valid_until.is_none_or(|end| now < end))
            .ok_or_else(|| ApiError::new(ErrorCode::AuthSessionRevoked))?;
        let identity = Identity {
            actor: Arc::new(Actor {
                kind: ActorKind::ServiceAccount,
                id: claims.sub,
                name: account.name,
            }),
            organization: claims.tenant_id,
            session: Some(claims.sid),
            is_platform_service: claims.tenant_id == self.service.platform,
        };
        let used = account.last_used_at.unwrap_or(Timestamp::UNIX_EPOCH);
        Ok((
            Known::new(identity, used),
            account.valid_until.unwrap_or(Timestamp::MAX),
        ))
    }

    /// Whom an opaque credential belongs to.
    async fn opaque(
        &self,
        secret: OpaqueSecret,
        request: &RequestContext,
        now: Timestamp,
    ) -> Result<Arc<Identity>, ApiError> {
        if secret.kind() == SecretKind::MfaChallenge {
            return self.enrolling(&secret, request).await;
        }
        let known = self.keys.identify(&secret, request, now).await?;
        self.note_use(&known, now);
        Ok(Arc::clone(&known.identity))
    }

    /// Whom the challenge of a login belongs to that needs a second factor set up first: the credential for the two requests that
    /// do it. Everywhere else it is no credential at all.
    async fn enrolling(&self, challenge: &OpaqueSecret, request: &RequestContext) -> Result<Arc<Identity>, ApiError> {
        let path = request.path();
        let below = path
            .strip_prefix("/api")
            .unwrap_or(path)
            .strip_prefix("/v1")
            .unwrap_or(path);
        let user = if request.method() == Method::POST && ENROLMENT.contains(&below) {
            self.service.enrolling(challenge).await?
        } else {
            None
        };
        let user = user.ok_or_else(|| ApiError::new(ErrorCode::AuthInvalidToken))?;
        let state = user.state();
        Ok(Arc::new(Identity {
            actor: Arc::new(Actor {
                kind: ActorKind::User,
                id: state.id.as_uuid(),
                name: state.name.as_str().to_owned(),
            }),
            organization: state.organization,
            session: None,
            is_platform_service: false,
        }))
    }

    /// Notes the last use of a session, a service account or a key, at most once a minute and without making the request wait.
    fn note_use(&self, known: &Known, now: Timestamp) {
        if !known.is_due(now) {
            return;
        }
        let (service, identity) = (Arc::clone(&self.service), Arc::clone(&known.identity));
        tokio::spawn(async move {
            if let Err(error) = touch(&service, &identity, now).await {
                tracing::warn!(%error, "the last use of a credential was not noted");
            }
        });
    }
}

async fn touch(service: &Service, identity: &Identity, now: Timestamp) -> Result<(), DbError> {
    let (actor, organization, session) = (identity.actor.as_ref(), identity.organization, identity.session);
    let context =
        UnitContext::tenant(actor.clone(), organization).unaudited("the last use of a credential is no change of it");
    let (kind, id, noted_before) = (actor.kind, actor.id, now.minus(LAST_USED_PRECISION));
    service
        .db
        .write(context, move |uow| async move {
            match (kind, session) {
                (ActorKind::User, Some(session)) => {
                    sessions::touch(&uow, organization, SessionId::from_uuid(session), now).await
                }
                (ActorKind::ServiceAccount, _) => {
                    let account = ServiceAccountId::from_uuid(id);
                    service_accounts::note_use(&uow, organization, account, noted_before).await
                }
                (ActorKind::ApiKey, _) => {
                    api_keys::note_use(&uow, organization, ApiKeyId::from_uuid(id), noted_before).await
                }
                (ActorKind::User | ActorKind::System, _) => Ok(()),
            }
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
            (_, Ok(secret)) => self.opaque(secret, request, now).boxed(),
            (Credential::Bearer(_), Err(_)) => self.access_token(text, now).boxed(),
            (Credential::ApiKey(_), Err(_)) => {
                std::future::ready(Err(ApiError::new(ErrorCode::AuthInvalidToken))).boxed()
            }
        }
    }
}
