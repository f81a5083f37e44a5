//! What the operator of the installation does with users from the command line, without being one of them.

use std::sync::Arc;

use contracts::Ports;
use contracts::identity::{UserId, UserView};
use contracts::usage::{Quotas, ReserveError, USERS_ACTIVE};
use db::{AccessChange, ChangeKind, DbError, UnitContext};
use kernel::secret::{ExposeSecret as _, SecretString};
use kernel::{Actor, OrganizationId, RuleViolation};

use crate::app::own_acts::OPERATOR;
use crate::app::{Guesses, end_sessions};
use crate::crypto::{ImportRefusal, PasswordHash};
use crate::domain::{Email, NewUser, RevocationReason, User, UserName};
use crate::service::Service;
use crate::store::one_time_tokens::{self, Purpose};
use crate::store::users;

/// Why the operator's wish was not done.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// What was entered breaks rules.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Violations(Vec<RuleViolation>),
    /// A hard quota does not reach.
    #[error(transparent)]
    Quota(#[from] ReserveError),
    /// The database, or another part of the program.
    #[error(transparent)]
    Storage(#[from] DbError),
}

/// The user of the organization with the address.
///
/// # Errors
/// [`DbError`].
pub async fn user_with_address(
    ports: &Ports,
    organization: OrganizationId,
    email: &Email,
) -> Result<Option<UserView>, DbError> {
    let service = ports.get::<Service>()?;
    let user = users::find_by_email(service.db.scope(organization), email).await?;
    Ok(user.as_ref().map(UserView::from))
}

/// Gives a user another password, ends all its sessions and the lock that failed logins led to. A second factor stays.
/// `None` when nobody in the organization has the address.
///
/// # Errors
/// [`OperatorError`]: a password that the organization does not accept.
pub async fn reset_password(
    ports: &Ports,
    organization: OrganizationId,
    email: &Email,
    password: &SecretString,
) -> Result<Option<UserView>, OperatorError> {
    let service = ports.get::<Service>().map_err(DbError::from)?;
    let policy = service.password_policy(organization).await?;
    let password = policy
        .check("password", password.expose_secret(), email)
        .map_err(OperatorError::Violations)?;
    let hash = service.hash(password).await.map_err(DbError::from)?;
    let context = UnitContext::tenant(Actor::system("admin reset-password"), organization);
    let (email, keeper) = (email.clone(), Arc::clone(&service));
    let changed = service.db.write(context, move |uow| {
        let (hash, email, service) = (hash.clone(), email.clone(), Arc::clone(&keeper));
        async move {
            let found = users::find_by_email(uow.scope(organization).reads(), &email).await?;
            let Some(found) = found else {
                return Ok::<_, DbError>(None);
            };
            let id = found.state().id;
            let Some(mut user) = users::lock(&uow, &OPERATOR, organization, id).await? else {
                return Ok(None);
            };
            user.change_password(hash, uow.now());
            users::save(&uow, &OPERATOR, &mut user).await?;
            Guesses::at(&service, organization, &email, None)
                .forget_all(&uow)
                .await?;
            one_time_tokens::forget(&uow, organization, id, Purpose::Setup).await?;
            end_sessions(&uow, organization, id, None, RevocationReason::PasswordChanged).await?;
            Ok(Some(UserView::from(&user)))
        }
    });
    Ok(changed.await?)
}

/// A link with which a user sets its first password, once and within 24 hours; links before it are worth nothing.
///
/// # Errors
/// [`DbError`].
pub async fn setup_link(
    ports: &Ports,
    organization: OrganizationId,
    user: UserId,
    email: &str,
) -> Result<SecretString, DbError> {
    let service = ports.get::<Service>()?;
    let context = UnitContext::tenant(Actor::system("setup"), organization)
        .unaudited("a link that nobody has followed yet changes nothing about anybody");
    let email = email.to_owned();
    let token = service.db.write(context, move |uow| {
        let email = email.clone();
        async move {
            one_time_tokens::forget(&uow, organization, user, Purpose::Setup).await?;
            one_time_tokens::mint(&uow, organization, user, Purpose::Setup, &email, None).await
        }
    });
    let token = token.await?;
    let base = &service.http.base_url;
    Ok(SecretString::from(format!(
        "{base}/password/reset?token={}",
        token.expose()
    )))
}

/// Whether a user has a password, or is waiting for its owner to set the first one.
///
/// # Errors
/// [`DbError`].
pub async fn has_password(ports: &Ports, organization: OrganizationId, user: UserId) -> Result<bool, DbError> {
    let service = ports.get::<Service>()?;
    let user = users::lookup(service.db.scope(organization), &OPERATOR, user).await?;
    Ok(user.is_some_and(|user| user.state().password.is_some()))
}

/// A person of another system: with the hash of the password that it knows the person by.
#[derive(Debug, Clone)]
pub struct ImportedUser {
    name: UserName,
    email: Email,
    password: PasswordHash,
}

impl ImportedUser {
    /// Reads a person.
    ///
    /// # Errors
    /// All that is wrong, in words for the operator.
    pub fn new(name: &str, email: &str, password_hash: &str) -> Result<Self, Vec<String>> {
        let refused = |refusal: ImportRefusal| format!("passwordHash: {refusal}");
        let told = |violation: RuleViolation| violation.to_string();
        let (name, email) = (UserName::new(name).map_err(told), Email::new(email).map_err(told));
        let password = PasswordHash::parse(password_hash).map_err(refused);
        match (name, email, password) {
            (Ok(name), Ok(email), Ok(password)) => Ok(Self { name, email, password }),
            (name, email, password) => Err([name.err(), email.err(), password.err()]
                .into_iter()
                .flatten()
                .collect()),
        }
    }

    /// The address, as it is stored and compared.
    #[must_use]
    pub fn email(&self) -> &Email {
        &self.email
    }
}

/// Makes all of these people users of the organization, or none. `made` is called for each one; it may be called for all of them
/// again, when the database has the work done anew.
///
/// # Errors
/// [`OperatorError`]: a quota; an address that was taken meanwhile.
pub async fn import_users(
    ports: &Ports,
    organization: OrganizationId,
    people: Vec<ImportedUser>,
    made: impl Fn() + Send + Sync + 'static,
) -> Result<(), OperatorError> {
    let service = ports.get::<Service>().map_err(DbError::from)?;
    let quotas = ports.find::<dyn Quotas>();
    let context = UnitContext::tenant(Actor::system("users import"), organization).long();
    let (people, made) = (Arc::new(people), Arc::new(made));
    let work = move |uow: db::UnitOfWork| {
        let (people, quotas, made) = (Arc::clone(&people), quotas.clone(), Arc::clone(&made));
        async move {
            let users = people.iter().map(|person| {
                let new = NewUser {
                    name: person.name.clone(),
                    email: person.email.clone(),
                    password: Some(person.password.clone()),
                    email_verified: false,
                };
                made();
                User::create(uow.generators().id(), organization, new, uow.now())
            });
            users::add_all(&uow, &OPERATOR, organization, users).await?;
            uow.access_changed(AccessChange {
                organization_id: Some(organization),
                kind: ChangeKind::User,
                subject: None,
                until: None,
            });
            if let Some(quotas) = quotas {
                let count = i64::try_from(people.len()).unwrap_or(i64::MAX);
                quotas.reserve(&uow, organization, USERS_ACTIVE, count).await?;
            }
            Ok::<_, OperatorError>(())
        }
    };
    service.db.write(context, work).await
}
