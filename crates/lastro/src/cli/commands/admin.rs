//! `lastro admin`.

use std::path::PathBuf;

use anyhow::Context as _;
use http::App;
use identity::domain::Email;
use identity::operator;
use secrecy::{ExposeSecret as _, SecretString};

use super::super::args::AdminCommand;
use super::super::failure::Failure;
use super::super::installation;
use super::super::output;
use super::super::session::{Session, Talk};
use crate::administrators::{self, Administrator, drawn_password};

pub(super) fn run(file: Option<PathBuf>, command: &AdminCommand) -> Result<(), Failure> {
    let session = Session::begin(file, Talk::Trouble)?;
    session.runtime.block_on(async {
        let app = installation::open(&session).await?;
        match command {
            AdminCommand::Create { email, name, password } => create(&app, name, email, password.as_deref()).await,
            AdminCommand::ResetPassword {
                email,
                organization,
                password,
            } => reset(&app, organization, email, password.as_deref()).await,
        }
    })?;
    Ok(())
}

async fn create(app: &App, name: &str, email: &str, password: Option<&str>) -> anyhow::Result<()> {
    let platform = organization::platform(app.db())
        .await?
        .context("there is no platform organization")?;
    let (password, is_drawn) = chosen(app, password);
    let administrator = Administrator {
        name: name.to_owned(),
        email: email.to_owned(),
        password: Some(password.clone()),
    };
    let made = administrators::create(app, platform, &administrator, "admin create").await?;
    output::answer(&format!(
        "{} administers the platform.\n{}",
        made.email,
        shown(&password, is_drawn)
    ))?;
    Ok(())
}

async fn reset(app: &App, slug: &str, email: &str, password: Option<&str>) -> anyhow::Result<()> {
    let organization = installation::organization(app, slug).await?;
    let address = Email::new(email)?;
    let (password, is_drawn) = chosen(app, password);
    let changed = operator::reset_password(app.ports(), organization.id, &address, &password).await?;
    let user = changed.with_context(|| format!("nobody in {slug} has the address {email}"))?;
    let inactive = if user.is_active { "" } else { " The user is inactive." };
    output::answer(&format!(
        "{} has another password, and all sessions ended.{inactive}\n{}",
        user.email,
        shown(&password, is_drawn)
    ))?;
    Ok(())
}

/// The password that was asked for, or a drawn one.
fn chosen(app: &App, password: Option<&str>) -> (SecretString, bool) {
    match password {
        Some(password) => (SecretString::from(password), false),
        None => (drawn_password(&*app.generators().random), true),
    }
}

/// A drawn password, which is shown this once.
fn shown(password: &SecretString, is_drawn: bool) -> String {
    if is_drawn {
        format!("The password, shown this once: {}\n", password.expose_secret())
    } else {
        String::new()
    }
}
