//! Changing one's own password.

use contracts::identity::{SessionId, UserId, UserView};
use db::{DbError, UnitOfWork};
use http::RequestContext;
use kernel::{OrganizationId, Rule, RuleViolation, Timestamp};

use super::Guesses;
use super::end_sessions::end_sessions;
use super::own_acts::ONESELF;
use crate::crypto::PasswordHash;
use crate::domain::{Email, Password, PasswordPolicy, RevocationReason, User};
use crate::mail::{Letter, Queue, Recipient};
use crate::service::{CryptoRefusal, Service};
use crate::store::one_time_tokens::{self, Purpose};
use crate::store::users;

/// Why the password stays.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChangeRefusal {
    /// There is no such user any more.
    #[error("there is no such user")]
    NotFound,
    /// It is not as the client last saw it.
    #[error("the user has changed since it was read")]
    Stale,
    /// What is wrong with what was entered.
    #[error("the request breaks rules")]
    Violations(Vec<RuleViolation>),
    /// Too many wrong passwords before.
    #[error("locked")]
    Locked(Timestamp),
    /// Too much is waiting.
    #[error(transparent)]
    Crypto(#[from] CryptoRefusal),
    /// The database.
    #[error(transparent)]
    Storage(#[from] DbError),
}

/// A new password whose owner proved to know the current one: everything that takes time is done.
#[derive(Clone)]
pub(crate) struct NewPassword {
    user: UserId,
    organization: OrganizationId,
    replaced: Option<PasswordHash>,
    hash: PasswordHash,
    /// The session that goes on.
    keep: Option<SessionId>,
    /// Where its owner is told.
    queue: Queue,
}

impl Service {
    /// What a new password of the organization's users must be.
    pub(crate) async fn password_policy(&self, organization: OrganizationId) -> Result<PasswordPolicy, DbError> {
        let settings = self.settings(organization).await?;
        let asked = usize::try_from(settings.password_min_length).unwrap_or(PasswordPolicy::LONGEST);
        let asked = asked.clamp(PasswordPolicy::SHORTEST, PasswordPolicy::LONGEST);
        Ok(PasswordPolicy::with_min_length(asked).unwrap_or_default())
    }

    /// Checks a new password for the owner of an address, against the policy of the organization.
    ///
    /// # Errors
    /// All the rules that it breaks, on `field`; the database.
    pub(crate) async fn check_password(
        &self,
        organization: OrganizationId,
        field: &'static str,
        password: &Password,
        email: &Email,
    ) -> Result<Password, ChangeRefusal> {
        let policy = self.password_policy(organization).await?;
        policy
            .check(field, password.expose(), email)
            .map_err(ChangeRefusal::Violations)
    }
}

impl NewPassword {
    /// Proves the current password and hashes the new one, before a unit of work begins. A wrong current password counts as a
    /// failed login does: a stolen session is no way to guess at leisure.
    ///
    /// # Errors
    /// [`ChangeRefusal`].
    pub(crate) async fn prepare(
        service: &Service,
        organization: OrganizationId,
        user: UserId,
        keep: Option<SessionId>,
        (current, new): (Password, Password),
        request: &RequestContext,
    ) -> Result<Self, ChangeRefusal> {
        let known = users::lookup(service.db.scope(organization), &ONESELF, user).await?;
        let known = known.ok_or(ChangeRefusal::NotFound)?;
        let state = known.state();
        let new = service
            .check_password(organization, "newPassword", &new, &state.email)
            .await?;
        prove_password(service, &known, "currentPassword", current, request).await?;
        Ok(Self {
            user,
            organization,
            replaced: state.password.clone(),
            hash: service.hash(new).await?,
            keep,
            queue: Queue::of(service),
        })
    }

    /// Stores it, and ends all other sessions.
    ///
    /// # Errors
    /// [`ChangeRefusal`]; among them a current password that is another one by now.
    pub(crate) async fn store(
        self,
        uow: &UnitOfWork,
        is_current: impl FnOnce(&User) -> bool,
    ) -> Result<UserView, ChangeRefusal> {
        let held = users::lock(uow, &ONESELF, self.organization, self.user).await?;
        let mut user = held.ok_or(ChangeRefusal::NotFound)?;
        if !is_current(&user) {
            return Err(ChangeRefusal::Stale);
        }
        if user.state().password != self.replaced {
            return Err(wrong("currentPassword"));
        }
        user.change_password(self.hash, uow.now());
        users::save(uow, &ONESELF, &mut user).await?;
        let reason = RevocationReason::PasswordChanged;
        end_sessions(uow, self.organization, self.user, self.keep, reason).await?;
        // A link that was mailed before does not undo this.
        one_time_tokens::forget(uow, self.organization, self.user, Purpose::Reset).await?;
        let letter = Letter::PasswordChanged { at: uow.now() };
        let recipient = Recipient::user(&user);
        self.queue.add(uow, self.organization, &recipient, &letter).await?;
        Ok(UserView::from(&user))
    }
}

/// Proves that somebody who is logged in knows their password. A wrong one counts as a failed login does.
///
/// # Errors
/// [`ChangeRefusal::Violations`] on `field` for a wrong one, [`ChangeRefusal::Locked`] after too many.
pub(crate) async fn prove_password(
    service: &Service,
    user: &User,
    field: &'static str,
    password: Password,
    request: &RequestContext,
) -> Result<(), ChangeRefusal> {
    let state = user.state();
    let guesses = Guesses::at(service, state.organization, &state.email, request.client_ip());
    if let Some(until) = guesses.locked_until(service).await? {
        return Err(ChangeRefusal::Locked(until));
    }
    if service.verify(password, state.password.clone()).await? {
        return Ok(());
    }
    let locked = guesses.count(service, Some(user)).await?;
    Err(locked.map_or_else(|| wrong(field), ChangeRefusal::Locked))
}

fn wrong(field: &'static str) -> ChangeRefusal {
    ChangeRefusal::Violations(vec![RuleViolation::new(field, Rule::Invalid)])
}
