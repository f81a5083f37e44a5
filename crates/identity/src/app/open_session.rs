//! Opening a session: the end of every login.

use std::time::Duration;

use contracts::access::AccessControl;
use contracts::identity::SessionId;
use db::{DbError, UnitOfWork};
use http::RequestContext;
use kernel::secret::SecretString;
use kernel::{Id as _, OrganizationId};

use super::own_acts::ENTRY;
use crate::crypto::{AccessGrant, RefreshToken, TokenType};
use crate::domain::{Device, Generation, NewSession, RefreshRule, Session, StoredUser, User, UserId};
use crate::mail::{Letter, Queue, Recipient};
use crate::service::{CryptoRefusal, Service};
use crate::store::{sessions, users};

/// What a session hands out.
#[derive(Clone)]
pub(crate) struct Tokens {
    /// For the next minutes.
    pub(crate) access: SecretString,
    /// For the next ones after.
    pub(crate) refresh: SecretString,
    /// How long the access token lives.
    pub(crate) expires_in: Duration,
}

/// A session that is about to be opened. What takes time is done: the tokens are signed, and mean nothing until it is open.
#[derive(Clone)]
pub(crate) struct Opening {
    session: SessionId,
    device: Device,
    lifetime: Option<Duration>,
    rule: RefreshRule,
    /// Where its user is told of a device that was not seen before.
    queue: Queue,
    /// To be handed out once it is open.
    pub(crate) tokens: Tokens,
}

impl Opening {
    /// Prepares a session of the user, before a unit of work begins.
    pub(crate) async fn prepare(
        service: &Service,
        user: &StoredUser,
        request: &RequestContext,
    ) -> Result<Self, CryptoRefusal> {
        let session: SessionId = service.generators.id();
        let settings = service.settings(user.organization).await?;
        let first = RefreshToken {
            organization: user.organization,
            session,
            generation: Generation::FIRST,
        };
        Ok(Self {
            session,
            device: Device::new(request.user_agent(), request.client_ip()),
            lifetime: settings.session_ttl,
            rule: service.config.refresh,
            queue: Queue::of(service),
            tokens: Tokens {
                access: service.access_token(user.organization, user.id, session).await?,
                refresh: service.refresh_keys.token(first),
                expires_in: service.config.access_ttl,
            },
        })
    }

    /// Opens it, and notes the login; the user is held by the unit.
    pub(crate) async fn open(&self, uow: &UnitOfWork, user: &mut User) -> Result<(), DbError> {
        self.tell_of_device(uow, user).await?;
        user.record_login(uow.now());
        users::save(uow, &ENTRY, user).await?;
        let new = NewSession {
            organization: user.state().organization,
            user: user.state().id,
            device: self.device.clone(),
            lifetime: self.lifetime,
        };
        let mut session = Session::open(self.session, new, self.rule, uow.now());
        sessions::add(uow, &mut session).await
    }

    /// Tells the user by mail when none of their sessions was opened with such a device. The first login is from where they are.
    async fn tell_of_device(&self, uow: &UnitOfWork, user: &User) -> Result<(), DbError> {
        let state = user.state();
        let is_first = state.last_login_at.is_none();
        if is_first || sessions::knows_device(uow, state.organization, state.id, &self.device).await? {
            return Ok(());
        }
        let letter = Letter::NewDevice {
            user_agent: self.device.user_agent().map(str::to_owned),
            ip: self.device.ip().map(|ip| ip.to_string()),
            at: uow.now(),
        };
        let recipient = Recipient::user(user);
        self.queue.add(uow, state.organization, &recipient, &letter).await
    }
}

impl Service {
    /// Signs an access token for a user's session, before a unit of work begins.
    pub(crate) async fn access_token(
        &self,
        organization: OrganizationId,
        user: UserId,
        session: SessionId,
    ) -> Result<SecretString, CryptoRefusal> {
        let role = match self.ports.find::<dyn AccessControl>() {
            Some(access) => access.widest_system_role(organization, user).await?,
            None => None,
        };
        self.sign(AccessGrant {
            subject: user.as_uuid(),
            kind: TokenType::User,
            organization,
            role: role.map(str::to_owned),
            session: session.as_uuid(),
        })
        .await
    }
}
