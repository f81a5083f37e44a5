//! Logging in with a password.

use std::time::Duration;

use contracts::audit::{SecurityEvent, SecurityTrail};
use contracts::identity::{UserId, UserView};
use contracts::organization::OrganizationSummary;
use db::{DbError, UnitContext, UnitOfWork};
use http::RequestContext;
use kernel::secret::SecretString;
use kernel::{Actor, ActorKind, Id as _, OrganizationId, Timestamp};

use super::challenge::{CHALLENGE_LIVES, Challenge};
use super::own_acts::ENTRY;
use super::{Guesses, Opening, Tokens};
use crate::crypto::PasswordHash;
use crate::domain::{Email, Password, User};
use crate::service::{CryptoRefusal, Service};
use crate::store::mfa_challenges::Purpose;
use crate::store::users;

/// An organization as a login names it.
#[derive(Debug, Clone)]
pub(crate) enum Named {
    /// By its id.
    Id(OrganizationId),
    /// By its slug.
    Slug(String),
}

/// Who wants to come in.
pub(crate) struct Attempt {
    pub(crate) organization: Named,
    pub(crate) email: Email,
    pub(crate) password: Password,
}

/// What came of it.
pub(crate) enum LoggedIn {
    /// A session is open.
    Opened(Box<(Tokens, UserView)>),
    /// The password was right, and that is not enough.
    Challenged {
        /// Whether to enter a code or to enrol first.
        purpose: Purpose,
        /// What to present with it.
        challenge: SecretString,
        /// How long it counts.
        expires_in: Duration,
    },
}

/// Why nobody came in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoginRefusal {
    /// Wrong organization, address or password, inactive user or organization: nobody is told which.
    #[error("wrong credentials")]
    Wrong,
    /// Too many wrong ones before.
    #[error("locked")]
    Locked(Timestamp),
    /// Too much is waiting, or there is no memory for it.
    #[error(transparent)]
    Crypto(#[from] CryptoRefusal),
    /// The database.
    #[error(transparent)]
    Storage(#[from] DbError),
}

/// Lets a user in, or says no in a way that tells nothing: the same work is done whether or not there is such a user.
///
/// # Errors
/// [`LoginRefusal`].
pub(crate) async fn login(
    service: &Service,
    attempt: Attempt,
    request: &RequestContext,
) -> Result<LoggedIn, LoginRefusal> {
    let organization = service.named(&attempt.organization).await?;
    let keeper = organization.as_ref().map_or(service.platform, |known| known.id);
    let guesses = match (&organization, &attempt.organization) {
        (None, Named::Slug(slug)) => Guesses::elsewhere(service, keeper, slug, &attempt.email, request.client_ip()),
        (None, Named::Id(id)) => {
            Guesses::elsewhere(service, keeper, &id.to_string(), &attempt.email, request.client_ip())
        }
        (Some(known), _) => Guesses::at(service, known.id, &attempt.email, request.client_ip()),
    };
    if let Some(until) = guesses.locked_until(service).await? {
        return Err(LoginRefusal::Locked(until));
    }
    let found = users::find_by_email(service.db.scope(keeper), &attempt.email).await?;
    let may_enter = organization.as_ref().is_some_and(|known| known.is_active);
    let known = found.filter(|user| may_enter && user.state().is_active);
    let stored = known.as_ref().and_then(|user| user.state().password.clone());
    let is_right = service.verify(attempt.password.clone(), stored.clone()).await?;
    match (known, stored) {
        (Some(user), Some(stored)) if is_right => {
            let right = Right {
                user,
                stored,
                password: attempt.password,
                guesses,
            };
            right.proceed(service, request).await
        }
        (known, _) => {
            let locked = guesses.count(service, known.as_ref()).await?;
            if let Some(organization) = &organization {
                note_failure(service, organization.id, known.as_ref(), request);
            }
            Err(locked.map_or(LoginRefusal::Wrong, LoginRefusal::Locked))
        }
    }
}

/// A login whose password was right.
struct Right {
    user: User,
    stored: PasswordHash,
    password: Password,
    guesses: Guesses,
}

impl Right {
    /// Opens a session, or asks for the second factor.
    async fn proceed(self, service: &Service, request: &RequestContext) -> Result<LoggedIn, LoginRefusal> {
        let state = self.user.state();
        let settings = service.settings(state.organization).await?;
        let rehashed = if service.hasher.needs_rehash(&self.stored) {
            Some(service.hash(self.password.clone()).await?)
        } else {
            None
        };
        let entry = Entry {
            stored: self.stored,
            rehashed,
            guesses: self.guesses,
        };
        let purpose = match (state.mfa_enabled, settings.mfa_required) {
            (true, _) => Some(Purpose::Verify),
            (false, true) => Some(Purpose::Enrol),
            (false, false) => None,
        };
        match purpose {
            Some(purpose) => challenge(service, &self.user, entry, purpose, request).await,
            None => open(service, &self.user, entry, request).await,
        }
    }
}

/// What was found right before the unit of work, to be seen again inside it.
#[derive(Clone)]
struct Entry {
    stored: PasswordHash,
    rehashed: Option<PasswordHash>,
    guesses: Guesses,
}

impl Entry {
    /// Holds the user, who must still be who was let in, and stores the password's new hash, if there is one. The user is not
    /// saved yet.
    async fn hold(self, uow: &UnitOfWork, user: &User) -> Result<User, LoginRefusal> {
        if let Some(until) = self.guesses.locked_meanwhile(uow).await? {
            return Err(LoginRefusal::Locked(until));
        }
        let state = user.state();
        let held = users::lock(uow, &ENTRY, state.organization, state.id).await?;
        let mut held = held
            .filter(|user| user.state().is_active && user.state().password.as_ref() == Some(&self.stored))
            .ok_or(LoginRefusal::Wrong)?;
        if let Some(rehashed) = self.rehashed {
            held.rehash(rehashed);
        }
        Ok(held)
    }
}

async fn open(
    service: &Service,
    user: &User,
    entry: Entry,
    request: &RequestContext,
) -> Result<LoggedIn, LoginRefusal> {
    let opening = Opening::prepare(service, user.state(), request).await?;
    let tokens = opening.tokens.clone();
    let user = user.clone();
    let view = service
        .db
        .write(unit(&user, request), move |uow| {
            let (opening, user, entry) = (opening.clone(), user.clone(), entry.clone());
            async move {
                let guesses = entry.guesses.clone();
                let mut user = entry.hold(&uow, &user).await?;
                opening.open(&uow, &mut user).await?;
                guesses.forget(&uow).await?;
                Ok::<_, LoginRefusal>(UserView::from(&user))
            }
        })
        .await?;
    Ok(LoggedIn::Opened(Box::new((tokens, view))))
}

async fn challenge(
    service: &Service,
    user: &User,
    entry: Entry,
    purpose: Purpose,
    request: &RequestContext,
) -> Result<LoggedIn, LoginRefusal> {
    let challenge = Challenge::new(service, user.state(), purpose);
    let secret = challenge.text();
    let user = user.clone();
    let context = unit(&user, request).unaudited("half a login is none; the other half opens the session");
    service
        .db
        .write(context, move |uow| {
            let (challenge, user, entry) = (challenge.clone(), user.clone(), entry.clone());
            async move {
                // Wrong codes are guesses too: only the whole login makes earlier ones forgotten.
                let mut user = entry.hold(&uow, &user).await?;
                users::save(&uow, &ENTRY, &mut user).await?;
                challenge.store(&uow).await?;
                Ok::<_, LoginRefusal>(())
            }
        })
        .await?;
    Ok(LoggedIn::Challenged {
        purpose,
        challenge: secret,
        expires_in: CHALLENGE_LIVES,
    })
}

/// The unit in which the user comes in.
pub(super) fn unit(user: &User, request: &RequestContext) -> UnitContext {
    let state = user.state();
    unit_of(state.organization, state.id, state.name.as_str().to_owned(), request)
}

/// As [`unit`], where no more is known of the user.
pub(super) fn unit_of(
    organization: OrganizationId,
    user: UserId,
    name: String,
    request: &RequestContext,
) -> UnitContext {
    let actor = Actor {
        kind: ActorKind::User,
        id: user.as_uuid(),
        name,
    };
    UnitContext::tenant(actor, organization).from_origin(request.origin())
}

/// Tells the security trail of a failure.
pub(super) fn note_failure(
    service: &Service,
    organization: OrganizationId,
    user: Option<&User>,
    request: &RequestContext,
) {
    let Some(trail) = service.ports.find::<dyn SecurityTrail>() else {
        return;
    };
    let (target_kind, target_id) = match user {
        Some(user) => ("user", user.state().id.as_uuid()),
        None => ("organization", organization.as_uuid()),
    };
    let origin = request.origin();
    trail.note(SecurityEvent {
        organization,
        actor: None,
        action: LOGIN_FAILED,
        target_kind,
        target_id,
        request_id: origin.request_id,
        ip: origin.ip,
        user_agent: origin.user_agent,
    });
}

/// The action of a failed login in the security trail.
const LOGIN_FAILED: &str = "login.failed";

impl Service {
    /// The organization that a login names, if there is one.
    pub(crate) async fn named(&self, organization: &Named) -> Result<Option<OrganizationSummary>, DbError> {
        match organization {
            Named::Id(id) => self.organization(*id).await,
            Named::Slug(slug) => self.organization_by_slug(slug).await,
        }
    }
}
