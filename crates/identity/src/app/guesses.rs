//! Guesses at a password, from one block of addresses: counted, and ended by a lock.

use std::net::IpAddr;

use db::{DbError, UnitContext, UnitOfWork};
use kernel::{Actor, OrganizationId, Timestamp};

use crate::domain::{AddressBlock, Email, User};
use crate::service::Service;
use crate::store::login_failures::{self, Account};
use crate::store::users;

/// The account that is guessed at, and where the guesses come from.
#[derive(Clone)]
pub(crate) struct Guesses {
    account: Account,
    block: String,
}

impl Guesses {
    /// Guesses at the account of an address in an organization. It need not exist: a lock does not tell who has an account.
    pub(crate) fn at(service: &Service, organization: OrganizationId, email: &Email, ip: Option<IpAddr>) -> Self {
        Self::of(service, organization, &organization.to_string(), email, ip)
    }

    /// As [`at`](Self::at), where the organization was only named and is none: its guesses are counted in the rows of `keeper`.
    pub(crate) fn elsewhere(
        service: &Service,
        keeper: OrganizationId,
        named: &str,
        email: &Email,
        ip: Option<IpAddr>,
    ) -> Self {
        Self::of(service, keeper, named, email, ip)
    }

    fn of(service: &Service, keeper: OrganizationId, named: &str, email: &Email, ip: Option<IpAddr>) -> Self {
        Self {
            account: Account {
                organization: keeper,
                key: service.account_key(named, email),
            },
            // Without an address all are one: a lock that is too wide rather than none.
            block: ip.map_or_else(|| "unknown".to_owned(), |ip| AddressBlock::of(ip).to_text()),
        }
    }

    /// When the lock ends that keeps from guessing now, if there is one.
    pub(crate) async fn locked_until(&self, service: &Service) -> Result<Option<Timestamp>, DbError> {
        let scope = service.db.scope(self.account.organization);
        let failures = login_failures::read(scope, &self.account, &self.block).await?;
        Ok(failures.locked_until(service.generators.now()))
    }

    /// As [`locked_until`](Self::locked_until), inside the unit that lets somebody in: of guesses that were made at the same time
    /// the right one must not slip past the lock that the wrong ones made.
    pub(crate) async fn locked_meanwhile(&self, uow: &UnitOfWork) -> Result<Option<Timestamp>, DbError> {
        let scope = uow.scope(self.account.organization).reads();
        let failures = login_failures::read(scope, &self.account, &self.block).await?;
        Ok(failures.locked_until(uow.now()))
    }

    /// Counts a wrong guess, unless a lock keeps from guessing by now: then it is told when that ends. A lock that this guess made
    /// is an event of the user, where there is one.
    pub(crate) async fn count(&self, service: &Service, user: Option<&User>) -> Result<Option<Timestamp>, DbError> {
        let context = UnitContext::tenant(Actor::system("login"), self.account.organization).unaudited(
            "a failed login is told to the security trail; the lock that it leads to is an event of the user",
        );
        let (guesses, user) = (self.clone(), user.cloned());
        service
            .db
            .write(context, move |uow| {
                let (guesses, user) = (guesses.clone(), user.clone());
                async move { guesses.count_in(&uow, user).await }
            })
            .await
    }

    async fn count_in(&self, uow: &UnitOfWork, user: Option<User>) -> Result<Option<Timestamp>, DbError> {
        let mut failures = login_failures::hold(uow, &self.account, &self.block).await?;
        if let Some(until) = failures.locked_until(uow.now()) {
            return Ok(Some(until));
        }
        let made = failures.failed(uow.now());
        login_failures::save(uow, &self.account, &self.block, &failures).await?;
        if let (Some(until), Some(mut user)) = (made, user) {
            user.locked(until);
            users::record(uow, &mut user)?;
        }
        Ok(None)
    }

    /// The right password came from here: what was guessed from this block before does not count any more.
    pub(crate) async fn forget(&self, uow: &UnitOfWork) -> Result<(), DbError> {
        login_failures::clear(uow, &self.account, &self.block).await
    }

    /// An administrator unlocks the account: nothing of before counts any more. Whether there was anything.
    pub(crate) async fn forget_all(&self, uow: &UnitOfWork) -> Result<bool, DbError> {
        Ok(login_failures::clear_all(uow, &self.account).await? > 0)
    }
}

impl Service {
    /// What an account is called where its failures are counted: who reads the database cannot tell which addresses were tried.
    fn account_key(&self, organization: &str, email: &Email) -> [u8; 32] {
        let mut text = String::with_capacity(organization.len() + email.as_str().len() + 1);
        text.push_str(organization);
        text.push('\0');
        text.push_str(email.as_str());
        let tag = aws_lc_rs::hmac::sign(&self.account_names, text.as_bytes());
        let mut key = [0; 32];
        key.iter_mut()
            .zip(tag.as_ref())
            .for_each(|(place, byte)| *place = *byte);
        key
    }
}
