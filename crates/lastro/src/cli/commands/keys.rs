//! `lastro keys`.

use std::path::PathBuf;

use super::super::args::KeysCommand;
use super::super::failure::Failure;
use super::super::installation;
use super::super::output;
use super::super::session::{Session, Talk};

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
        }
        anyhow::Ok(())
    })?;
    Ok(())
}
