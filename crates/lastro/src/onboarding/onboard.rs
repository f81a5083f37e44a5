//! The use case.

use std::sync::Arc;

use authz::Granted;
use contracts::Ports;
use contracts::access::AccessControl;
use contracts::catalog::Packages;
use contracts::identity::{Accounts, Entry, FirstAdministrator, UserView};
use contracts::organization::{OrganizationRegistry, OrganizationView};
use contracts::usage::{QuotaExceeded, ReserveError};
use db::{DbError, UnitOfWork};
use kernel::{Rule, RuleViolation};
use organization::OrganizationCreate;

use super::{Coming, Customer};

/// A customer that was onboarded.
#[derive(Debug, Clone)]
pub struct Onboarded {
    /// The organization, on its package.
    pub organization: OrganizationView,
    /// Its first administrator.
    pub administrator: UserView,
    /// The codes of the business modules that are on for it.
    pub modules: Vec<String>,
}

/// Why a customer was not onboarded. Nothing of it is left.
#[derive(Debug, thiserror::Error)]
pub enum NotOnboarded {
    /// What is wrong with what was asked for, each problem at its field.
    #[error("{}", problems(.0))]
    Invalid(Vec<RuleViolation>),
    /// A hard quota of the package leaves no place for the first administrator.
    #[error(transparent)]
    Quota(#[from] QuotaExceeded),
    /// The database, a taken slug or document among it.
    #[error(transparent)]
    Storage(#[from] DbError),
}

impl From<ReserveError> for NotOnboarded {
    fn from(error: ReserveError) -> Self {
        match error {
            ReserveError::Exceeded(quota) => Self::Quota(quota),
            ReserveError::Storage(error) => Self::Storage(error),
        }
    }
}

fn problems(violations: &[RuleViolation]) -> String {
    let each: Vec<_> = violations.iter().map(ToString::to_string).collect();
    each.join("; ")
}

/// A customer that was checked, with the password hashed: what is left to do touches the database alone.
#[derive(Debug, Clone)]
pub struct Prepared {
    customer: Customer,
    administrator: FirstAdministrator,
}

/// Onboards customers over the ports of the contexts.
#[derive(Clone)]
pub struct Onboarding {
    organizations: Arc<dyn OrganizationRegistry>,
    packages: Arc<dyn Packages>,
    accounts: Arc<dyn Accounts>,
    access: Arc<dyn AccessControl>,
}

impl Onboarding {
    /// Onboarding in a program that has all of the four contexts.
    ///
    /// # Errors
    /// [`DbError::Internal`] when one is missing.
    pub fn of(ports: &Ports) -> Result<Self, DbError> {
        Ok(Self {
            organizations: ports.get()?,
            packages: ports.get()?,
            accounts: ports.get()?,
            access: ports.get()?,
        })
    }

    /// Everything that is wrong with the customer, each problem at its field in the body of `POST /tenants`; whether slug, document
    /// and address are taken shows only when it is made.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn problems(&self, customer: &Customer) -> Result<Vec<RuleViolation>, DbError> {
        let mut violations = Vec::new();
        let mut under = |parent: &str, found: Vec<RuleViolation>| {
            violations.extend(found.into_iter().map(|violation| violation.under(parent)));
        };
        let organization = self.organizations.check(&customer.organization);
        under("organization", organization.err().unwrap_or_default());
        let administrator = &customer.administrator;
        let password = match &administrator.coming {
            Coming::Password(password) => Some(password),
            Coming::Invited | Coming::Hash(_) => None,
        };
        let person = self.accounts.check(&administrator.name, &administrator.email, password);
        under("admin", person.err().unwrap_or_default());
        if let Coming::Hash(hash) = &administrator.coming {
            let hash = self.accounts.check_hash(secrecy::ExposeSecret::expose_secret(hash));
            under("admin", hash.err().into_iter().collect());
        }
        if !self.packages.exists(&customer.package_code).await? {
            violations.push(RuleViolation::new("packageCode", Rule::UnknownCode));
        }
        Ok(violations)
    }

    /// Checks the customer and hashes the password: what must be done before a unit of work begins.
    ///
    /// # Errors
    /// [`NotOnboarded`].
    pub async fn prepare(&self, customer: Customer) -> Result<Prepared, NotOnboarded> {
        let violations = self.problems(&customer).await?;
        if !violations.is_empty() {
            return Err(NotOnboarded::Invalid(violations));
        }
        let Customer { administrator, .. } = &customer;
        let entry = match &administrator.coming {
            Coming::Invited => Entry::Invitation,
            Coming::Password(password) => Entry::Hash(self.accounts.hash(password).await?),
            Coming::Hash(hash) => Entry::Hash(hash.clone()),
        };
        let administrator = FirstAdministrator {
            name: administrator.name.clone(),
            email: administrator.email.clone(),
            entry,
        };
        Ok(Prepared {
            customer,
            administrator,
        })
    }

    /// Makes the organization, puts it on its package, and makes its first administrator with the roles and groups that every
    /// organization begins with; all of it with the unit of work, or nothing.
    ///
    /// # Errors
    /// [`NotOnboarded`], a taken slug or document among it, at the latest when the unit commits.
    pub async fn execute(
        &self,
        _: &Granted<OrganizationCreate>,
        uow: &UnitOfWork,
        prepared: &Prepared,
    ) -> Result<Onboarded, NotOnboarded> {
        let Prepared {
            customer,
            administrator,
        } = prepared;
        let package = customer.package_code.as_str();
        let organization = self
            .organizations
            .create(uow, &customer.organization, Some(package))
            .await?;
        let modules = self.packages.assign(uow, organization.id, package).await?;
        // It was there before the unit began.
        let gone = || NotOnboarded::Invalid(vec![RuleViolation::new("packageCode", Rule::UnknownCode)]);
        let modules = modules.ok_or_else(gone)?;
        let administrator = self.accounts.add_first(uow, organization.id, administrator).await?;
        self.access
            .onboard(uow, organization.id, administrator.id, &modules)
            .await?;
        Ok(Onboarded {
            organization,
            administrator,
            modules,
        })
    }
}
