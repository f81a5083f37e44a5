//! Users made for other contexts: the first administrators of organizations.

use std::sync::Arc;

use contracts::identity::{Accounts, Entry, FirstAdministrator, UserView};
use contracts::usage::ReserveError;
use db::{DbError, UnitOfWork};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use kernel::secret::{ExposeSecret as _, SecretString};
use kernel::{OrganizationId, Rule, RuleViolation};

use super::own_acts::OPERATOR;
use super::{headcount, issue_for, user_changed};
use crate::crypto::{ImportRefusal, PasswordHash};
use crate::domain::{Email, NewUser, Password, PasswordPolicy, User, UserName};
use crate::mail::Post;
use crate::service::Service;
use crate::store::users;

/// Makes them with the means of this context.
pub(crate) struct FirstAccounts {
    service: Arc<Service>,
}

impl FirstAccounts {
    pub(crate) fn new(service: &Arc<Service>) -> Self {
        Self {
            service: Arc::clone(service),
        }
    }
}

impl Accounts for FirstAccounts {
    fn check(&self, name: &str, email: &str, password: Option<&SecretString>) -> Result<(), Vec<RuleViolation>> {
        let mut violations = Vec::new();
        violations.extend(UserName::new(name).err());
        match Email::new(email) {
            // What a password may not contain is known with the address only.
            Ok(email) => {
                let check = |password: &SecretString| {
                    PasswordPolicy::default().check("password", password.expose_secret(), &email)
                };
                violations.extend(password.and_then(|password| check(password).err()).unwrap_or_default());
            }
            Err(violation) => violations.push(violation),
        }
        if violations.is_empty() { Ok(()) } else { Err(violations) }
    }

    fn check_hash(&self, hash: &str) -> Result<(), RuleViolation> {
        PasswordHash::parse(hash).map(|_| ()).map_err(|refusal| {
            let rule = match refusal {
                ImportRefusal::Malformed | ImportRefusal::UnknownAlgorithm => Rule::InvalidFormat {
                    expected: "$argon2id$v=19$m=19456,t=2,p=1$…",
                },
                ImportRefusal::TooExpensive { limit } => Rule::NotAllowed {
                    allowed: vec![format!("at most {limit}")],
                },
            };
            RuleViolation::new("passwordHash", rule)
        })
    }

    fn hash<'a>(&'a self, password: &'a SecretString) -> BoxFuture<'a, Result<SecretString, DbError>> {
        async move {
            let password = Password::presented("password", password.expose_secret())
                .map_err(|_| DbError::Internal("a password was to be hashed that nobody had checked".into()))?;
            let hash = self.service.hash(password).await?;
            Ok(SecretString::from(hash.expose()))
        }
        .boxed()
    }

    fn add_first<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        organization: OrganizationId,
        person: &'a FirstAdministrator,
    ) -> BoxFuture<'a, Result<UserView, ReserveError>> {
        async move {
            let mut user = User::create(uow.generators().id(), organization, new_user(person)?, uow.now());
            users::add(uow, &OPERATOR, &mut user).await?;
            if matches!(person.entry, Entry::Invitation) {
                let queue = self.service.ports.get::<Post>().map_err(DbError::from)?.queue();
                issue_for(uow, &queue, &user).await?;
            }
            user_changed(uow, &user);
            headcount(uow, &self.service, organization, 1).await?;
            Ok(UserView::from(&user))
        }
        .boxed()
    }
}

/// The person, as it was [checked](Accounts::check) before.
fn new_user(person: &FirstAdministrator) -> Result<NewUser, DbError> {
    let unchecked = |what: &str| DbError::Internal(format!("the first administrator's {what} was not checked"));
    Ok(NewUser {
        name: UserName::new(&person.name).map_err(|_| unchecked("name"))?,
        email: Email::new(&person.email).map_err(|_| unchecked("address"))?,
        password: match &person.entry {
            Entry::Hash(hash) => {
                Some(PasswordHash::parse(hash.expose_secret()).map_err(|_| unchecked("password hash"))?)
            }
            Entry::Invitation | Entry::Later => None,
        },
        email_verified: false,
    })
}
