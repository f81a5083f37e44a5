//! Support sessions: somebody of the platform acts in a customer's organization for a while.
//!
//! Who does is a guest there: a user whose id is the session's, with one grant that ends. So the customer's own rules decide about it
//! as about anybody, its trail names it, and two sessions of one person do not add up.

use std::sync::Arc;
use std::time::Duration;

use contracts::access::{ORG_ADMIN, VIEWER};
use contracts::identity::{NewSupportSession, PreparedSupport, SupportSessionId, SupportSessions};
use db::{AccessChange, ChangeKind, DbError, UnitOfWork};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use kernel::text::checked_lines;
use kernel::{DomainEvent, FieldValue, Id as _, OrganizationId, RuleViolation, Timestamp};
use uuid::Uuid;

use crate::crypto::{AccessGrant, TokenType};
use crate::manifest::{SUPPORT_SESSION_CREATED, SUPPORT_SESSION_ENDED};
use crate::service::Service;
use crate::store::support_sessions::{self, LiveSupport};
use crate::view::SupportSessionFact;

/// How long a support session lives: the contract says at most an hour.
const LIFETIME: Duration = Duration::from_secs(60 * 60);
/// The longest reason, in characters.
const MAX_REASON: usize = 500;

/// Opens support sessions.
pub(crate) struct Support {
    service: Arc<Service>,
}

impl Support {
    pub(crate) fn new(service: &Arc<Service>) -> Self {
        Self {
            service: Arc::clone(service),
        }
    }
}

impl SupportSessions for Support {
    fn check_reason(&self, reason: &str) -> Result<String, RuleViolation> {
        checked_lines("reason", reason, 1, MAX_REASON)
    }

    fn prepare(&self, new: NewSupportSession) -> BoxFuture<'_, Result<PreparedSupport, DbError>> {
        async move {
            let id: SupportSessionId = self.service.generators.id();
            let role = if new.can_write { ORG_ADMIN } else { VIEWER };
            let grant = AccessGrant {
                subject: new.user.as_uuid(),
                kind: TokenType::User,
                organization: new.organization,
                role: Some(role.to_owned()),
                session: id.as_uuid(),
            };
            Ok(PreparedSupport {
                id,
                token: self.service.sign_for(grant, LIFETIME).await?,
                new,
                lifetime: LIFETIME,
            })
        }
        .boxed()
    }

    fn open<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        prepared: &'a PreparedSupport,
    ) -> BoxFuture<'a, Result<Timestamp, DbError>> {
        async move {
            let expires_at = uow.now().plus(prepared.lifetime);
            support_sessions::add(uow, prepared, expires_at).await?;
            let new = &prepared.new;
            let event = DomainEvent::new(SUPPORT_SESSION_CREATED, prepared.id)
                .changed("reason", FieldValue::Null, new.reason.as_str())
                .changed("write", FieldValue::Null, new.can_write)
                .changed("expiresAt", FieldValue::Null, expires_at);
            let fact = SupportSessionFact {
                id: prepared.id,
                user_id: new.user,
                reason: new.reason.clone(),
                write: new.can_write,
                expires_at,
            };
            tell(uow, new.organization, event, &fact, expires_at)?;
            Ok(expires_at)
        }
        .boxed()
    }

    fn end_all<'a>(&'a self, uow: &'a UnitOfWork, organization: OrganizationId) -> BoxFuture<'a, Result<(), DbError>> {
        async move {
            for guest in support_sessions::guests(uow.scope(organization).reads()).await? {
                end_support_session(uow, organization, guest.id).await?;
            }
            Ok(())
        }
        .boxed()
    }
}

/// Ends the support session that asks: `guest` is who acts, and the session's id is the same. False when nobody's guest asks.
pub(crate) async fn end_support_session(
    uow: &UnitOfWork,
    organization: OrganizationId,
    guest: Uuid,
) -> Result<bool, DbError> {
    let id = SupportSessionId::from_uuid(guest);
    let scope = uow.scope(organization);
    let Some(session) = support_sessions::live(scope.reads(), id, uow.now()).await? else {
        return Ok(false);
    };
    if !support_sessions::end(uow, organization, id).await? {
        return Ok(false);
    }
    let LiveSupport {
        user,
        reason,
        can_write,
        expires_at,
        ..
    } = session;
    let fact = SupportSessionFact {
        id,
        user_id: user,
        reason,
        write: can_write,
        expires_at,
    };
    let event = DomainEvent::new(SUPPORT_SESSION_ENDED, id).changed("expiresAt", expires_at, uow.now());
    tell(uow, organization, event, &fact, expires_at)?;
    Ok(true)
}

/// Records what happened, and has everybody who decides hear of the guest.
fn tell(
    uow: &UnitOfWork,
    organization: OrganizationId,
    event: DomainEvent,
    fact: &SupportSessionFact,
    expires_at: Timestamp,
) -> Result<(), DbError> {
    uow.record_all(organization, [event], fact)?;
    uow.access_changed(AccessChange {
        organization_id: Some(organization),
        kind: ChangeKind::User,
        subject: Some(fact.id.as_uuid()),
        until: Some(expires_at),
    });
    Ok(())
}
