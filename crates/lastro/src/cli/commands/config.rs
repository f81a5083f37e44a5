//! `lastro config`.

use std::path::PathBuf;

use super::super::args::ConfigCommand;
use super::super::failure::Failure;
use super::super::{output, session};
use crate::config::{documentation, report};

pub(super) fn run(file: Option<PathBuf>, command: &ConfigCommand) -> Result<(), Failure> {
    let text = match command {
        ConfigCommand::Check => report(&session::load(file)?),
        ConfigCommand::Docs => documentation(),
    };
    output::answer(&text)?;
    Ok(())
}
