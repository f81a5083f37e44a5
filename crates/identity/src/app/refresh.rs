//! Continuing a session with its refresh token.

use db::{DbError, UnitContext};
use http::RequestContext;

use super::end_sessions::end_session;
use super::{Tokens, login};
use crate::crypto::RefreshToken;
use crate::domain::{Generation, Refreshed, RevocationReason, SessionRefusal};
use crate::service::{CryptoRefusal, Service};
use crate::store::sessions;

/// Why a session does not go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RefreshRefusal {
    /// No token of this installation, or of a session that it does not know.
    #[error("not a refresh token of this installation")]
    Invalid,
    /// Its organization is deactivated.
    #[error("the organization is not active")]
    TenantInactive,
    /// The session has ended.
    #[error("the session has ended")]
    Ended,
    /// The token was used up before: somebody has a copy, and the session has ended by this.
    #[error("the refresh token was used before")]
    Reused,
    /// Too much is waiting.
    #[error(transparent)]
    Crypto(#[from] CryptoRefusal),
    /// The database.
    #[error(transparent)]
    Storage(#[from] DbError),
}

impl From<SessionRefusal> for RefreshRefusal {
    fn from(refusal: SessionRefusal) -> Self {
        match refusal {
            SessionRefusal::Ended => Self::Ended,
            SessionRefusal::Reused => Self::Reused,
            SessionRefusal::Unknown => Self::Invalid,
        }
    }
}

/// Hands out the next tokens of a session. Whoever repeats the last use within the grace gets the very same refresh token.
///
/// A token that was not made here is refused before anything else: without its tag nobody can make the server read or write.
///
/// # Errors
/// [`RefreshRefusal`].
pub(crate) async fn refresh(
    service: &Service,
    presented: &str,
    request: &RequestContext,
) -> Result<Tokens, RefreshRefusal> {
    let presented = service
        .refresh_keys
        .verify(presented)
        .map_err(|_| RefreshRefusal::Invalid)?;
    let RefreshToken {
        organization, session, ..
    } = presented;
    let home = service.organization(organization).await?;
    if !home.ok_or(RefreshRefusal::Invalid)?.is_active {
        return Err(RefreshRefusal::TenantInactive);
    }
    let scope = service.db.scope(organization);
    let holder = sessions::holder(scope, session, service.generators.now()).await?;
    let holder = holder.filter(|holder| holder.is_live).ok_or(RefreshRefusal::Ended)?;
    let access = service.access_token(organization, holder.user, session).await?;
    let context = login::unit_of(organization, holder.user, holder.name, request);
    let newest = continued(service, presented, context).await?;
    let next = RefreshToken {
        generation: newest,
        ..presented
    };
    Ok(Tokens {
        access,
        refresh: service.refresh_keys.token(next),
        expires_in: service.config.access_ttl,
    })
}

/// Decides with the session held, so that of many at once one rotates. The newest generation of refresh tokens.
async fn continued(
    service: &Service,
    presented: RefreshToken,
    context: UnitContext,
) -> Result<Generation, RefreshRefusal> {
    let rule = service.config.refresh;
    let context = context.unaudited("a refresh shows nobody anything new; one that ends the session is an event");
    let decided = service
        .db
        .write(context, move |uow| async move {
            let held = sessions::lock(&uow, presented.organization, presented.session).await?;
            let Some(mut session) = held else {
                return Ok(Err(SessionRefusal::Ended));
            };
            let decided = session.refresh(presented.generation, rule, uow.now());
            match decided {
                Ok(Refreshed::Rotated(_)) => sessions::save(&uow, &mut session).await?,
                Err(SessionRefusal::Reused) => {
                    end_session(&uow, &mut session, RevocationReason::RefreshReused).await?;
                }
                Ok(Refreshed::Repeated(_)) | Err(SessionRefusal::Ended | SessionRefusal::Unknown) => {}
            }
            // A refusal that changed something must commit.
            Ok::<_, DbError>(decided)
        })
        .await?;
    let (Refreshed::Rotated(newest) | Refreshed::Repeated(newest)) = decided?;
    Ok(newest)
}
