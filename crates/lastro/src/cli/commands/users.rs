//! `lastro users`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use http::App;
use identity::operator;
use kernel::OrganizationId;

use super::super::args::UsersCommand;
use super::super::failure::Failure;
use super::super::session::{Session, Talk};
use super::super::{installation, output, progress};
use crate::users_file::{self, UsersFile};

pub(super) fn run(file: Option<PathBuf>, command: &UsersCommand) -> Result<(), Failure> {
    let session = Session::begin(file, Talk::Trouble)?;
    session.runtime.block_on(async {
        let app = installation::open(&session).await?;
        match command {
            UsersCommand::Import { file, organization } => import(&app, file, organization).await,
        }
    })?;
    Ok(())
}

async fn import(app: &App, file: &Path, slug: &str) -> anyhow::Result<()> {
    let organization = installation::organization(app, slug).await?;
    let named = || file.display().to_string();
    let source = std::fs::read(file).with_context(named)?;
    let mut read = users_file::read(&source).with_context(named)?;
    refuse_taken(app, organization.id, &mut read).await?;
    if !read.problems.is_empty() {
        read.problems.sort();
        let lines = read
            .problems
            .iter()
            .map(|(line, problem)| format!("\n  line {line}: {problem}"));
        anyhow::bail!("nobody was imported from {}:{}", named(), lines.collect::<String>());
    }
    let count = read.people.len();
    let bar = Arc::new(progress::bar(count as u64, "importing users"));
    let people = read.people.into_iter().map(|(_, person)| person).collect();
    let advance = Arc::clone(&bar);
    operator::import_users(app.ports(), organization.id, people, move || advance.inc(1)).await?;
    bar.finish_and_clear();
    output::answer(&format!("{count} users of {slug} were imported.\n"))?;
    Ok(())
}

async fn refuse_taken(app: &App, organization: OrganizationId, read: &mut UsersFile) -> anyhow::Result<()> {
    for (number, person) in &read.people {
        let taken = operator::user_with_address(app.ports(), organization, person.email()).await?;
        if taken.is_some() {
            read.problems
                .push((*number, "email: the address of a user already".to_owned()));
        }
    }
    Ok(())
}
