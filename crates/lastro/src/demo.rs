//! `serve --demo`: a sample organization to try things out with, and people who may log in.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use authz::Granted;
use contracts::organization::{NewOrganization, Organizations, PLATFORM_SLUG};
use db::{DbError, UnitContext};
use http::App;
use kernel::{Actor, OrganizationId};
use organization::OrganizationCreate;
use secrecy::{ExposeSecret as _, SecretString};

use crate::administrators::{self, AdministratorError, drawn_password};
use crate::config::FirstAdmin;
use crate::first_start;
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

/// Why there is nothing to try out.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The sample organization could not be added.
    #[error("the sample organization could not be added")]
    Organization(#[from] NotOnboarded),
    /// The people to try things out with could not be added.
    #[error("the people to try things out with could not be added")]
    Administrator(#[from] AdministratorError),
    /// The database.
    #[error("the database")]
    Storage(#[from] DbError),
}

/// Who can try things out, and with what.
pub struct Demo {
    people: Vec<Person>,
}

struct Person {
    slug: &'static str,
    email: String,
    /// None where it was shown at an earlier start, or chosen by the operator.
    password: Option<SecretString>,
}

/// Adds the sample organization and its people, unless they are there from an earlier start. The administrator of the platform is
/// the one that the operator wished for, if any. Passwords are drawn and shown this once.
///
/// # Errors
///
/// [`DemoError`].
pub async fn add(app: &App, platform: OrganizationId, wish: Option<&FirstAdmin>) -> Result<Demo, DemoError> {
    let random = &*app.generators().random;
    let operator = match wish {
        Some(wish) => {
            first_start::prepare(app, platform, Some(wish)).await?;
            Person {
                slug: PLATFORM_SLUG,
                email: wish.email.clone(),
                password: None,
            }
        }
        None => Person {
            slug: PLATFORM_SLUG,
            email: OPERATOR.to_owned(),
            password: add_operator(app, platform, drawn_password(random)).await?,
        },
    };
    let known = app.ports().get::<dyn Organizations>().map_err(DbError::from)?;
    let password = match known.find_by_slug(SLUG).await? {
        Some(_) => None,
        None => onboard(app, platform, drawn_password(random)).await?,
    };
    let administrator = Person {
        slug: SLUG,
        email: ADMINISTRATOR.to_owned(),
        password,
    };
    Ok(Demo {
        people: vec![operator, administrator],
    })
}

/// Makes the administrator of the platform with this password; none when it is there already.
async fn add_operator(
    app: &App,
    platform: OrganizationId,
    password: SecretString,
) -> Result<Option<SecretString>, DemoError> {
    let operator = administrators::Administrator {
        name: "Operator".to_owned(),
        email: OPERATOR.to_owned(),
        password: Some(password.clone()),
    };
    match administrators::create(app, platform, &operator, "serve --demo").await {
        Ok(_) => Ok(Some(password)),
        Err(AdministratorError::Taken(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Makes the sample organization, whose administrator has this password; none when another node made it at the same moment.
async fn onboard(
    app: &App,
    platform: OrganizationId,
    password: SecretString,
) -> Result<Option<SecretString>, DemoError> {
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
    let actor = Actor::system("serve --demo");
    let granted = Granted::<OrganizationCreate>::for_operator("serve --demo", Arc::new(actor.clone()), platform);
    let context = UnitContext::system(actor, platform, ACROSS);
    let work = move |uow| {
        let (onboarding, granted, prepared) = (onboarding.clone(), granted.clone(), prepared.clone());
        async move { onboarding.execute(&granted, &uow, &prepared).await }
    };
    match app.db().write(context, work).await {
        Ok(_) => Ok(Some(password)),
        Err(NotOnboarded::Storage(DbError::Unique { .. })) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl Demo {
    /// What is printed once, for a person to copy. It holds passwords in clear.
    #[must_use]
    pub fn instructions(&self, address: SocketAddr) -> String {
        let mut text = format!("\nA sample organization is there to try things out: {NAME}.\n\n");
        for Person { slug, email, password } in &self.people {
            let password = password
                .as_ref()
                .map_or("(set before)", |password| password.expose_secret());
            // Writing to a String does not fail.
            let _infallible = writeln!(text, "    {slug:<16} {email:<34} {password}");
        }
        text.push_str(
            "\nPasswords are shown this once; `lastro admin reset-password --email ... --organization ...` draws another.\n",
        );
        if let Some(Person { slug, email, password }) = self.people.first() {
            let password = password.as_ref().map_or("...", |password| password.expose_secret());
            let _infallible = write!(
                text,
                "\nLog in:\n\n    curl -H 'Content-Type: application/json' http://{address}/api/v1/auth/login \\\n      \
                 -d '{{\"organizationSlug\":\"{slug}\",\"email\":\"{email}\",\"password\":\"{password}\"}}'\n"
            );
        }
        text
    }
}
