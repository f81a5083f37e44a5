//! `serve --demo`: a sample organization to try things out with, and people who may log in.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use authz::Granted;
use contracts::organization::{NewOrganization, Organizations};
use db::{DbError, UnitContext};
use http::App;
use identity::domain::Email;
use identity::operator::{self, OperatorError};
use kernel::{Actor, OrganizationId};
use organization::OrganizationCreate;
use secrecy::{ExposeSecret as _, SecretString};

use crate::administrators::{self, AdministratorError, drawn_password};
use crate::onboarding::{ACROSS, Administrator, Coming, Customer, NotOnboarded, Onboarding};

/// The sample organization.
const NAME: &str = "Padaria Modelo Ltda";
const SLUG: &str = "padaria-modelo";
/// The CNPJ that Brazilian documentation uses as its example; its check digits are right.
const DOCUMENT: &str = "11222333000181";
/// What it has contracted, as the built-in catalogue names it.
const PACKAGE: &str = "business";
/// Who administers it.
const ADMINISTRATOR: &str = "ana@padaria-modelo.example.com";
/// Who administers the platform.
const OPERATOR: &str = "operator@lastro.example.com";
const TASK: &str = "serve --demo";

/// Why there is nothing to try out.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The sample organization could not be added.
    #[error("the sample organization could not be added")]
    Organization(#[from] NotOnboarded),
    /// Its people could not be added.
    #[error("the people to try things out with could not be added")]
    Administrator(#[from] AdministratorError),
    /// Their passwords could not be set.
    #[error("the people to try things out with got no passwords")]
    Password(#[from] OperatorError),
    /// The database.
    #[error("the database")]
    Storage(#[from] DbError),
}

/// Who can try things out, and with what.
pub struct Demo {
    people: Vec<(&'static str, &'static str, SecretString)>,
}

/// Adds the sample organization and its people, unless they are there from an earlier start. Their passwords are new ones each
/// time: they are shown this once and stored nowhere.
///
/// # Errors
///
/// [`DemoError`].
pub async fn add(app: &App, platform: OrganizationId) -> Result<Demo, DemoError> {
    let random = &*app.generators().random;
    let (of_operator, of_administrator) = (drawn_password(random), drawn_password(random));
    if !reset(app, platform, OPERATOR, &of_operator).await? {
        let operator = administrators::Administrator {
            name: "Operator".to_owned(),
            email: OPERATOR.to_owned(),
            password: Some(of_operator.clone()),
        };
        administrators::create(app, platform, &operator, TASK).await?;
    }
    let known = app.ports().get::<dyn Organizations>().map_err(DbError::from)?;
    let is_set = match known.find_by_slug(SLUG).await? {
        Some(sample) => reset(app, sample.id, ADMINISTRATOR, &of_administrator).await?,
        None => {
            onboard(app, platform, &of_administrator).await?;
            true
        }
    };
    let mut people = vec![("platform", OPERATOR, of_operator)];
    if is_set {
        people.push((SLUG, ADMINISTRATOR, of_administrator));
    }
    Ok(Demo { people })
}

/// Sets the password of somebody from an earlier start; false when nobody has the address.
async fn reset(
    app: &App,
    organization: OrganizationId,
    email: &'static str,
    password: &SecretString,
) -> Result<bool, DemoError> {
    let address = Email::new(email).map_err(|violation| DbError::Internal(violation.to_string()))?;
    let known = operator::reset_password(app.ports(), organization, &address, password).await?;
    Ok(known.is_some())
}

async fn onboard(app: &App, platform: OrganizationId, password: &SecretString) -> Result<(), DemoError> {
    let customer = Customer {
        organization: NewOrganization {
            name: NAME.to_owned(),
            slug: SLUG.to_owned(),
            document: Some(DOCUMENT.to_owned()),
        },
        package_code: PACKAGE.to_owned(),
        administrator: Administrator {
            name: "Ana Souza".to_owned(),
            email: ADMINISTRATOR.to_owned(),
            coming: Coming::Password(password.clone()),
        },
    };
    let onboarding = Onboarding::of(app.ports())?;
    let prepared = onboarding.prepare(customer).await?;
    let actor = Actor::system(TASK);
    let granted = Granted::<OrganizationCreate>::for_operator("serve --demo", Arc::new(actor.clone()), platform);
    let context = UnitContext::system(actor, platform, ACROSS);
    let work = move |uow| {
        let (onboarding, granted, prepared) = (onboarding.clone(), granted.clone(), prepared.clone());
        async move { onboarding.execute(&granted, &uow, &prepared).await }
    };
    app.db().write(context, work).await?;
    Ok(())
}

impl Demo {
    /// What is printed once, for a person to copy. It holds passwords in clear.
    #[must_use]
    pub fn instructions(&self, address: SocketAddr) -> String {
        let mut text = format!(
            "\nA sample organization is there to try things out: {NAME}. These passwords are shown this once; the next start with \
             --demo draws others.\n\n"
        );
        for (slug, email, password) in &self.people {
            // Writing to a String does not fail.
            let _infallible = writeln!(text, "    {slug:<16} {email:<34} {}", password.expose_secret());
        }
        if let Some((slug, email, password)) = self.people.first() {
            let password = password.expose_secret();
            let _infallible = write!(
                text,
                "\nLog in:\n\n    curl -H 'Content-Type: application/json' http://{address}/api/v1/auth/login \\\n      \
                 -d '{{\"organizationSlug\":\"{slug}\",\"email\":\"{email}\",\"password\":\"{password}\"}}'\n"
            );
        }
        text
    }
}
