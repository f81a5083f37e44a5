//! `lastro privacy`.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use http::App;
use identity::PersonalData;
use identity::domain::Email;
use kernel::OrganizationId;

use super::super::args::{PersonArgs, PrivacyCommand};
use super::super::failure::Failure;
use super::super::session::{Session, Talk};
use super::super::{installation, output};
use crate::privacy;

pub(super) fn run(file: Option<PathBuf>, command: &PrivacyCommand) -> Result<(), Failure> {
    if let PrivacyCommand::Erase { person, confirm: false } = command {
        return Err(Failure::Usage(format!(
            "this would erase {} of {} for good; say --confirm, and export it before",
            person.email, person.organization
        )));
    }
    let session = Session::begin(file, Talk::Trouble)?;
    session.runtime.block_on(async {
        let app = installation::open(&session).await?;
        match command {
            PrivacyCommand::Export { person, file } => export(&app, person, file.as_deref()).await,
            PrivacyCommand::Erase { person, .. } => {
                erase(&app, session.config().database.migration_url.expose(), person).await
            }
        }
    })?;
    Ok(())
}

async fn find(app: &App, person: &PersonArgs) -> anyhow::Result<(OrganizationId, PersonalData)> {
    let PersonArgs {
        organization: slug,
        email,
    } = person;
    let organization = installation::organization(app, slug).await?;
    let address = Email::new(email)?;
    let found = identity::personal_data(app.ports(), organization.id, &address).await?;
    let found = found.with_context(|| format!("nobody in {slug} has the address {email}"))?;
    Ok((organization.id, found))
}

async fn export(app: &App, person: &PersonArgs, file: Option<&Path>) -> anyhow::Result<()> {
    let (organization, found) = find(app, person).await?;
    match file {
        Some(path) => {
            let file = File::create_new(path).with_context(|| format!("{}", path.display()))?;
            let mut file = BufWriter::new(file);
            privacy::export(app, organization, &found, &mut file).await?;
            file.flush()?;
            output::answer(&format!(
                "All that is held of {} is in {}. Hand it to nobody else.\n",
                person.email,
                path.display()
            ))?;
        }
        None => privacy::export(app, organization, &found, &mut std::io::stdout()).await?,
    }
    Ok(())
}

async fn erase(app: &App, url: &str, person: &PersonArgs) -> anyhow::Result<()> {
    let (organization, found) = find(app, person).await?;
    let mentioned = privacy::erase(app, url, organization, &found.user).await?;
    output::answer(&format!(
        "The person is erased. The user {} stays as erased-{}@erased.invalid, and {mentioned} entries of the trail tell no more who \
         it was.\nBackups and archived trails are as they were.\n",
        found.user.id, found.user.id
    ))?;
    Ok(())
}
