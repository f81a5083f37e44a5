//! `lastro keys`.

use std::path::PathBuf;

use anyhow::Context as _;
use http::App;
use vault::Sealer;

use super::super::args::KeysCommand;
use super::super::failure::Failure;
use super::super::installation;
use super::super::output;
use super::super::session::{Session, Talk};
use crate::app::modules;

pub(super) fn run(file: Option<PathBuf>, command: &KeysCommand) -> Result<(), Failure> {
    let session = Session::begin(file, Talk::Trouble)?;
    session.runtime.block_on(async {
        let app = installation::open(&session).await?;
        match command {
            KeysCommand::Rotate { revoke } => {
                let kid = identity::rotate_keys(app.ports(), *revoke).await?;
                let former = if *revoke {
                    "what former keys signed is refused from now on"
                } else {
                    "what the former one signed is accepted until it ends"
                };
                output::answer(&format!("the key {kid} signs access tokens; {former}\n"))?;
            }
            KeysCommand::RotateMaster => rotate_master(&app).await?,
        }
        anyhow::Ok(())
    })?;
    Ok(())
}

/// Seals everything anew that was sealed under a former master key, column by column.
async fn rotate_master(app: &App) -> anyhow::Result<()> {
    let sealer = app.ports().get::<Sealer>()?;
    let platform = organization::platform(app.db())
        .await?
        .context("there is no platform organization")?;
    let mut unreadable = 0;
    for column in modules().iter().flat_map(|module| module.sealed.iter()) {
        let done = http::reseal(app.db(), &sealer, app.generators(), platform, column)
            .await
            .with_context(|| format!("the {}", column.name))?;
        output::answer(&format!("{}: {} sealed anew\n", column.name, done.sealed))?;
        if done.unreadable > 0 {
            output::answer(&format!(
                "{}: {} open under no key that is here\n",
                column.name, done.unreadable
            ))?;
        }
        unreadable += done.unreadable;
    }
    anyhow::ensure!(
        unreadable == 0,
        "{unreadable} values open under no key that is here; give the key they were sealed under in LASTRO_MASTER_KEY_PREVIOUS"
    );
    Ok(())
}
