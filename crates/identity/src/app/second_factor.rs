//! The second factor: set up, confirmed, asked for, removed.

use std::sync::Arc;

use authz::Within;
use authz::snapshot::Principal;
use contracts::Admits;
use contracts::access::Judge;
use contracts::identity::UserView;
use db::{DbError, UnitOfWork};
use http::RequestContext;
use kernel::OrganizationId;
use kernel::secret::SecretString;

use super::login::{note_failure, unit};
use super::own_acts::{ENTRY, ONESELF};
use super::update_user::reach_user;
use super::{Guesses, LoginRefusal, Opening, Refusal, Tokens};
use crate::crypto::{OpaqueSecret, SecretKind};
use crate::domain::{RecoveryCode, TotpSecret, User, UserId};
use crate::mail::{Letter, Queue, Recipient};
use crate::manifest::UserUpdate;
use crate::service::{CryptoRefusal, Service};
use crate::store::mfa_challenges::{self, Purpose};
use crate::store::second_factors::{self, StoredFactor};
use crate::store::users;

/// So many codes can be tried with one challenge.
const TRIES: u32 = 5;

/// Why a second factor was not set up or removed.
#[derive(Debug)]
pub(crate) enum FactorRefusal {
    /// There is a confirmed one already.
    Enrolled,
    /// There is none to confirm or to remove.
    NotEnrolled,
    /// The organization asks for one.
    Enforced,
    /// It is not the code of this moment.
    WrongCode,
    /// As of every use case.
    Refused(Refusal),
}

impl From<DbError> for FactorRefusal {
    fn from(error: DbError) -> Self {
        Self::Refused(error.into())
    }
}

/// A secret for an authenticator, before it is stored.
#[derive(Clone)]
pub(crate) struct Proposal {
    sealed: Arc<[u8]>,
    /// As a person types it.
    pub(crate) secret: SecretString,
    /// As a QR code holds it.
    pub(crate) uri: SecretString,
}

impl Proposal {
    /// Makes a secret for the user and seals it.
    ///
    /// # Errors
    /// [`DbError`].
    pub(crate) async fn new(
        service: &Service,
        organization: OrganizationId,
        user: UserId,
    ) -> Result<Self, FactorRefusal> {
        let known = users::lookup(service.db.scope(organization), &ONESELF, user).await?;
        let known = known.ok_or(FactorRefusal::Refused(Refusal::NotFound))?;
        let issuer = service
            .organization(organization)
            .await?
            .map(|organization| organization.name);
        let random = &*service.generators.random;
        let secret = TotpSecret::generate(random);
        let sealed = service
            .sealer
            .seal(&second_factors::place(organization, user), secret.expose(), random)
            .map_err(|error| DbError::Internal(error.to_string()))?;
        Ok(Self {
            sealed: sealed.into(),
            secret: secret.to_base32(),
            uri: secret.otpauth_uri(issuer.as_deref().unwrap_or("Lastro"), known.state().email.as_str()),
        })
    }

    /// Stores it. It protects nothing until it is confirmed.
    ///
    /// # Errors
    /// [`FactorRefusal::Enrolled`].
    pub(crate) async fn store(
        &self,
        uow: &UnitOfWork,
        organization: OrganizationId,
        user: UserId,
    ) -> Result<(), FactorRefusal> {
        if second_factors::propose(uow, organization, user, &self.sealed).await? {
            Ok(())
        } else {
            Err(FactorRefusal::Enrolled)
        }
    }
}

/// Confirms a proposed second factor with a code of it: from now on it is asked for. The recovery codes are handed out once.
///
/// # Errors
/// [`FactorRefusal`].
pub(crate) async fn confirm_factor(
    service: &Service,
    uow: &UnitOfWork,
    organization: OrganizationId,
    user: UserId,
    code: &str,
) -> Result<Vec<RecoveryCode>, FactorRefusal> {
    let held = users::lock(uow, &ONESELF, organization, user).await?;
    let mut owner = held.ok_or(FactorRefusal::Refused(Refusal::NotFound))?;
    let factor = second_factors::lock(uow, organization, user).await?;
    let factor = factor.ok_or(FactorRefusal::NotEnrolled)?;
    if factor.confirmed_at.is_some() {
        return Err(FactorRefusal::Enrolled);
    }
    let secret = open(service, organization, user, &factor)?;
    let step = secret
        .verify(code, uow.now(), factor.last_step)
        .ok_or(FactorRefusal::WrongCode)?;
    second_factors::confirm(uow, organization, user, step).await?;
    let random = &*uow.generators().random;
    let codes: Vec<RecoveryCode> = (0..RecoveryCode::COUNT)
        .map(|_| RecoveryCode::generate(random))
        .collect();
    second_factors::replace_codes(uow, organization, user, &codes).await?;
    // A login that waited for this goes on with a code.
    mfa_challenges::enrolled(uow, organization, user).await?;
    owner.enable_mfa(uow.now());
    users::save(uow, &ONESELF, &mut owner).await?;
    Ok(codes)
}

/// Removes one's own second factor, unless the organization asks for one. The password was proved before.
///
/// # Errors
/// [`FactorRefusal`].
pub(crate) async fn remove_factor(
    uow: &UnitOfWork,
    queue: Queue,
    organization: OrganizationId,
    user: UserId,
) -> Result<(), FactorRefusal> {
    let held = users::lock(uow, &ONESELF, organization, user).await?;
    let mut owner = held.ok_or(FactorRefusal::Refused(Refusal::NotFound))?;
    if !owner.state().mfa_enabled {
        return Err(FactorRefusal::NotEnrolled);
    }
    drop_factor(uow, &ONESELF, queue, &mut owner, false).await?;
    Ok(())
}

/// Removes somebody else's second factor, who lost it. It takes all that they hold. Nothing happens where there is none.
///
/// # Errors
/// [`Refusal`]: not found, out of reach before or after the change, beyond what the actor holds.
pub(crate) async fn reset_factor(
    within: &Within<UserUpdate>,
    uow: &UnitOfWork,
    queue: Queue,
    judge: &dyn Judge,
    user: UserId,
) -> Result<User, Refusal> {
    let mut owner = reach_user(within, uow, user).await?;
    judge.may_act_on(within.actor(), Principal::user(user.into()), uow.now())?;
    if owner.state().mfa_enabled {
        drop_factor(uow, within, queue, &mut owner, true).await?;
    }
    Ok(owner)
}

async fn drop_factor<A: Admits>(
    uow: &UnitOfWork,
    by: &A,
    queue: Queue,
    owner: &mut User,
    by_administrator: bool,
) -> Result<(), A::Error> {
    let (organization, user) = (owner.state().organization, owner.state().id);
    second_factors::remove(uow, organization, user).await?;
    mfa_challenges::forget(uow, organization, user).await?;
    owner.disable_mfa(uow.now());
    users::save(uow, by, owner).await?;
    let letter = Letter::MfaRemoved { by_administrator };
    Ok(queue.add(uow, organization, &Recipient::user(owner), &letter).await?)
}

fn open(
    service: &Service,
    organization: OrganizationId,
    user: UserId,
    factor: &StoredFactor,
) -> Result<TotpSecret, DbError> {
    let bytes = service
        .sealer
        .open(&second_factors::place(organization, user), &factor.sealed)
        .map_err(|error| DbError::Internal(format!("a second factor does not open: {error}")))?;
    TotpSecret::from_bytes(&bytes).ok_or_else(|| DbError::Internal("a second factor has another length".into()))
}

/// What is presented for the second step of a login.
#[derive(Clone)]
pub(crate) enum Proof {
    /// A code of the authenticator.
    Code(SecretString),
    /// A recovery code, or what cannot be one.
    Recovery(Option<RecoveryCode>),
}

/// Why the second step did not succeed.
#[derive(Debug)]
pub(crate) enum StepRefusal {
    /// The challenge is spent, has expired or never was one.
    NoChallenge,
    /// As of the first step: wrong, locked, busy.
    Login(LoginRefusal),
}

impl From<DbError> for StepRefusal {
    fn from(error: DbError) -> Self {
        Self::Login(error.into())
    }
}

impl From<CryptoRefusal> for StepRefusal {
    fn from(refusal: CryptoRefusal) -> Self {
        Self::Login(refusal.into())
    }
}

/// Takes the second step of a login: the code or a recovery code opens the session that the password alone did not.
///
/// A wrong one uses up one of the challenge's tries and counts as a failed login does: new challenges for the right password are no
/// way to go on guessing.
///
/// # Errors
/// [`StepRefusal`].
pub(crate) async fn take_second_step(
    service: &Arc<Service>,
    challenge: &str,
    proof: Proof,
    request: &RequestContext,
) -> Result<(Tokens, UserView), StepRefusal> {
    let (secret, user) = challenged(service, challenge, Purpose::Verify).await?;
    let guesses = Guesses::at(
        service,
        user.state().organization,
        &user.state().email,
        request.client_ip(),
    );
    if let Some(until) = guesses.locked_until(service).await? {
        return Err(StepRefusal::Login(LoginRefusal::Locked(until)));
    }
    let opening = Opening::prepare(service, user.state(), request).await?;
    let tokens = opening.tokens.clone();
    let context =
        unit(&user, request).unaudited("a wrong code is told to the security trail, a right one opens a session");
    let step = Step {
        service: Arc::clone(service),
        secret,
        user: user.state().id,
        proof,
        opening,
        guesses: guesses.clone(),
    };
    let outcome = service
        .db
        .write(context, move |uow| {
            let step = step.clone();
            async move { step.take(&uow).await }
        })
        .await?;
    match outcome {
        Some(view) => Ok((tokens, view)),
        None => {
            let locked = guesses.count(service, Some(&user)).await?;
            note_failure(service, user.state().organization, Some(&user), request);
            Err(StepRefusal::Login(
                locked.map_or(LoginRefusal::Wrong, LoginRefusal::Locked),
            ))
        }
    }
}

/// Whom a challenge is of, if it counts at this moment and asks for this.
async fn challenged(service: &Service, challenge: &str, purpose: Purpose) -> Result<(OpaqueSecret, User), StepRefusal> {
    let secret = OpaqueSecret::parse(challenge).map_err(|_| StepRefusal::NoChallenge)?;
    if secret.kind() != SecretKind::MfaChallenge {
        return Err(StepRefusal::NoChallenge);
    }
    let organization = service.organization(secret.organization()).await?;
    if !organization.is_some_and(|known| known.is_active) {
        return Err(StepRefusal::NoChallenge);
    }
    let scope = service.db.scope(secret.organization());
    let found = mfa_challenges::find(scope, &secret.digest(), service.generators.now()).await?;
    let found = found.filter(|found| found.purpose == purpose && found.tries < TRIES);
    let found = found.ok_or(StepRefusal::NoChallenge)?;
    let user = users::lookup(scope, &ENTRY, found.user).await?;
    let user = user
        .filter(|user| user.state().is_active)
        .ok_or(StepRefusal::NoChallenge)?;
    Ok((secret, user))
}

impl Service {
    /// Who presents the challenge of a login that needs a second factor set up first: the credential for doing so, and for nothing
    /// else. `None` for whatever is no such challenge at this moment.
    pub(crate) async fn enrolling(&self, challenge: &OpaqueSecret) -> Result<Option<User>, DbError> {
        match challenged(self, challenge.expose(), Purpose::Enrol).await {
            Ok((_, user)) => Ok(Some(user)),
            Err(StepRefusal::Login(LoginRefusal::Storage(error))) => Err(error),
            Err(_) => Ok(None),
        }
    }
}

/// The second step, with all that takes time done before its unit.
#[derive(Clone)]
struct Step {
    service: Arc<Service>,
    secret: OpaqueSecret,
    user: UserId,
    proof: Proof,
    opening: Opening,
    guesses: Guesses,
}

impl Step {
    /// Opens the session. None for a wrong code, which uses up one of the tries.
    async fn take(&self, uow: &UnitOfWork) -> Result<Option<UserView>, StepRefusal> {
        let organization = self.secret.organization();
        if let Some(until) = self.guesses.locked_meanwhile(uow).await? {
            return Err(StepRefusal::Login(LoginRefusal::Locked(until)));
        }
        let digest = self.secret.digest();
        // Before the challenge, as by whoever changes the password and so ends it.
        let user = users::lock(uow, &ENTRY, organization, self.user).await?;
        let mut user = user
            .filter(|user| user.state().is_active && user.state().mfa_enabled)
            .ok_or(StepRefusal::NoChallenge)?;
        let held = mfa_challenges::lock(uow, organization, &digest, uow.now()).await?;
        held.filter(|held| held.purpose == Purpose::Verify && held.tries < TRIES)
            .ok_or(StepRefusal::NoChallenge)?;
        if !self.proves(uow, &user).await? {
            mfa_challenges::tried(uow, organization, &digest).await?;
            return Ok(None);
        }
        mfa_challenges::remove(uow, organization, &digest).await?;
        self.opening.open(uow, &mut user).await?;
        self.guesses.forget(uow).await?;
        Ok(Some(UserView::from(&user)))
    }

    async fn proves(&self, uow: &UnitOfWork, user: &User) -> Result<bool, DbError> {
        use kernel::secret::ExposeSecret as _;
        let (organization, id) = (user.state().organization, user.state().id);
        let factor = second_factors::lock(uow, organization, id).await?;
        let Some(factor) = factor.filter(|factor| factor.confirmed_at.is_some()) else {
            return Ok(false);
        };
        match &self.proof {
            Proof::Code(code) => {
                let secret = open(&self.service, organization, id, &factor)?;
                let Some(step) = secret.verify(code.expose_secret(), uow.now(), factor.last_step) else {
                    return Ok(false);
                };
                second_factors::used(uow, organization, id, step).await?;
                Ok(true)
            }
            Proof::Recovery(Some(code)) => second_factors::take_code(uow, organization, id, code).await,
            Proof::Recovery(None) => Ok(false),
        }
    }
}
