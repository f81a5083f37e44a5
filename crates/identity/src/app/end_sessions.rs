//! Ending sessions before their time.

use std::time::Duration;

use contracts::identity::{SessionId, UserId};
use db::{AccessChange, ChangeKind, DbError, UnitOfWork};
use kernel::{Id as _, OrganizationId};

use crate::domain::{RevocationReason, Session};
use crate::store::{mfa_challenges, sessions};

/// How long the change feed remembers that a session ended. A node that starts reads sessions from the database before it accepts
/// their tokens, so this need not be as long as a token lives: only as a node may be behind.
const REMEMBERED: Duration = Duration::from_secs(60 * 60);

/// Ends one session that the unit holds: its refresh tokens continue nothing any more, and its access tokens are refused at once
/// here and within a second elsewhere.
pub(crate) async fn end_session(
    uow: &UnitOfWork,
    session: &mut Session,
    reason: RevocationReason,
) -> Result<(), DbError> {
    session.revoke(reason, uow.now());
    sessions::save(uow, session).await?;
    uow.access_changed(AccessChange {
        organization_id: Some(session.state().organization),
        kind: ChangeKind::Session,
        subject: Some(session.state().id.as_uuid()),
        until: Some(uow.now().plus(REMEMBERED)),
    });
    Ok(())
}

/// Ends all sessions of a user but `keep`, and with another password also the logins that wait for their second step; how many
/// sessions there were.
pub(crate) async fn end_sessions(
    uow: &UnitOfWork,
    organization: OrganizationId,
    user: UserId,
    keep: Option<SessionId>,
    reason: RevocationReason,
) -> Result<usize, DbError> {
    let mut live = sessions::lock_live(uow, organization, user).await?;
    live.retain(|session| Some(session.state().id) != keep);
    for session in &mut live {
        end_session(uow, session, reason).await?;
    }
    if reason == RevocationReason::PasswordChanged {
        mfa_challenges::forget(uow, organization, user).await?;
    }
    Ok(live.len())
}

/// What there was to end of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OwnSession {
    /// It ended just now.
    Ended,
    /// It had ended before.
    Over,
    /// It is not the user's.
    NotOwn,
}

/// Ends a session of the user's own.
pub(crate) async fn end_own_session(
    uow: &UnitOfWork,
    organization: OrganizationId,
    user: UserId,
    id: SessionId,
) -> Result<OwnSession, DbError> {
    let held = sessions::lock(uow, organization, id).await?;
    match held.filter(|session| session.state().user == user) {
        None => Ok(OwnSession::NotOwn),
        Some(session) if !session.is_live(uow.now()) => Ok(OwnSession::Over),
        Some(mut session) => {
            end_session(uow, &mut session, RevocationReason::Logout).await?;
            Ok(OwnSession::Ended)
        }
    }
}
